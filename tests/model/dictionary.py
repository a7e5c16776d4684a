"""What the catalog must be: its objects in one dictionary, its indexes by their definition.

The index of a topic is the number of the last change that altered anything the topic covers. Here that
is found by comparing all that each topic covers before and after a change, which no catalog of any size
could afford and which leaves nothing to forget.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from registry.catalog import topics
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow, fold, pack

Key = tuple[str, ...]
"""``("node", name)``, ``("service", node, id)``, ``("check", node, id)``, ``("guard", name)``; all folded."""

AnyRow = NodeRow | ServiceRow | CheckRow | GuardRow
R = TypeVar("R", NodeRow, ServiceRow, CheckRow, GuardRow)

TABLES = {"node": topics.NODES, "service": topics.SERVICES, "check": topics.CHECKS, "guard": topics.GUARDS}


class Kept(NamedTuple):
    """An object with its CreateIndex and ModifyIndex."""

    row: AnyRow
    create: int
    modify: int


State = Mapping[Key, Kept]


class Writes(NamedTuple):
    """What a change does: objects written with other content than before, and objects removed."""

    puts: dict[Key, AnyRow]
    deletes: set[Key]


def key_of(row: AnyRow) -> Key:
    """Return the key of a row."""
    if isinstance(row, NodeRow):
        return ("node", fold(row.name))
    if isinstance(row, GuardRow):
        return ("guard", fold(row.name))
    return ("service" if isinstance(row, ServiceRow) else "check", fold(row.node), fold(row.id))


def objects(state: State, kind: type[R]) -> dict[Key, tuple[R, Kept]]:
    """Return the objects of one kind in the order of their keys."""
    return {key: (kept.row, kept) for key, kept in sorted(state.items()) if isinstance(kept.row, kind)}


def members(state: State, key: Key) -> set[Key]:
    """Return what goes when an object is removed: itself, a service's checks, all that is on a node."""
    found = {key}
    if key[0] == "node":
        found |= {other for other in state if other[0] != "guard" and other[1] == key[1]}
    elif key[0] == "service":
        for check, (row, _) in objects(state, CheckRow).items():
            if check[1] == key[1] and row.service_id and fold(row.service_id) == key[2]:
                found.add(check)
    return found


def coverage(state: State) -> dict[str, frozenset[Any]]:
    """Return what each topic covers: its objects with their ModifyIndex."""
    found: defaultdict[str, set[Any]] = defaultdict(set)
    level: defaultdict[str, set[Any]] = defaultdict(set)
    bound: defaultdict[Key, set[Any]] = defaultdict(set)
    for key, kept in state.items():
        seen = (key, kept.modify)
        found[TABLES[key[0]]].add(seen)
        row = kept.row
        if isinstance(row, NodeRow):
            found[topics.node(key[1])].add(seen)
            found[topics.node_checks(key[1])].add((key, kept.create))
            level[key[1]].add(seen)
        elif isinstance(row, ServiceRow):
            found[topics.node(key[1])].add(seen)
        elif isinstance(row, GuardRow):
            found[topics.guard(key[1])].add(seen)
            found[topics.service(key[1])].add(seen)
        else:
            found[topics.node_checks(key[1])].add(seen)
            if not row.service_id:
                level[key[1]].add(seen)
                continue
            bound["service", key[1], fold(row.service_id)].add(seen)
            if row.service_name:
                node = "node", key[1]
                found[topics.service(fold(row.service_name))] |= {seen, (node, state[node].modify)}
    for key, (service, kept) in objects(state, ServiceRow).items():
        shown = {(key, kept.modify)} | level[key[1]] | bound[key]
        found[topics.service(fold(service.name))] |= shown
        if service.destination:
            found[topics.connect(fold(service.destination))] |= shown
    return {topic: frozenset(covered) for topic, covered in found.items() if covered}


def same_but_output(one: AnyRow, other: AnyRow) -> bool:
    """Say whether two rows are the same but for the text of a check, which counts as no change."""
    if isinstance(one, CheckRow) and isinstance(other, CheckRow):
        return replace(one, output=other.output) == other
    return one == other


class Model:
    """The catalog as of every index there has been.

    Attributes:
        states: by index; 0 is the empty catalog.
        newest: the last index.
        floor: what names report that are not remembered.
        altered: the topics that each change has altered, by index.
        peaks: for each kind, the most objects there have been at once.
    """

    def __init__(self) -> None:
        self.states: dict[int, dict[Key, Kept]] = {0: {}}
        self.newest = 0
        self.floor = 0
        self.altered: dict[int, set[str]] = {}
        self.peaks = {"node": 0, "service": 0, "check": 0}
        self._indexes: dict[str, int] = {}
        self._covered: dict[str, frozenset[Any]] = {}

    @property
    def state(self) -> dict[Key, Kept]:
        """The objects as of the last index."""
        return self.states[self.newest]

    def topics(self) -> list[str]:
        """Return every topic that has ever covered anything."""
        return sorted(self._indexes)

    def index(self, topic: str) -> int:
        """Return the index that an answer made from this topic reports."""
        floor = self.floor if "/" in topic and not topic.startswith("guard/") else 0
        return self._indexes.get(topic) or floor or 1

    def problems(self) -> list[str]:
        """Return what is wrong with the objects as they stand: members of what is not there, shared IDs."""
        state, found = self.state, []
        holders: dict[str, Key] = {}
        for key, kept in sorted(state.items()):
            row = kept.row
            if key[0] in ("service", "check") and ("node", key[1]) not in state:
                found.append(f"{key} is on a node that is not there")
            if isinstance(row, CheckRow) and row.service_id:
                service = ("service", key[1], fold(row.service_id))
                if service not in state:
                    found.append(f"{key} is bound to {service}, which is not there")
            if isinstance(row, NodeRow) and row.id and holders.setdefault(row.id.lower(), key) != key:
                found.append(f"{key} has the ID of {holders[row.id.lower()]}")
        return found

    def writes(self, base: int, puts: Iterable[AnyRow], removes: Iterable[Key]) -> Writes:
        """Return what wishes amount to for somebody who knows the catalog as of ``base``."""
        state = self.states[base]
        changed = {}
        for row in puts:
            key = key_of(row)
            if key not in state or pack(state[key].row) != pack(row):
                changed[key] = row
        gone = {member for key in removes if key in state for member in members(state, key)}
        return Writes(changed, gone)

    def commit(self, index: int, writes: Writes) -> None:
        """Take a change in."""
        state = {key: kept for key, kept in self.state.items() if key not in writes.deletes}
        for key, row in writes.puts.items():
            old = state.get(key)
            if old is not None and same_but_output(old.row, row):
                state[key] = Kept(row, old.create, old.modify)
            else:
                state[key] = Kept(row, old.create if old else index, index)
        covered = coverage(state)
        altered = {
            topic
            for topic in covered.keys() | self._covered.keys()
            if covered.get(topic) != self._covered.get(topic)
        }
        self._indexes.update(dict.fromkeys(altered, index))
        self._covered = covered
        self.altered[index] = altered
        self.states[index] = state
        self.newest = index
        for kind in self.peaks:
            self.peaks[kind] = max(self.peaks[kind], sum(key[0] == kind for key in state))

    def bury(self, index: int, forgotten: Iterable[str]) -> None:
        """Take in a change that forgets topics which cover nothing, and raises the floor."""
        for topic in forgotten:
            if topic not in self._covered:
                self._indexes.pop(topic, None)
        self.floor = index
        self.skip(index)

    def skip(self, index: int) -> None:
        """Take in a change of nothing that the model knows of."""
        self.altered[index] = set()
        self.states[index] = self.state
        self.newest = index
