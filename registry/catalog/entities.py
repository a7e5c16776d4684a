"""What the catalog holds in memory: nodes, instances, checks, and groups of instances.

Instances and checks are the many: they keep the packed row, the few fields that selection needs
(strings interned) and the JSON fragments rendered so far. They are not tracked by the garbage
collector; every cycle through them is broken when they are removed, and by `Node.forget`.
"""

from bisect import bisect_left

import msgspec
from pyroaring import BitMap

from registry.catalog import topics

BITMAP_PAYS_FROM = 64
"""Group size from which set operations on bitmaps beat looking at each instance (measured: 50 to 100)."""

PASSING = "passing"


class Check(msgspec.Struct, gc=False, eq=False):
    """A check in memory. ``service_key`` and ``name_key`` are folded, "" for a node-level check.

    ``fragment`` is its JSON in health answers, ``agent_fragment`` its part of the map that the agent shows.
    """

    slot: int
    node_key: str
    key: str
    id: str
    status: str
    service_key: str
    name_key: str
    local: bool
    create: int
    modify: int
    packed: bytes
    fragment: bytes | None = None
    agent_fragment: bytes | None = None


class Instance(msgspec.Struct, gc=False, eq=False):
    """A service instance in memory.

    Attributes:
        slot: dense number of the instance, its bit in the bitmaps.
        key: folded service ID, unique on the node.
        groups: the groups it belongs to: its service's, and the one it is a Connect proxy for.
        tag_keys: folded tags; the same object as ``tags`` when that changes nothing.
        checks: checks bound to it, by check ID.
        healthy: whether all of ``checks`` are passing.
        service_fragment: its JSON under "Service" in health answers.
        catalog_fragment: its part of an element of catalog/service.
        agent_fragment: its part of the map that the agent shows.
    """

    slot: int
    node: "Node"
    key: str
    id: str
    name: str
    groups: "tuple[Group, ...]"
    tags: tuple[str, ...]
    tag_keys: tuple[str, ...]
    local: bool
    create: int
    modify: int
    packed: bytes
    checks: tuple[Check, ...] = ()
    healthy: bool = True
    service_fragment: bytes | None = None
    catalog_fragment: bytes | None = None
    agent_fragment: bytes | None = None


class Node:
    """A node in memory, with everything on it by folded ID.

    Attributes:
        topic, checks_topic: those of the node with its instances, and of all checks on it.
        index: Consul's per-node index: last change of the node or of a service on it.
        checks_index: last change of a check on it.
        level_checks: its node-level checks, by check ID.
        orphans: its checks that are bound to a service which is not there.
        healthy: whether all of those are passing.
        health_head, checks_open, checks_closed: what health answers show of it around its instances;
            see `registry.catalog.views.Views.health_entry`.
    """

    __slots__ = (
        "address",
        "catalog_fragment",
        "checks",
        "checks_closed",
        "checks_index",
        "checks_open",
        "checks_topic",
        "create",
        "fragment",
        "health_head",
        "healthy",
        "id",
        "index",
        "instances",
        "key",
        "level_checks",
        "meta",
        "modify",
        "name",
        "orphans",
        "packed",
        "slot",
        "topic",
    )

    def __init__(self, slot: int, key: str) -> None:
        self.slot = slot
        self.key = key
        self.topic = topics.node(key)
        self.checks_topic = topics.node_checks(key)
        self.name = ""
        self.id = ""
        self.address = ""
        self.meta: tuple[tuple[str, str], ...] = ()
        self.create = self.modify = self.index = self.checks_index = 0
        self.packed = b""
        self.fragment: bytes | None = None
        self.catalog_fragment: bytes | None = None
        self.health_head: bytes | None = None
        self.checks_open = self.checks_closed = b""
        self.instances: dict[str, Instance] = {}
        self.checks: dict[str, Check] = {}
        self.level_checks: tuple[Check, ...] = ()
        self.orphans: dict[str, Check] = {}
        self.healthy = True

    def refresh_health(self) -> None:
        """Derive ``level_checks`` and ``healthy`` from ``checks``."""
        level = [check for check in self.checks.values() if not check.service_key]
        self.level_checks = tuple(sorted(level, key=_by_key))
        self.healthy = all(check.status == PASSING for check in level)
        self.health_head = None

    def forget(self) -> None:
        """Break the cycles through this node; it must not be used afterwards."""
        for instance in self.instances.values():
            instance.groups = ()
        self.instances.clear()
        self.checks.clear()


class Group:
    """Instances that are asked for together: those of one service, or the proxies of one.

    Attributes:
        key: folded name.
        connect: whether it holds the proxies of the service rather than its instances.
        topic: that of its instances.
        index: Consul's per-service index.
        members: the instances in answer order: node name, then service ID.
        slots: the same as a bitmap, None while the group is too small for one to pay.
        strays: checks that carry this service name while their instance does not, by slot. Consul
            leaves the old name on checks that a renaming registration does not repeat.
    """

    __slots__ = ("connect", "index", "key", "members", "slots", "strays", "topic")

    def __init__(self, key: str, *, connect: bool) -> None:
        self.key = key
        self.connect = connect
        self.topic = topics.connect(key) if connect else topics.service(key)
        self.index = 0
        self.members: list[Instance] = []
        self.slots: BitMap | None = None
        self.strays: dict[int, Check] = {}

    def add(self, instance: Instance) -> None:
        """Put an instance in its place; cheap when it belongs at the end, as while loading."""
        members = self.members
        place = _order(instance)
        if not members or _order(members[-1]) < place:
            members.append(instance)
        else:
            members.insert(bisect_left(members, place, key=_order), instance)
        if self.slots is not None:
            self.slots.add(instance.slot)
        else:
            self.make_bitmap()

    def make_bitmap(self) -> None:
        """Make ``slots`` from the members if there are enough of them for that to pay."""
        if len(self.members) >= BITMAP_PAYS_FROM:
            self.slots = BitMap([member.slot for member in self.members])

    def remove(self, instance: Instance) -> None:
        """Take an instance out."""
        del self.members[bisect_left(self.members, _order(instance), key=_order)]
        if self.slots is not None:
            self.slots.discard(instance.slot)


def _order(instance: Instance) -> tuple[str, str]:
    return (instance.node.key, instance.key)


def _by_key(check: Check) -> str:
    return check.key


def ordered(checks: "tuple[Check, ...] | list[Check]") -> tuple[Check, ...]:
    """Return checks in answer order, by folded check ID."""
    return tuple(sorted(checks, key=_by_key))
