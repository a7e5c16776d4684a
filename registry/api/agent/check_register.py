"""/v1/agent/check/register and deregister."""

from typing import Any

from registry.api.agent.check_limit import count_checks, refuse_too_many
from registry.api.agent.check_rows import keeping_state, single_check
from registry.api.agent.check_types import STATUSES, problem, refuse_scripts
from registry.api.agent.definitions import CHECK_REGISTRATION
from registry.api.agent.local import local_service, own_node, require_check
from registry.api.agent.service_rules import check_check_names, check_tenancy
from registry.api.bodies import read_object
from registry.api.world import World
from registry.catalog.entities import Instance, Node
from registry.catalog.rows import fold, unpack_service
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.http.errors import HttpError
from registry.http.request import EMPTY, Request, Response
from registry.http.routing import WriteRoute
from registry.replica import Draft
from registry.store.change import Change


async def register(request: Request[World]) -> Response:
    """Register a check for a service or for the node, or replace the one with the same ID."""
    given = await read_object(request, CHECK_REGISTRATION)
    settings = request.world.settings
    check_definition(settings, given)
    check_id, service_id = given.get("ID") or given["Name"], given.get("ServiceID", "")

    def draft(catalog: Catalog) -> Change | None:
        node = own_node(catalog, settings)
        instance = _service(node, service_id) if service_id else None
        refuse_scripts(settings, given)
        key = fold(check_id)
        siblings = instance.checks if instance else node.level_checks
        refuse_too_many(settings, count_checks(siblings, besides={key}) + 1)
        service = unpack_service(instance.packed) if instance else None
        row = single_check(settings.node_name, check_id, given, service)
        changes = Draft(catalog)
        changes.put_check(keeping_state(row, node.checks.get(key)))
        return changes.change()

    await request.world.write(draft)
    return EMPTY


def check_definition(settings: Settings, given: dict[str, Any]) -> None:
    """Refuse a check's definition that is wrong whatever the catalog holds.

    Raises:
        HttpError: 400 with Consul's text, or with our own that names the limit.
    """
    if not given.get("Name"):
        raise HttpError(400, "Missing check name")
    if given.get("Status", "") not in ("", *STATUSES):
        raise HttpError(400, "Bad check status")
    check_tenancy(given)
    wrong = problem(given)
    if wrong:
        raise HttpError(400, f"Invalid check: {wrong}")
    check_check_names(settings, given.get("ID") or given["Name"], given["Name"])


def _service(node: Node, service_id: str) -> Instance:
    instance = local_service(node, service_id)
    if instance is None:
        raise HttpError(404, f'ServiceID "{service_id}" does not exist')
    return instance


async def deregister(request: Request[World]) -> Response:
    """Remove a check."""
    settings = request.world.settings

    def draft(catalog: Catalog) -> Change | None:
        changes = Draft(catalog)
        changes.remove_check(require_check(own_node(catalog, settings), request.argument))
        return changes.change()

    await request.world.write(draft)
    return EMPTY


ROUTES = (
    WriteRoute(
        path="/v1/agent/check/register",
        handler=register,
        summary="Register a check",
        right="service:write",
    ),
    WriteRoute(
        path="/v1/agent/check/deregister/",
        handler=deregister,
        summary="Remove a check",
        right="service:write",
    ),
)
