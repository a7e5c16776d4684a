"""/v1/agent/check/pass, warn, fail and update: the heartbeats of TTL checks.

A heartbeat that says what is known already changes nothing: it is no commit and wakes nobody. One that
brings nothing but another text wakes nobody either, and is written only now and then; see `TextPace`.
"""

from registry.api.agent.check_types import STATUSES
from registry.api.agent.definitions import CHECK_UPDATE
from registry.api.agent.local import own_node, require_check
from registry.api.bodies import read_object
from registry.api.world import World
from registry.catalog.rows import CheckRow, fold, unpack_check
from registry.catalog.state import Catalog
from registry.http.errors import HttpError
from registry.http.request import EMPTY, Request, Response
from registry.http.routing import WriteRoute
from registry.replica import Draft
from registry.store.change import Change


async def pass_(request: Request[World]) -> Response:
    """Set a TTL check to passing."""
    return await _set(request, "passing", request.first("note"))


async def warn(request: Request[World]) -> Response:
    """Set a TTL check to warning."""
    return await _set(request, "warning", request.first("note"))


async def fail(request: Request[World]) -> Response:
    """Set a TTL check to critical."""
    return await _set(request, "critical", request.first("note"))


async def update(request: Request[World]) -> Response:
    """Set a TTL check to the status and output in the body; a missing output empties it."""
    given = await read_object(request, CHECK_UPDATE)
    status = given.get("Status", "")
    if status not in STATUSES:
        raise HttpError(400, f"Invalid check status: '{status}'")
    return await _set(request, status, given.get("Output", ""))


async def _set(request: Request[World], status: str, output: str) -> Response:
    settings, pace = request.world.settings, request.world.text_pace
    now = request.world.steady_s()

    def draft(catalog: Catalog) -> Change | None:
        check = require_check(own_node(catalog, settings), request.argument)
        row = unpack_check(check.packed)
        if row.type != "ttl":
            raise HttpError(500, f'CheckID "{check.id}" does not have associated TTL')
        text = clipped(output, _output_max(row, settings.max_output_bytes))
        if row.status == status and row.output == text:
            return None  # what nearly all heartbeats say
        changes = Draft(catalog)
        if row.status == status and row.output != text and not pace.allows((check.key, check.create), now):
            return None
        changes.put_result(row, status, text)
        return changes.change()

    await request.world.write(draft)
    request.world.beat(fold(request.argument))
    return EMPTY


def _output_max(row: CheckRow, most: int) -> int:
    """Return the bytes of output kept; a check's own limit can only lower the general one."""
    own = (row.probe or {}).get("OutputMaxSize") or most
    return min(int(own), most)


def clipped(output: str, most: int) -> str:
    """Return an output of at most ``most`` bytes of UTF-8, with Consul's remark when some were cut off.

    Consul may cut through a character, which then shows as U+FFFD; here such a character goes whole.
    """
    encoded = output.encode()
    if len(encoded) <= most:
        return output
    kept = encoded[:most].decode(errors="ignore")
    return f"{kept} ... (captured {most} of {len(encoded)} bytes)"


ROUTES = (
    WriteRoute(
        path="/v1/agent/check/pass/",
        handler=pass_,
        summary="Set a TTL check to passing",
        right="service:write",
    ),
    WriteRoute(
        path="/v1/agent/check/warn/",
        handler=warn,
        summary="Set a TTL check to warning",
        right="service:write",
    ),
    WriteRoute(
        path="/v1/agent/check/fail/",
        handler=fail,
        summary="Set a TTL check to critical",
        right="service:write",
    ),
    WriteRoute(
        path="/v1/agent/check/update/",
        handler=update,
        summary="Set status and output of a TTL check",
        right="service:write",
    ),
)
