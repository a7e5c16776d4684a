"""/v1/agent/service/register and deregister."""

from dataclasses import dataclass
from typing import Any

from registry.api.agent.check_limit import count_checks, refuse_too_many
from registry.api.agent.check_rows import keeping_state, service_check
from registry.api.agent.definitions import SERVICE
from registry.api.agent.local import own_node, require_service
from registry.api.agent.service_rules import check_late, check_service, embedded_checks, ip_family
from registry.api.agent.sidecar import default_checks, port_for, registered_sidecar, sidecar_of
from registry.api.bodies import read_object
from registry.api.limits import check_room
from registry.api.services import build_service
from registry.api.world import World
from registry.catalog.entities import Node
from registry.catalog.rows import CheckRow, ServiceRow, fold
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.http.errors import HttpError
from registry.http.request import EMPTY, Request, Response
from registry.http.routing import WriteRoute
from registry.replica import Draft
from registry.store.change import Change


async def register(request: Request[World]) -> Response:
    """Register a service with its checks and its sidecar, or replace the one with the same ID."""
    given = await read_object(request, SERVICE)
    settings = request.world.settings
    checks = check_service(settings, given)
    sidecar = sidecar_of(settings, given)
    check_late(given, checks)
    if sidecar is not None:
        check_late(sidecar, embedded_checks(sidecar))
    replace = request.params.get("replace-existing-checks", ["no"])[0] in ("", "true")
    service = service_row(settings.node_name, given)
    rows = _check_rows(service, [check for _, check in checks])
    registration = _Registration(settings, service, rows, sidecar, replace)
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


@dataclass(frozen=True, slots=True)
class _Registration:
    """One service/register request, found to be right; `draft` may run several times.

    Attributes:
        service, checks: as they will be stored, but for the state that a check has already.
        sidecar: the definition of its sidecar, which gets its port when it is drafted.
        replace: checks of the service that are not in the request go.
    """

    settings: Settings
    service: ServiceRow
    checks: list[CheckRow]
    sidecar: dict[str, Any] | None
    replace: bool

    def draft(self, catalog: Catalog) -> Change | None:
        """Return the change that the request makes of the catalog."""
        node = own_node(catalog, self.settings)
        draft = Draft(catalog)
        services, rows = [self.service], self.checks
        if self.sidecar is not None:
            sidecar, its_rows = self._sidecar_rows(self.sidecar, port_for(self.sidecar, catalog, node, draft))
            services, rows = [*services, sidecar], [*rows, *its_rows]
        checks: dict[str, CheckRow] = {}
        for row in rows:
            # Of two with the same ID the last one counts.
            key = fold(row.id)
            checks[key] = keeping_state(row, node.checks.get(key))
        self._check_room(catalog, node, services, checks)
        for service in services:
            draft.put_service(service)
        for row in checks.values():
            draft.put_check(row)
        if self.replace:
            self._remove_others(draft, node, services, checks)
        return draft.change()

    def _sidecar_rows(self, given: dict[str, Any], port: int) -> tuple[ServiceRow, list[CheckRow]]:
        service = service_row(self.settings.node_name, given | {"Port": port})
        definitions = [check for _, check in embedded_checks(given)] or default_checks(given, port)
        return service, _check_rows(service, definitions)

    def _check_room(
        self, catalog: Catalog, node: Node, services: list[ServiceRow], checks: dict[str, CheckRow]
    ) -> None:
        new = sum(fold(service.id) not in node.instances for service in services)
        check_room(self.settings, catalog.instance_count, new)
        for service in services:
            bound = sum(row.service_id == service.id for row in checks.values())
            instance = node.instances.get(fold(service.id))
            if instance is not None and not self.replace:
                bound += count_checks(instance.checks, besides=checks)
            refuse_too_many(self.settings, bound)

    def _remove_others(
        self, draft: Draft, node: Node, services: list[ServiceRow], kept: dict[str, CheckRow]
    ) -> None:
        for service in services:
            instance = node.instances.get(fold(service.id))
            for check in instance.checks if instance else ():
                if check.local and check.key not in kept:
                    draft.remove_check(check)


def service_row(node: str, given: dict[str, Any]) -> ServiceRow:
    """Return the row of a definition, with the tagged addresses that the agent adds for an IP address."""
    tagged = dict(given.get("TaggedAddresses", {}))
    address, port = given.get("Address", ""), given.get("Port", 0)
    family = ip_family(address) if address else ""
    if family:
        for label in (f"lan_{family}", f"wan_{family}"):
            tagged.setdefault(label, {"Address": address, "Port": port})
    full = given | {"TaggedAddresses": tagged}
    if "Locality" in given:
        region, zone = given["Locality"].get("Region", ""), given["Locality"].get("Zone", "")
        full["Locality"] = {"Region": region, "Zone": zone} if region or zone else None
    return build_service(node, given.get("ID") or given["Name"], given["Name"], full, local=True)


def _check_rows(service: ServiceRow, definitions: list[dict[str, Any]]) -> list[CheckRow]:
    default = f"service:{service.id}"
    return [
        service_check(
            service,
            given.get("CheckID") or (default if len(definitions) == 1 else f"{default}:{place}"),
            given,
        )
        for place, given in enumerate(definitions, 1)
    ]


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
