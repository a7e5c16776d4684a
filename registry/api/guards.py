"""/v1/internal/guards: which guards against mass failures are on, and ending them by hand."""

from typing import Any

import msgspec

from registry.api.guarded import shown_time
from registry.api.params import argument
from registry.api.world import World
from registry.catalog import select, topics
from registry.catalog.guards import HOLD_OFF_KEY, TRIPS_KEY, Guard
from registry.catalog.rows import fold
from registry.catalog.state import Catalog
from registry.http.answer import Result
from registry.http.errors import HttpError
from registry.http.request import Read, Request, Response
from registry.http.routing import ReadRoute, WriteRoute
from registry.replica import Draft
from registry.store.change import Change
from registry.wire.encode import dumps

JSON = b"application/json"


def guards(read: Read[World]) -> Result:
    """Answer the guards that are on or were ended by hand, how many are on, and how many there have been."""
    catalog = read.world.catalog
    found = [catalog.guards[key] for key in sorted(catalog.guards)]
    body = {
        "Active": sum(not guard.row.released for guard in found),
        "Trips": int(catalog.meta.get(TRIPS_KEY, b"0")),
        "Guards": [_shown(catalog, guard) for guard in found],
    }
    # What is held changes with the checks of the services.
    seen = [topics.service(key) for key in sorted(catalog.guards)]
    return Result(dumps(body), (topics.GUARDS, *seen))


def _shown(catalog: Catalog, guard: Guard) -> dict[str, Any]:
    row = guard.row
    group = catalog.services.get(fold(row.name))
    return {
        "Service": row.name,
        "Reason": row.reason,
        "Scope": "all" if row.everywhere else "service",
        "Began": shown_time(row.began_ms),
        "EndsAtTheLatest": shown_time(row.ends_ms),
        "Released": row.released,
        "Holding": len(select.held(catalog, group)),
        "Instances": len(group.members) if group else 0,
    }


async def release(request: Request[World]) -> Response:
    """End the guard of a service; none begins there until its reason has gone or its limit has passed."""
    name = argument(request, "service name")
    released: list[str] = []

    def draft(catalog: Catalog) -> Change | None:
        guard = catalog.guards.get(fold(name))
        if guard is None:
            raise HttpError(
                404, f"No guard is on for service {name!r}; /v1/internal/guards lists those that are"
            )
        released[:] = [guard.row.name]
        changes = Draft(catalog)
        changes.put_guard(msgspec.structs.replace(guard.row, released=True))
        return changes.change()

    await request.world.write(draft)
    return Response(dumps({"Released": released}), content_type=JSON)


async def release_all(request: Request[World]) -> Response:
    """End all guards, and let no other begin until the reasons of these have gone or their limits passed."""
    released: list[str] = []

    def draft(catalog: Catalog) -> Change | None:
        if not catalog.guards:
            raise HttpError(404, "No guard is on")
        on = [guard.row for _, guard in sorted(catalog.guards.items()) if not guard.row.released]
        released[:] = [row.name for row in on]
        changes = Draft(catalog)
        for row in on:
            changes.put_guard(msgspec.structs.replace(row, released=True))
        if on:
            until = max(guard.row.ends_ms for guard in catalog.guards.values())
            changes.put_meta(HOLD_OFF_KEY, b"%d" % until)
        return changes.change()

    await request.world.write(draft)
    return Response(dumps({"Released": released}), content_type=JSON)


ROUTES = (
    ReadRoute(
        path="/v1/internal/guards",
        handler=guards,
        summary="Guards against mass failures that are on",
        right="operator:read",
        meta=True,
        blocking=True,
        any_dc=True,
    ),
    WriteRoute(
        path="/v1/internal/guard/release/",
        handler=release,
        summary="End the guard of a service",
        right="operator:write",
    ),
    WriteRoute(
        path="/v1/internal/guards/release",
        handler=release_all,
        summary="End all guards",
        right="operator:write",
    ),
)
