"""/v1/agent/service/register and deregister."""

from registry.api.agent.definitions import SERVICE
from registry.api.agent.local import own_node, require_service
from registry.api.agent.registration import ServiceRegistration
from registry.api.agent.sidecar import registered_sidecar
from registry.api.bodies import read_object
from registry.api.world import World
from registry.catalog.state import Catalog
from registry.http.errors import HttpError
from registry.http.request import EMPTY, Request, Response
from registry.http.routing import WriteRoute
from registry.replica import Draft
from registry.store.change import Change


async def register(request: Request[World]) -> Response:
    """Register a service with its checks and its sidecar, or replace the one with the same ID."""
    given = await read_object(request, SERVICE)
    replace = request.params.get("replace-existing-checks", ["no"])[0] in ("", "true")
    registration = ServiceRegistration.of(request.world.settings, given, replace=replace)
    await request.world.write(registration.draft)
    return EMPTY


async def deregister(request: Request[World]) -> Response:
    """Remove a service with its checks and its sidecar."""
    service_id = request.argument
    if not service_id:
        raise HttpError(500, "ServiceID missing")
    settings = request.world.settings

    def draft(catalog: Catalog) -> Change | None:
        changes = Draft(catalog)
        instance = require_service(own_node(catalog, settings), service_id)
        sidecar = registered_sidecar(instance)
        changes.remove_instance(instance)
        if sidecar is not None:
            changes.remove_instance(sidecar)
        return changes.change()

    await request.world.write(draft)
    return EMPTY


ROUTES = (
    WriteRoute(
        path="/v1/agent/service/register",
        handler=register,
        summary="Register a service with its checks",
        right="service:write",
    ),
    WriteRoute(
        path="/v1/agent/service/deregister/",
        handler=deregister,
        summary="Remove a service with its checks",
        right="service:write",
    ),
)
