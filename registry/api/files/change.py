"""What the definition files make of the catalog.

Guarantees
    - All that the files define is registered by one change, or none of it: no reader sees a part.
    - One reading of the files is registered once, however many workers try: the change writes which
      reading it was, under a guard. So what the API does to a service afterwards stays until the files
      are read again, even when a worker is replaced in between.
    - What is in no file any more goes after what is new has come, so that a service that is renamed is
      never missing. It goes only if it is still as a file defined it: what has been registered over the
      API since is the API's.

What came from files is known by marks in the rows themselves, which whoever registers the same thing in
another way does not set (``from_file``, `FROM_FILE`), and by a list in one row of the meta table, so that
nothing has to be searched for.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from registry.api.agent.check_limit import count_checks, refuse_too_many
from registry.api.agent.check_rows import keeping_state, single_check
from registry.api.agent.local import own_node
from registry.api.files.definitions import Definitions
from registry.api.limits import check_room
from registry.catalog.entities import Check, Instance, Node
from registry.catalog.rows import FROM_FILE, CheckRow, ServiceRow, fold, unpack_check, unpack_service
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.replica import Draft
from registry.store.change import Change

META_KEY = b"definition_files"
"""Where the list of what came from files is kept."""


class _Listed(msgspec.Struct, array_like=True):
    """What came from files: the reading, and folded IDs of what is in them and of what has yet to go."""

    reading: str = ""
    services: list[str] = []
    checks: list[str] = []
    leaving_services: list[str] = []
    leaving_checks: list[str] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Listed).decode


def draft_arrivals(catalog: Catalog, settings: Settings, definitions: Definitions) -> Change | None:
    """Return the change that registers what the files define, None when this reading is registered.

    Raises:
        HttpError: the own node is not there, or there is no room for all of it.
    """
    listed = _listed(catalog)
    if listed.reading == definitions.reading:
        return None
    node = own_node(catalog, settings)
    draft = Draft(catalog)
    services, checks = _rows(catalog, settings, definitions, node, draft)
    known_services = {*listed.services, *listed.leaving_services}
    known_checks = {*listed.checks, *listed.leaving_checks}
    instances = _instances(node, known_services - services.keys())
    leaving = _checks(node, known_checks - checks.keys())
    _Room(catalog, settings, node, instances, leaving).check(services, checks)
    for service in services.values():
        draft.put_service(service)
    for key, check in checks.items():
        draft.put_check(keeping_state(check, node.checks.get(key)))
    fresh = _Listed(
        definitions.reading,
        sorted(services),
        sorted(checks),
        sorted(instance.key for instance in instances),
        sorted(check.key for check in leaving),
    )
    draft.put_meta(META_KEY, _encode(fresh))
    return draft.change()


def draft_departures(catalog: Catalog, settings: Settings) -> Change | None:
    """Return the change that deregisters what is in no file any more, None when that is done.

    Raises:
        HttpError: the own node is not there.
    """
    listed = _listed(catalog)
    if not listed.leaving_services and not listed.leaving_checks:
        return None
    node = own_node(catalog, settings)
    draft = Draft(catalog)
    gone = set()
    for instance in _instances(node, listed.leaving_services):
        draft.remove_instance(instance)
        gone.add(instance.key)
    for check in _checks(node, listed.leaving_checks):
        if check.service_key not in gone:
            draft.remove_check(check)
    draft.put_meta(META_KEY, _encode(_Listed(listed.reading, listed.services, listed.checks)))
    return draft.change()


def _listed(catalog: Catalog) -> _Listed:
    stored = catalog.meta.get(META_KEY)
    return _decode(stored) if stored else _Listed()


def _rows(
    catalog: Catalog, settings: Settings, definitions: Definitions, node: Node, draft: Draft
) -> tuple[dict[str, ServiceRow], dict[str, CheckRow]]:
    """Return the marked rows of all services and checks by folded ID, without the state of checks."""
    services: dict[str, ServiceRow] = {}
    checks: list[CheckRow] = []
    drawn = {registration.service.port for registration in definitions.services}
    for registration in definitions.services:
        its_services, its_checks = registration.rows(catalog, node, draft, drawn)
        services |= {fold(row.id): row for row in its_services}
        checks += its_checks
    for single in definitions.checks:
        service = services[fold(single.service_id)] if single.service_id else None
        checks.append(single_check(settings.node_name, single.id, single.given, service))
    return (
        {key: msgspec.structs.replace(row, from_file=True) for key, row in services.items()},
        {fold(row.id): _marked(row) for row in checks},
    )


def _marked(row: CheckRow) -> CheckRow:
    return msgspec.structs.replace(row, probe={**(row.probe or {}), FROM_FILE: True})


def _instances(node: Node, keys: Iterable[str]) -> list[Instance]:
    """Return those of the node's instances that are as a file defined them."""
    found = [node.instances[key] for key in keys if key in node.instances]
    return [instance for instance in found if unpack_service(instance.packed).from_file]


def _checks(node: Node, keys: Iterable[str]) -> list[Check]:
    """Return those of the node's checks that are as a file defined them."""
    found = [node.checks[key] for key in keys if key in node.checks]
    return [check for check in found if FROM_FILE in (unpack_check(check.packed).probe or {})]


@dataclass(frozen=True, slots=True)
class _Room:
    """Whether there is room for what the files define, given what leaves."""

    catalog: Catalog
    settings: Settings
    node: Node
    instances: list[Instance]
    leaving: list[Check]

    def check(self, services: dict[str, ServiceRow], checks: dict[str, CheckRow]) -> None:
        """Refuse more services, or more checks on one of them or on the node, than there may be."""
        new = len(services.keys() - self.node.instances.keys())
        check_room(self.settings, self.catalog.instance_count - len(self.instances), new)
        besides = checks.keys() | {check.key for check in self.leaving}
        bound = Counter(fold(row.service_id) for row in checks.values())
        for key in ["", *services]:
            present: Iterable[Check] = self.node.level_checks
            if key:
                present = self.node.instances[key].checks if key in self.node.instances else ()
            refuse_too_many(self.settings, bound[key] + count_checks(present, besides))
