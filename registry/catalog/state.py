"""The catalog: every node, instance and check in memory, and what each answer's index is.

Guarantees
    - State changes only through `load` and `apply`, whole log entries in index order.
    - Every process that has applied the same entries has the same objects, answers and indexes,
      whether it followed the log or loaded the tables: an index is the highest ModifyIndex among the
      objects a topic covers and the topic's tombstone, and nothing else. Removing an object therefore
      always writes the tombstones of the topics it leaves (see `registry.replica.draft`).
    - No index goes backwards: an object's removal has a higher index than anything about it before.

Rejected
    - Consul's index table as a table of its own: every registration would rewrite the same few rows,
      and its row for a service could not be guarded without making all registrations of it conflict.
    - Consul's rule that an unknown name reports the tables' index: its watchers would wake for any
      change anywhere. An unknown name reports its tombstone or the floor, which stand still.

Cost at worst
    A change of a node or of a node-level check touches every service on that node, and a change of a node
    looks at every check on it.
"""

import sys
from collections.abc import Iterable

from pyroaring import BitMap

from registry.catalog import loading, rows, topics
from registry.catalog.bitmaps import BitmapIndex, Slots
from registry.catalog.entities import PASSING, Check, Group, Instance, Node, ordered
from registry.catalog.guards import Guard
from registry.catalog.listing import ServiceList

_intern = sys.intern
_HEX = frozenset("0123456789abcdef")
_HYPHENS_IN_ID = 4


class Catalog:
    """The replica of one process.

    Attributes:
        index: number of the last change applied.
        nodes: by folded name.
        services: groups of instances by folded service name.
        connects: groups of proxies by the folded name of the service they stand for.
        service_list: names and tags of all services.
        tags: instance slots by folded tag.
        unhealthy: slots of the instances with a check bound to them that is not passing.
        node_meta: node slots by (key, value).
        statuses: check slots by status.
        guards: by the folded name of the service that they guard.
        bindings: ModifyIndex of the binding rows, by key.
        meta: values of the meta table that belong to the catalog, by key.
    """

    def __init__(self) -> None:
        self.index = 0
        self.nodes: dict[str, Node] = {}
        self.services: dict[str, Group] = {}
        self.connects: dict[str, Group] = {}
        self.service_list = ServiceList()
        self.node_slots: Slots[Node] = Slots()
        self.instance_slots: Slots[Instance] = Slots()
        self.check_slots: Slots[Check] = Slots()
        self.tags: BitmapIndex[str] = BitmapIndex()
        self.unhealthy = BitMap()
        self.node_meta: BitmapIndex[tuple[str, str]] = BitmapIndex()
        self.statuses: BitmapIndex[str] = BitmapIndex()
        self.node_ids: dict[str, str] = {}
        self.guards: dict[str, Guard] = {}
        self.bindings: dict[bytes, int] = {}
        self.meta: dict[bytes, bytes] = {}
        self.meta_index: dict[bytes, int] = {}
        self.tombstones: dict[str, int] = {}
        self.instance_count = 0
        self._tables = {topics.NODES: 0, topics.SERVICES: 0, topics.CHECKS: 0, topics.GUARDS: 0}

    # Reading indexes

    def topic_index(self, topic: str) -> int:
        """Return the index that an answer made from this topic alone reports; at least 1."""
        table = self._tables.get(topic)
        if table is not None:
            return table or 1
        kind, _, key = topic.partition("/")
        known = 0
        if not key:
            return 1
        if kind in ("service", "connect"):
            group = (self.services if kind == "service" else self.connects).get(key)
            known = group.index if group else 0
            if group is None and kind == "service" and key in self.guards:
                known = max(self.guards[key].modify, self.tombstones.get(topic, 0))
        elif kind == "guard":
            # No floor: the answers that depend on it show an index of their own.
            guard = self.guards.get(key)
            return guard.modify if guard else self.tombstones.get(topic) or 1
        else:
            node = self.nodes.get(key)
            if node:
                known = node.index if kind == "node" else node.checks_index
        return known or self.tombstones.get(topic) or self.tombstones.get(topics.FLOOR) or 1

    def node(self, name: str) -> Node | None:
        """Return a node by name, whatever the case, by ID, or by the beginning of an ID.

        Consul takes a prefix of a UUID where it takes a node name, in whole bytes: it drops the last of
        an odd number of characters, then ignores up to four hyphens wherever they are. An ambiguous
        prefix finds nothing.
        """
        found = self.nodes.get(rows.fold(name))
        if found or len(name) < 2:
            return found
        wanted = name.lower()
        if wanted in self.node_ids:
            return self.nodes.get(self.node_ids[wanted])
        wanted = wanted[: len(wanted) // 2 * 2]
        digits = wanted.replace("-", "")
        if len(digits) % 2 or len(wanted) - len(digits) > _HYPHENS_IN_ID or not _HEX.issuperset(digits):
            return None
        matches = [key for known, key in self.node_ids.items() if known.replace("-", "").startswith(digits)]
        return self.nodes.get(matches[0]) if len(matches) == 1 else None

    # Loading and applying

    def load(self, index: int, stored: loading.Stored) -> None:
        """Fill an empty catalog with the rows as of ``index``; see `registry.catalog.loading.Stored`."""
        loading.fill(self, stored)
        self.index = index

    def load_row(self, table: str, key: bytes, create: int, modify: int, value: bytes) -> None:
        """Take in a row of an empty catalog that is neither a service nor a check."""
        if table != rows.NODES:
            self._put(table, key, create, modify, value, set())
            return
        node = self._put_node(create, modify, value, set())
        node.checks_index, node.index = create, modify
        self.raise_table(topics.NODES, modify)

    def apply(
        self,
        index: int,
        puts: Iterable[tuple[str, bytes, int, bytes]],
        deletes: Iterable[tuple[str, bytes]],
    ) -> set[str]:
        """Apply one log entry and return the topics it touches."""
        touched: set[str] = set()
        for table, key in deletes:
            self._delete(table, key, touched)
        for table, key, create, value in puts:
            self._put(table, key, create, index, value, touched)
        self.index = index
        for topic in touched:
            self._set_index(topic, index)
        return touched

    def refresh(self, refreshes: Iterable[tuple[str, bytes, bytes]]) -> set[str]:
        """Take in the refreshed rows of a log entry and return the topics that show them.

        Their indexes stay where they are. Only the output of checks is ever refreshed.
        """
        shown: set[str] = set()
        for _, key, value in refreshes:
            node_key, check_key = rows.split_key(key)
            node = self.nodes[node_key]
            check = node.checks[check_key]
            check.packed = value
            check.fragment = check.agent_fragment = None
            self._touch_check(node, check, shown)
        return shown

    def forget(self) -> None:
        """Break all cycles; the catalog must not be used afterwards."""
        for node in self.nodes.values():
            node.forget()
        self.nodes.clear()

    def _put(self, table: str, key: bytes, create: int, modify: int, value: bytes, touched: set[str]) -> None:
        if table == rows.SERVICES:
            self._put_service(create, modify, value, touched)
        elif table == rows.CHECKS:
            self._put_check(create, modify, value, touched)
        elif table == rows.NODES:
            self._put_node(create, modify, value, touched)
        elif table == rows.TOMBSTONES:
            topic = key.decode()
            self.tombstones[topic] = modify
            if topic == topics.FLOOR:
                touched.add(topic)
        elif table == rows.BINDINGS:
            self.bindings[key] = modify
        elif table == rows.META:
            self.meta[key] = value
            self.meta_index[key] = modify
        elif table == rows.GUARDS:
            name_key = key.decode()
            self.guards[name_key] = Guard(rows.unpack_guard(value), value, create, modify)
            self.raise_table(topics.GUARDS, modify)
            self._touch_guard(name_key, touched)

    def _delete(self, table: str, key: bytes, touched: set[str]) -> None:
        if table == rows.SERVICES:
            node_key, service_key = rows.split_key(key)
            instance = self.nodes[node_key].instances[service_key]
            self._remove_instance(instance, touched)
        elif table == rows.CHECKS:
            node_key, check_key = rows.split_key(key)
            self._remove_check(self.nodes[node_key].checks[check_key], touched)
        elif table == rows.NODES:
            self._remove_node(self.nodes[key.decode()], touched)
        elif table == rows.TOMBSTONES:
            self.tombstones.pop(key.decode(), None)
        elif table == rows.BINDINGS:
            self.bindings.pop(key, None)
        elif table == rows.META:
            self.meta.pop(key, None)
            self.meta_index.pop(key, None)
        elif table == rows.GUARDS:
            self.guards.pop(key.decode(), None)
            self._touch_guard(key.decode(), touched)

    # Nodes

    def _put_node(self, create: int, modify: int, value: bytes, touched: set[str]) -> Node:
        row = rows.unpack_node(value)
        key = rows.fold(row.name)
        node = self.nodes.get(key)
        if node is None:
            node = Node(self.node_slots.take(), _intern(key))
            self.node_slots.items[node.slot] = node
            self.nodes[node.key] = node
            touched.add(node.checks_topic)
        else:
            self._unindex_node(node)
        node.name, node.id, node.address = row.name, row.id, row.address
        node.create, node.modify, node.packed = create, modify, value
        node.fragment = node.catalog_fragment = node.health_head = None
        node.meta = tuple((row.meta or {}).items())
        for pair in node.meta:
            self.node_meta.add(pair, node.slot)
        if node.id:
            self.node_ids[node.id.lower()] = node.key
        touched |= {topics.NODES, node.topic}
        self._touch_instances(node, touched)
        # A check under another service's name is in answers about that one, which choose by node metadata.
        for check in node.checks.values():
            named = self.services.get(check.name_key)
            if named is not None:
                touched.add(named.topic)
        return node

    def _unindex_node(self, node: Node) -> None:
        for pair in node.meta:
            self.node_meta.discard(pair, node.slot)
        if self.node_ids.get(node.id.lower()) == node.key:
            del self.node_ids[node.id.lower()]

    def _remove_node(self, node: Node, touched: set[str]) -> None:
        self._unindex_node(node)
        del self.nodes[node.key]
        self.node_slots.release(node.slot)
        touched |= {topics.NODES, node.topic, node.checks_topic}

    # Instances

    def _put_service(self, create: int, modify: int, value: bytes, touched: set[str]) -> None:
        head = rows.unpack_service_head(value)
        node = self.nodes[rows.fold(head.node)]
        key = rows.fold(head.id)
        old = node.instances.get(key)
        if old is not None and _stands_as(old, head):
            old.id, old.local = head.id if head.id != key else key, head.local
            old.create, old.modify, old.packed = create, modify, value
            old.service_fragment = old.catalog_fragment = old.agent_fragment = None
            touched |= {topics.SERVICES, node.topic, *(group.topic for group in old.groups)}
            return
        checks: tuple[Check, ...] = ()
        if old is None:
            checks = self._adopt(node, key)
        else:
            checks = old.checks
            self._detach(old, touched)
        tags = tuple(map(_intern, head.tags))
        folded = tuple(map(_intern, map(rows.fold, tags)))
        slot = self.instance_slots.take() if old is None else old.slot
        instance = Instance(
            slot,
            node,
            key,
            head.id if head.id != key else key,
            _intern(head.name),
            self.groups_for(head),
            tags,
            tags if folded == tags else folded,
            head.local,
            create,
            modify,
            value,
        )
        self._attach(instance, checks, touched)

    def _adopt(self, node: Node, service_key: str) -> tuple[Check, ...]:
        """Return the orphaned checks that were waiting for a service with this ID."""
        if not node.orphans:
            return ()
        found = [check for check in node.orphans.values() if check.service_key == service_key]
        for check in found:
            del node.orphans[check.key]
        return ordered(found)

    def _attach(self, instance: Instance, checks: tuple[Check, ...], touched: set[str]) -> None:
        node = instance.node
        self.instance_slots.items[instance.slot] = instance
        node.instances[instance.key] = instance
        for group in instance.groups:
            group.add(instance)
            touched.add(group.topic)
        for tag in set(instance.tag_keys):
            self.tags.add(tag, instance.slot)
        self.service_list.add(instance)
        self.instance_count += 1
        self._bind(instance, checks)
        touched.add(topics.SERVICES)
        touched.add(node.topic)

    def _detach(self, instance: Instance, touched: set[str]) -> None:
        """Take an instance out of everything but its slot."""
        node = instance.node
        del node.instances[instance.key]
        for group in instance.groups:
            touched.add(group.topic)
            group.remove(instance)
            self._drop_if_empty(group)
        for tag in set(instance.tag_keys):
            self.tags.discard(tag, instance.slot)
        self.unhealthy.discard(instance.slot)
        self.service_list.remove(instance)
        self.instance_count -= 1
        for check in instance.checks:
            self.stray(check, True)
        instance.groups = ()
        touched |= {topics.SERVICES, node.topic}

    def _remove_instance(self, instance: Instance, touched: set[str]) -> None:
        self._detach(instance, touched)
        self.instance_slots.release(instance.slot)
        for check in instance.checks:
            instance.node.orphans[check.key] = check

    def groups_for(self, head: rows.ServiceHead) -> tuple[Group, ...]:
        """Return the groups of an instance, its service's first; those that are not there are made."""
        own = self._group(self.services, rows.fold(head.name))
        if not head.destination:
            return (own,)
        return (own, self._group(self.connects, rows.fold(head.destination)))

    def _group(self, groups: dict[str, Group], key: str) -> Group:
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(_intern(key), connect=groups is self.connects)
        return group

    def _drop_if_empty(self, group: Group) -> None:
        if not group.members and not group.strays:
            groups = self.connects if group.connect else self.services
            groups.pop(group.key, None)

    # Checks

    def _put_check(self, create: int, modify: int, value: bytes, touched: set[str]) -> None:
        head = rows.unpack_check_head(value)
        node = self.nodes[rows.fold(head.node)]
        key = rows.fold(head.id)
        old = node.checks.get(key)
        if old is not None:
            self._detach_check(old, node, touched)
        slot = self.check_slots.take() if old is None else old.slot
        service_key = rows.fold(head.service_id)
        instance = node.instances.get(service_key) if service_key else None
        check = Check(
            slot,
            node.key,
            key,
            head.id if head.id != key else key,
            _intern(head.status),
            instance.key if instance is not None else service_key,
            _intern(rows.fold(head.service_name)),
            head.local,
            create,
            modify,
            value,
        )
        node.checks[check.key] = check
        self.check_slots.items[slot] = check
        self.statuses.add(check.status, slot)
        if instance is not None:
            self._bind(instance, ordered([*instance.checks, check]) if instance.checks else (check,))
        elif service_key:
            node.orphans[check.key] = check
            self.stray(check, True)
        self._touch_check(node, check, touched)

    def _touch_check(self, node: Node, check: Check, touched: set[str]) -> None:
        touched.add(topics.CHECKS)
        touched.add(node.checks_topic)
        if not check.service_key:
            node.refresh_health()
            self._touch_instances(node, touched)
            return
        instance = node.instances.get(check.service_key)
        if instance is not None:
            for group in instance.groups:
                touched.add(group.topic)
        if check.name_key:
            touched.add(topics.service(check.name_key))

    def _detach_check(self, check: Check, node: Node, touched: set[str]) -> None:
        """Take a check out of everything but its slot, touching what showed it."""
        del node.checks[check.key]
        node.orphans.pop(check.key, None)
        self.statuses.discard(check.status, check.slot)
        instance = node.instances.get(check.service_key) if check.service_key else None
        if instance is not None:
            self._bind(instance, tuple([other for other in instance.checks if other is not check]))
        self.stray(check, False)
        self._touch_check(node, check, touched)

    def _remove_check(self, check: Check, touched: set[str]) -> None:
        self._detach_check(check, self.nodes[check.node_key], touched)
        self.check_slots.release(check.slot)

    def _bind(self, instance: Instance, checks: tuple[Check, ...]) -> None:
        """Make ``checks`` the checks of an instance."""
        instance.checks = checks
        healthy, name_key = True, instance.groups[0].key
        for check in checks:
            if check.status != PASSING:
                healthy = False
            self.stray(check, check.name_key != name_key)
        instance.healthy = healthy
        if healthy:
            self.unhealthy.discard(instance.slot)
        else:
            self.unhealthy.add(instance.slot)

    def stray(self, check: Check, astray: bool) -> None:
        """Note whether a check hangs under a service name that its instance does not have."""
        if astray:
            if check.name_key:
                self._group(self.services, check.name_key).strays[check.slot] = check
            return
        group = self.services.get(check.name_key)
        if group is not None and group.strays.pop(check.slot, None) is not None:
            self._drop_if_empty(group)

    # Indexes

    def _touch_instances(self, node: Node, touched: set[str]) -> None:
        for instance in node.instances.values():
            touched.update(group.topic for group in instance.groups)

    def _touch_guard(self, name_key: str, touched: set[str]) -> None:
        touched |= {topics.GUARDS, topics.guard(name_key), topics.service(name_key)}

    def raise_table(self, table: str, index: int) -> None:
        """Note that a table, by its topic, has a row with this ModifyIndex."""
        if index > self._tables[table]:
            self._tables[table] = index

    def _set_index(self, topic: str, index: int) -> None:
        if topic in self._tables:
            self._tables[topic] = index
            return
        kind, _, key = topic.partition("/")
        if kind in ("service", "connect"):
            group = (self.services if kind == "service" else self.connects).get(key)
            if group is not None:
                group.index = index
            return
        node = None if kind == "guard" else self.nodes.get(key)
        if node is not None:
            if kind == "node":
                node.index = index
            else:
                node.checks_index = index


def _stands_as(instance: Instance, head: rows.ServiceHead) -> bool:
    """Say whether a row leaves an instance where the indexes have it, as nearly every repeated one does."""
    stands_for = instance.groups[1].key if len(instance.groups) > 1 else ""
    return (
        instance.name == head.name
        and instance.tags == head.tags
        and stands_for == rows.fold(head.destination)
    )
