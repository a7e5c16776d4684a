"""/v1/agent/maintenance and service/maintenance: a critical check that takes things out of service."""

from registry.api.agent.check_rows import maintenance_check
from registry.api.agent.local import own_node, require_service
from registry.api.world import World
from registry.catalog.entities import Node
from registry.catalog.maintenance import NODE_MAINTENANCE, SERVICE_MAINTENANCE
from registry.catalog.rows import CheckRow, fold, unpack_service
from registry.catalog.state import Catalog
from registry.http.errors import HttpError
from registry.http.request import EMPTY, Request, Response
from registry.http.routing import WriteRoute
from registry.replica import Draft
from registry.store.change import Change
from registry.wire.booleans import parse_bool
from registry.wire.quote import quote


async def of_node(request: Request[World]) -> Response:
    """Put the node into maintenance, or end it; a repeated request changes nothing, not the reason."""
    settings = request.world.settings
    enable, reason = _enable(request), request.first("reason")

    def draft(catalog: Catalog) -> Change | None:
        node = own_node(catalog, settings)
        if not enable:
            return _without(catalog, node, NODE_MAINTENANCE)
        return _with(catalog, node, maintenance_check(settings.node_name, reason))

    await request.world.write(draft)
    return EMPTY


async def of_service(request: Request[World]) -> Response:
    """Put a service into maintenance, or end it; a repeated request changes nothing, not the reason."""
    if not request.argument:
        raise HttpError(400, "Missing service ID")
    settings = request.world.settings
    enable, reason = _enable(request), request.first("reason")

    def draft(catalog: Catalog) -> Change | None:
        node = own_node(catalog, settings)
        instance = require_service(node, request.argument)
        if not enable:
            return _without(catalog, node, SERVICE_MAINTENANCE + instance.id)
        service = unpack_service(instance.packed)
        return _with(catalog, node, maintenance_check(settings.node_name, reason, service))

    await request.world.write(draft)
    return EMPTY


def _enable(request: Request[World]) -> bool:
    values = request.params.get("enable")
    if values is None:
        raise HttpError(400, "Missing value for enable")
    try:
        return parse_bool(values[0])
    except ValueError:
        raise HttpError(400, f"Invalid value for enable: {quote(values[0])}") from None


def _with(catalog: Catalog, node: Node, row: CheckRow) -> Change | None:
    if fold(row.id) in node.checks:
        return None
    draft = Draft(catalog)
    draft.put_check(row)
    return draft.change()


def _without(catalog: Catalog, node: Node, check_id: str) -> Change | None:
    check = node.checks.get(fold(check_id))
    if check is None:
        return None
    draft = Draft(catalog)
    draft.remove_check(check)
    return draft.change()


ROUTES = (
    WriteRoute(
        path="/v1/agent/maintenance",
        handler=of_node,
        summary="Put the node into maintenance, or end it",
        right="node:write",
    ),
    WriteRoute(
        path="/v1/agent/service/maintenance/",
        handler=of_service,
        summary="Put a service into maintenance, or end it",
        right="service:write",
    ),
)
