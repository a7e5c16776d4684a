"""Random wishes about a small catalog, and the rows and removals that each comes to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st

from model.dictionary import AnyRow, Key, State, key_of, objects
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow, fold

NODES = ["n1", "N1", "n2", "abc"]
NODE_IDS = [
    "",
    "",
    "abcd0000-0000-0000-0000-000000000001",
    "ABCD0000-0000-0000-0000-000000000001",
    "abcd0000-0000-0000-0000-000000000002",
    "beef0000-0000-0000-0000-000000000003",
]
NAMES = ["web", "Web", "api", "db"]
OWN = "(own)"
SERVICE_IDS = ["web", "s1", "S1", "s2"]
CHECK_IDS = ["c1", "C1", "c2", "serfHealth", "_node_maintenance"]
TAGS = ["v1", "V1", "v2", "primary"]
STATUSES = ["passing", "passing", "warning", "critical"]
META = [None, {}, {"rack": "r1"}, {"rack": "r1", "zone": "a"}, {"rack": "r2"}]


class Asked(NamedTuple):
    """What a wish comes to for somebody who knows a certain state."""

    puts: list[AnyRow]
    removes: list[Key]


Wish = Callable[[State], Asked]


@dataclass(frozen=True)
class WishedCheck:
    """A check and what it is to be bound to: a service ID, `OWN` for the one registered, "" for the node.

    ``named`` is a service name other than the service's, as a renaming leaves it behind; "" for its own.
    """

    row: CheckRow
    service_id: str
    named: str


@dataclass(frozen=True)
class Registration:
    """A node, with a service and checks on it, as catalog/register writes them in one change."""

    node: NodeRow
    update_node: bool
    service: ServiceRow | None
    checks: tuple[WishedCheck, ...]

    def __call__(self, state: State) -> Asked:
        asked = Asked([], [])
        node = ("node", fold(self.node.name))
        if node not in state or self.update_node:
            asked.puts.append(self.node)
            asked.removes.extend(_holders(state, self.node))
        if self.service:
            asked.puts.append(self._placed(self.service))
        checks = {fold(check.row.id): self._bound(check, state) for check in self.checks}
        asked.puts.extend(checks.values())
        return asked

    def _placed(self, service: ServiceRow) -> ServiceRow:
        return msgspec.structs.replace(service, node=self.node.name)

    def _bound(self, check: WishedCheck, state: State) -> CheckRow:
        row = msgspec.structs.replace(check.row, node=self.node.name)
        service, service_id = self.service, check.service_id
        if service is not None and service_id == OWN:
            service_id = service.id
        if service is None or fold(service.id) != fold(service_id):
            kept = state.get(("service", fold(self.node.name), fold(service_id)))
            service = kept.row if kept and isinstance(kept.row, ServiceRow) else None
        if not service_id or service is None:
            return row
        return msgspec.structs.replace(
            row,
            service_id=service_id,
            service_name=check.named or service.name,
            service_tags=service.tags,
        )


@dataclass(frozen=True)
class Removal:
    """The removal of an object with all that belongs to it; of nothing when it is not there."""

    key: Key

    def __call__(self, state: State) -> Asked:
        return Asked([], [self.key] if self.key in state else [])


@dataclass(frozen=True)
class Move:
    """A node gets another name, and everything on it comes along."""

    node: str
    name: str

    def __call__(self, state: State) -> Asked:
        old, new = ("node", self.node), ("node", fold(self.name))
        if old not in state or new in state:
            return Asked([], [])
        puts: list[AnyRow] = []
        for row, _ in objects(state, NodeRow).values():
            if key_of(row) == old:
                puts.append(msgspec.structs.replace(row, name=self.name))
        for member in [kept.row for kept in state.values()]:
            if isinstance(member, ServiceRow | CheckRow) and fold(member.node) == self.node:
                puts.append(msgspec.structs.replace(member, node=self.name))
        return Asked(puts, [old])


@dataclass(frozen=True)
class Revision:
    """An instance, if it is there, gets another value in one field and keeps the others."""

    key: Key
    change: dict[str, Any]

    def __call__(self, state: State) -> Asked:
        kept = state.get(self.key)
        return Asked([msgspec.structs.replace(kept.row, **self.change)] if kept else [], [])


@dataclass(frozen=True)
class Guarding:
    """A service is guarded, or its guard is written anew."""

    row: GuardRow

    def __call__(self, state: State) -> Asked:
        return Asked([self.row], [])


def _holders(state: State, wanted: NodeRow) -> list[Key]:
    """Return the other nodes that have the ID of a row: it can only be taken from them by removing them."""
    return [
        key
        for key, (row, _) in objects(state, NodeRow).items()
        if wanted.id and row.id.lower() == wanted.id.lower() and key != key_of(wanted)
    ]


def mixed(*parts: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Draw from several strategies as often as their weights say; `one_of` ignores repetitions."""
    weighted = [strategy for weight, strategy in parts for _ in range(weight)]
    return st.sampled_from(weighted).flatmap(lambda strategy: strategy)


_nodes = st.builds(
    NodeRow,
    st.sampled_from(NODES),
    st.sampled_from(NODE_IDS),
    st.sampled_from(["10.0.0.1", "10.0.0.2"]),
    meta=st.sampled_from(META),
)
_services = st.builds(
    ServiceRow,
    st.just(""),
    st.sampled_from(SERVICE_IDS),
    st.sampled_from(["web", "web", *NAMES]),
    st.lists(st.sampled_from(TAGS), max_size=3).map(tuple),
    st.sampled_from(["", "", "web", "Api"]),
    st.booleans(),
    port=st.sampled_from([80, 81]),
)
_checks = st.builds(
    WishedCheck,
    st.builds(
        CheckRow,
        st.just(""),
        st.sampled_from(CHECK_IDS),
        st.sampled_from(STATUSES),
        local=st.booleans(),
        output=st.sampled_from(["", "<ok>"]),
    ),
    st.sampled_from(["", OWN, OWN, *SERVICE_IDS]),
    st.sampled_from(["", "", "api"]),
)
registrations = st.builds(
    Registration,
    _nodes,
    st.booleans(),
    mixed((1, st.none()), (3, _services)),
    st.lists(_checks, max_size=2).map(tuple),
)
_node_removals = st.builds(lambda node: Removal(("node", fold(node))), st.sampled_from(NODES))
_service_removals = st.builds(
    lambda node, service: Removal(("service", fold(node), fold(service))),
    st.sampled_from(NODES),
    st.sampled_from(SERVICE_IDS),
)
_check_removals = st.builds(
    lambda node, check: Removal(("check", fold(node), fold(check))),
    st.sampled_from(NODES),
    st.sampled_from(CHECK_IDS),
)
revisions = st.builds(
    lambda node, service, change: Revision(("service", fold(node), fold(service)), change),
    st.sampled_from(NODES),
    st.sampled_from(SERVICE_IDS),
    mixed(
        (2, st.builds(lambda port: {"port": port}, st.sampled_from([80, 81, 82]))),
        (1, st.builds(lambda name: {"destination": name}, st.sampled_from(["", "web", "Api", "api"]))),
        (1, st.builds(lambda spelled: {"id": spelled}, st.sampled_from(["s1", "S1"]))),
        (1, st.builds(lambda local: {"local": local}, st.booleans())),
    ),
).filter(lambda wish: "id" not in wish.change or wish.key[2] == "s1")
moves = st.builds(Move, st.sampled_from(NODES).map(fold), st.sampled_from([*NODES, "n4"]))
_held = st.dictionaries(
    st.sampled_from(NODES).map(fold),
    st.lists(st.sampled_from(SERVICE_IDS).map(fold), min_size=1, unique=True).map(tuple),
    max_size=3,
)
guardings = st.builds(
    Guarding,
    st.builds(
        GuardRow,
        st.sampled_from(NAMES),
        st.just("they turned critical"),
        st.just(0),
        st.just(1000),
        _held,
        st.just(1),
        st.booleans(),
        st.sampled_from([False, False, True]),
    ),
)
_guard_removals = st.builds(lambda name: Removal(("guard", fold(name))), st.sampled_from(NAMES))
wishes: st.SearchStrategy[Wish] = mixed(
    (8, registrations),
    (3, revisions),
    (1, _node_removals),
    (2, _service_removals),
    (2, _check_removals),
    (1, moves),
    (3, guardings),
    (1, _guard_removals),
)
