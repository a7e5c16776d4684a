"""/v1/agent/reload, leave, join and force-leave: what changes the agent rather than the catalog.

There is no pool of other agents here, so that nothing can be joined or made to leave it.
"""

import asyncio

from registry.api.world import World
from registry.config import SettingError
from registry.http.errors import HttpError
from registry.http.request import EMPTY, Request, Response
from registry.http.routing import WriteRoute

LEAVE_AFTER_S = 0.1
"""How long after a leave the stop begins, so that the answer is out by then."""


async def reload(request: Request[World]) -> Response:
    """Have the settings read again; a wrong one is refused and changes nothing."""
    try:
        # Not in the loop: a thousand definition files take long enough for lookups to notice.
        await asyncio.to_thread(request.world.reload)
    except SettingError as error:
        raise HttpError(500, str(error)) from None
    return EMPTY


async def leave(request: Request[World]) -> Response:
    """Stop the registry gracefully, once this is answered."""
    asyncio.get_running_loop().call_later(LEAVE_AFTER_S, request.world.leave)
    return EMPTY


async def join(request: Request[World]) -> Response:
    """Refuse: there is no pool to join."""
    if request.first("wan"):
        raise HttpError(500, "WAN Federation is disabled")
    raise HttpError(
        500,
        f"1 error occurred:\n\t* Failed to join {request.argument}: this registry runs alone, "
        "without a pool of agents\n\n",
    )


async def force_leave(request: Request[World]) -> Response:
    """Refuse every node but the own one, which is the only member and stays."""
    if request.argument != request.world.settings.node_name:
        raise HttpError(500, f"agent: No node found with name '{request.argument}'")
    return EMPTY


ROUTES = (
    WriteRoute(
        path="/v1/agent/reload", handler=reload, summary="Read the settings again", right="agent:write"
    ),
    WriteRoute(
        path="/v1/agent/leave", handler=leave, summary="Stop the registry gracefully", right="agent:write"
    ),
    WriteRoute(
        path="/v1/agent/join/", handler=join, summary="Join a pool; there is none", right="agent:write"
    ),
    WriteRoute(
        path="/v1/agent/force-leave/",
        handler=force_leave,
        summary="Make a member leave; there is only this one",
        right="operator:write",
    ),
)
