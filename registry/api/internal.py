"""/v1/internal: what the registry's own command line shows, beyond Consul's API.

The list of checks joins three sources: the catalog (what a check is and how it stands), the history (since
when), and what the keeper publishes in shared memory (when it ran and runs next). The last is there for
checks that this registry runs; those that others report through the catalog have none.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from registry.api import check_page
from registry.api.agent.local import own_key
from registry.api.world import World
from registry.catalog.entities import Check
from registry.catalog.history import HISTORY, Transition, unpack_history
from registry.catalog.rows import CheckRow, fold, member_key, unpack_check
from registry.http.errors import HttpError
from registry.http.request import Request, Response
from registry.http.routing import WriteRoute
from registry.store.beats import beat_clock, beat_hash
from registry.wire.encode import dumps, pretty

SLICE = 20
"""Checks shown before other requests have their turn: less than a millisecond."""

OUTPUT_CHARS = 200
"""How much of an output's first line is shown."""

_NOT_RUN: dict[str, Any] = {
    "LastRun": None,
    "LatencyMs": None,
    "NextRun": None,
    "LastResult": "",
    "Runs": 0,
}


async def checks(request: Request[World]) -> Response:
    """Answer a page of checks with how and since when they stand, when they ran and run next."""
    world = request.world
    asked = check_page.wanted(request)
    found = check_page.candidates(world.catalog, asked)
    chosen, following = await asyncio.to_thread(check_page.page, found, asked)
    world.live.refresh()
    world.beats.find_new()
    parts = []
    for number, check in enumerate(chosen, 1):
        parts.append(dumps(_shown(world, check)))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    body = b'{"Checks":[%s],"Next":%s}' % (b",".join(parts), dumps(following))
    return _json(request, body)


def _shown(world: World, check: Check) -> dict[str, Any]:
    row = unpack_check(check.packed)
    return {
        "Node": row.node,
        "CheckID": row.id,
        "Name": row.name,
        "ServiceID": row.service_id,
        "ServiceName": row.service_name,
        "Kind": row.type,
        "Status": row.status,
        "Since": _since(row, _history(world, check)),
        **_live(world, check, row),
        "Output": row.output.lstrip().partition("\n")[0][:OUTPUT_CHARS].rstrip(),
    }


def _history(world: World, check: Check) -> list[Transition]:
    key = member_key(check.node_key, check.key)
    most = world.settings.check_history
    return unpack_history(world.store.read(HISTORY, key))[-most:] if most else []


def _since(row: CheckRow, history: list[Transition]) -> str | None:
    """Return when a check took its status; None when that is not known, or not written down yet."""
    last = history[-1] if history else None
    return _time(last.time_ms) if last and last.after == row.status else None


def _live(world: World, check: Check, row: CheckRow) -> dict[str, Any]:
    number = beat_hash(check.key)
    seen = world.live.seen(number) if check.local and check.node_key == own_key(world) else None
    if seen is None:
        return _NOT_RUN
    last, due = seen.last, seen.next
    ttl = int((row.probe or {}).get("TTL", 0))
    if ttl and (beat := world.beats.last(number)):
        last, due = beat, max(due, beat + ttl)  # the keeper looks at heartbeats only when one is due
    now, now_ms = beat_clock(), int(world.now_s() * 1000)

    def wall(time_ns: int) -> str | None:
        return _time(now_ms + (time_ns - now) // 1_000_000) if time_ns else None

    return {
        "LastRun": wall(last),
        "LatencyMs": seen.took_us / 1000 if seen.last and not ttl else None,
        "NextRun": wall(due),
        "LastResult": seen.status,
        "Runs": seen.runs,
    }


async def check_history(request: Request[World]) -> Response:
    """Answer the last changes of a check's status, the oldest first."""
    world = request.world
    check_id, node_name = request.first("check"), request.first("node") or world.settings.node_name
    if not check_id:
        raise HttpError(400, "Missing check: expected ?check=CHECK-ID, and &node=NODE for another node's")
    node = world.catalog.node(node_name)
    check = node.checks.get(fold(check_id)) if node else None
    if check is None:
        raise HttpError(
            404,
            f"Unknown check ID {check_id!r} on node {node_name!r}; "
            "GET /v1/internal/checks lists those there are",
        )
    row, history = unpack_check(check.packed), _history(world, check)
    shown = {
        "Node": row.node,
        "CheckID": row.id,
        "Status": row.status,
        "Since": _since(row, history),
        "History": [
            {"Time": _time(each.time_ms), "From": each.before, "To": each.after, "Reason": each.reason}
            for each in history
        ],
    }
    return _json(request, dumps(shown))


def _time(time_ms: int) -> str:
    """Return a time as RFC 3339 has it, in UTC."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(request: Request[World], body: bytes) -> Response:
    return Response(pretty(body) if "pretty" in request.params else body, content_type=b"application/json")


ROUTES = (
    WriteRoute(
        path="/v1/internal/checks",
        handler=checks,
        method="GET",
        summary="Checks with since when they stand, last run, latency and next run",
        right="node:read",
    ),
    WriteRoute(
        path="/v1/internal/check-history",
        handler=check_history,
        method="GET",
        summary="The last changes of a check's status with time and reason",
        right="node:read",
    ),
)
