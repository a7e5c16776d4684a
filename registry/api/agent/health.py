"""/v1/agent/health/service: the health of the agent's services, as a status code.

200 for passing, 429 for warning, 503 for critical and maintenance, so that a load balancer needs to look
at the code alone. Node-level checks count for every service.
"""

from collections.abc import Sequence
from typing import Any

from registry.api.agent.local import local_service, local_services, own_key
from registry.api.agent.views import health_check_dict, service_dict
from registry.api.world import World
from registry.catalog import topics
from registry.catalog.entities import Check, Instance
from registry.catalog.maintenance import is_maintenance
from registry.catalog.rows import unpack_check, unpack_service
from registry.http.answer import Result
from registry.http.errors import HttpError
from registry.http.request import Read
from registry.http.routing import ReadRoute
from registry.wire.encode import dumps

_CODES = {"passing": 200, "warning": 429, "critical": 503, "maintenance": 503}
_BY_SEVERITY = ("maintenance", "critical", "warning")
NOT_FOUND = 404


def by_name(read: Read[World]) -> Result:
    """Answer the health of the services with a name; the code is that of the worst."""
    name = read.argument
    if not name:
        raise HttpError(500, "Missing service Name")
    world = read.world
    found = [instance for instance in local_services(world.own_node) if instance.name == name]
    statuses = [_aggregated(_checks_of(instance)) for instance in found]
    code, reason = NOT_FOUND, f"ServiceName {name} Not Found"
    for status in statuses:
        if code == NOT_FOUND or _CODES[status] > code:
            code, reason = _CODES[status], status
    return _answer(
        read,
        code,
        reason,
        [_shown(world, each, status) for each, status in zip(found, statuses, strict=True)],
    )


def by_id(read: Read[World]) -> Result:
    """Answer the health of one service."""
    if not read.argument:
        raise HttpError(500, "Missing serviceID")
    world = read.world
    instance = local_service(world.own_node, read.argument)
    if instance is None:
        body = {"AggregatedStatus": "critical", "Service": None, "Checks": None}
        return _answer(read, NOT_FOUND, f"ServiceId {read.argument} not found", body)
    status = _aggregated(_checks_of(instance))
    return _answer(read, _CODES[status], status, _shown(world, instance, status))


def _checks_of(instance: Instance) -> list[Check]:
    """Return the agent's checks that count for a service."""
    return [check for check in (*instance.node.level_checks, *instance.checks) if check.local]


def _aggregated(checks: Sequence[Check]) -> str:
    """Return the worst status.

    A maintenance check counts as maintenance whatever its status. A status that is none of Consul's,
    which catalog/register takes, counts as critical.
    """
    found = {"maintenance" if is_maintenance(check.id) else check.status for check in checks}
    known = {status if status in _CODES else "critical" for status in found}
    return next((status for status in _BY_SEVERITY if status in known), "passing")


def _shown(world: World, instance: Instance, status: str) -> dict[str, Any]:
    return {
        "AggregatedStatus": status,
        "Service": service_dict(unpack_service(instance.packed), world.datacenter),
        "Checks": [health_check_dict(unpack_check(check.packed)) for check in _checks_of(instance)],
    }


def _answer(read: Read[World], code: int, reason: str, body: Any) -> Result:
    key = own_key(read.world)
    text = read.accept_text or read.first("format") == "text"
    return Result(
        reason.encode() if text else dumps(body),
        (topics.node(key), topics.node_checks(key)),
        status=code,
        content_type=b"text/plain" if text else b"application/json",
        headers=((b"x-consul-reason", reason.encode()),),
    )


ROUTES = (
    ReadRoute(
        path="/v1/agent/health/service/name/",
        handler=by_name,
        summary="Health of the agent's services with a name",
        right="service:read",
        any_dc=True,
    ),
    ReadRoute(
        path="/v1/agent/health/service/id/",
        handler=by_id,
        summary="Health of one of the agent's services",
        right="service:read",
        any_dc=True,
    ),
)
