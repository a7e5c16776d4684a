"""From a service's definition, found to be right, to the rows that registering it writes."""

from dataclasses import dataclass
from typing import Any, Self

from registry.api.agent.check_limit import count_checks, refuse_too_many
from registry.api.agent.check_rows import keeping_state, service_check
from registry.api.agent.local import own_node
from registry.api.agent.service_rules import check_late, check_service, embedded_checks, ip_family
from registry.api.agent.sidecar import default_checks, port_for, sidecar_of
from registry.api.limits import check_room
from registry.api.services import build_service
from registry.catalog.entities import Node
from registry.catalog.rows import CheckRow, ServiceRow, fold
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.replica import Draft
from registry.store.change import Change


@dataclass(frozen=True, slots=True)
class ServiceRegistration:
    """A service to be registered with its checks and its sidecar; `draft` may run several times.

    Attributes:
        service, checks: as they will be stored, but for the state that a check has already.
        sidecar: the definition of its sidecar, which gets its port when it is drafted.
        replace: checks of the service that are not in the definition go.
    """

    settings: Settings
    service: ServiceRow
    checks: list[CheckRow]
    sidecar: dict[str, Any] | None
    replace: bool

    @classmethod
    def of(
        cls, settings: Settings, given: dict[str, Any], *, replace: bool = False, from_file: bool = False
    ) -> Self:
        """Return the registration that a definition asks for.

        Args:
            settings: the limits, and whose checks may run programs.
            given: its fields by canonical name, of the kinds that they have to be of.
            replace: as the attribute.
            from_file: whether it comes from a definition file rather than over the API.

        Raises:
            HttpError: something in it is wrong, whatever the catalog holds.
        """
        checks = check_service(settings, given)
        sidecar = sidecar_of(settings, given)
        check_late(settings, given, checks, from_file=from_file)
        if sidecar is not None:
            check_late(settings, sidecar, embedded_checks(sidecar), from_file=from_file)
        service = _service_row(settings.node_name, given)
        rows = _check_rows(service, [check for _, check in checks])
        return cls(settings, service, rows, sidecar, replace)

    def rows(
        self, catalog: Catalog, node: Node, draft: Draft, drawn: set[int]
    ) -> tuple[list[ServiceRow], list[CheckRow]]:
        """Return the rows of the service, its sidecar and their checks, without the state of checks.

        Args:
            catalog: as it is.
            node: the own node in it.
            draft: the change they are for; drawing a port for the sidecar writes to it.
            drawn: ports that the change has drawn already; the one drawn here is added.

        Raises:
            HttpError: 500, there is no port left for the sidecar.
        """
        if self.sidecar is None:
            return [self.service], self.checks
        port = port_for(self.sidecar, catalog, node, draft, drawn)
        sidecar = _service_row(self.settings.node_name, self.sidecar | {"Port": port})
        definitions = [check for _, check in embedded_checks(self.sidecar)]
        its_rows = _check_rows(sidecar, definitions or default_checks(self.sidecar, port))
        return [self.service, sidecar], [*self.checks, *its_rows]

    def draft(self, catalog: Catalog) -> Change | None:
        """Return the change that the registration makes of the catalog.

        Raises:
            HttpError: the catalog has no room for it.
        """
        node = own_node(catalog, self.settings)
        draft = Draft(catalog)
        services, rows = self.rows(catalog, node, draft, set())
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


def _service_row(node: str, given: dict[str, Any]) -> ServiceRow:
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
