"""Drafting a change of the catalog against one process's replica.

A draft is made from what this process has applied so far, which another process may be about to
change. Every row it reads is therefore guarded: if the commit finds a different ModifyIndex it refuses
the whole change, and the writer drafts anew from a replica that has caught up.

What makes a draft more than a list of rows:
    - A row that would not change is not written, so that registering the same thing again has no index.
    - An object that leaves a topic (removed, renamed, bound elsewhere) leaves a tombstone there.
    - A check that joins a service whose row stays as it is also writes the service's binding row,
      which removing the service guards; else a check could join a service that is just being removed.
    - Where a check is shown hangs on its service, so a check that is taken away guards the service's
      row; else the tombstones could be those of the service's former name.
    - A check whose output alone would change is refreshed: its row keeps its ModifyIndex, so that text
      moves no index and wakes nobody.
    - A node that takes an ID writes the ID's binding row; else two nodes could take it at once.
"""

import msgspec

from registry.catalog import rows, topics
from registry.catalog.entities import Check, Instance, Node
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow, fold
from registry.catalog.state import Catalog
from registry.store.change import ABSENT, Change, Delete, Guard, PrefixGuard, Put, Refresh

_RANKS = {rows.NODES: 0, rows.SERVICES: 1, rows.CHECKS: 2}
"""The order in which replicas must meet rows: an object after what it is on."""


class Draft:
    """One change in the making; methods may be called in any order, `change` last.

    Several wishes about one object in the same draft are not merged: draft each object once.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._puts: dict[tuple[str, bytes], Put] = {}
        self._deletes: dict[tuple[str, bytes], Delete] = {}
        self._guards: dict[tuple[str, bytes], Guard | PrefixGuard] = {}
        self._refreshes: dict[tuple[str, bytes], Refresh] = {}
        self._tombstones: set[str] = set()
        self._removes_only = True

    # Putting

    def put_node(self, row: NodeRow, renamed: Node | None = None) -> None:
        """Write a node, unless it is there just so.

        ``renamed`` is the node that takes this name and was removed for it: its CreateIndex goes along.
        """
        key = rows.node_key(row.name)
        old = self._catalog.nodes.get(fold(row.name))
        if renamed is not None:
            self._puts[rows.NODES, key] = Put(
                rows.NODES, key, rows.pack(row), old.modify if old else ABSENT, renamed.create
            )
            self._removes_only = False
            if old is None:
                # A replica that loads the node must not take its age for that of its checks.
                self._tombstones.add(topics.node_checks(fold(row.name)))
        else:
            self._put(rows.NODES, key, rows.pack(row), old.packed if old else None, old.modify if old else 0)
        former = old.id.lower() if old else ""
        freed = (rows.BINDINGS, rows.holder_key(row.id)) in self._deletes
        if former != row.id.lower() or freed:
            self._release_id(former)
            if row.id:
                key = rows.holder_key(row.id)
                expect = self._catalog.bindings.get(key, ABSENT)
                self._puts[rows.BINDINGS, key] = Put(rows.BINDINGS, key, b"", expect)

    def _release_id(self, node_id: str) -> None:
        if node_id:
            key = rows.holder_key(node_id)
            expect = self._catalog.bindings.get(key, ABSENT)
            self._deletes[rows.BINDINGS, key] = Delete(rows.BINDINGS, key, expect)

    def put_service(self, row: ServiceRow) -> None:
        """Write an instance, unless it is there just so. Its node must exist or be in the draft."""
        key = rows.member_key(row.node, row.id)
        node = self._catalog.nodes.get(fold(row.node))
        old = node.instances.get(fold(row.id)) if node else None
        self.guard_node(row.node)
        self._put(rows.SERVICES, key, rows.pack(row), old.packed if old else None, old.modify if old else 0)
        if old is not None:
            stays = {topics.service(fold(row.name))}
            if row.destination:
                stays.add(topics.connect(fold(row.destination)))
            self._tombstones |= instance_topics(old) - stays

    def put_check(self, row: CheckRow) -> None:
        """Write a check, unless it is there just so. Its node and service must exist or be in the draft."""
        key = rows.member_key(row.node, row.id)
        node = self._catalog.nodes.get(fold(row.node))
        old = node.checks.get(fold(row.id)) if node else None
        packed = rows.pack(row)
        if old is not None and packed != old.packed and _differs_in_output_alone(row, old):
            self._removes_only = False
            self._refreshes[rows.CHECKS, key] = Refresh(rows.CHECKS, key, packed, old.modify)
            return
        self.guard_node(row.node)
        self._put(rows.CHECKS, key, packed, old.packed if old else None, old.modify if old else 0)
        if old is not None and (old.service_key, old.name_key) != (
            fold(row.service_id),
            fold(row.service_name),
        ):
            stays = {topics.service(fold(row.service_name))} if row.service_name else set()
            instance = node.instances.get(fold(row.service_id)) if node and row.service_id else None
            stays |= instance_topics(instance) if instance else set()
            if not row.service_id:
                stays.add(topics.level_checks(fold(row.node)))
            self._leave(old, stays)
        if row.service_id and (old is None or old.service_key != fold(row.service_id)):
            self._bind(row)

    def put_result(self, row: CheckRow, status: str, output: str) -> None:
        """Write what came of running a check; ``row`` is the check as it is.

        With another status it takes over what its service is called and tagged by now, as in Consul,
        where a registration that does not repeat the check leaves it the former name and tags.
        """
        node = self._catalog.nodes.get(fold(row.node))
        instance = node.instances.get(fold(row.service_id)) if node and row.service_id else None
        if instance is not None and status != row.status:
            now = instance.name, instance.tags
            if now != (row.service_name, row.service_tags):
                self._guard_service(instance.node.key, instance.key)
                row = msgspec.structs.replace(row, service_name=now[0], service_tags=now[1])
        self.put_check(msgspec.structs.replace(row, status=status, output=output))

    def _bind(self, row: CheckRow) -> None:
        key = rows.member_key(row.node, row.service_id)
        if (rows.SERVICES, key) in self._puts:
            return
        self._guard_service(fold(row.node), fold(row.service_id))
        expect = self._catalog.bindings.get(key, ABSENT)
        self._puts[rows.BINDINGS, key] = Put(rows.BINDINGS, key, b"", expect)

    def _leave(self, check: Check, stays: set[str]) -> None:
        """Write tombstones where a check is not shown any more; where it is shown hangs on its service."""
        self._tombstones |= check_topics(self._catalog, check) - stays
        if check.service_key:
            self._guard_service(check.node_key, check.service_key)

    def put_meta(self, key: bytes, value: bytes) -> None:
        """Write a value of the meta table, unless it is there just so."""
        old = self._catalog.meta.get(key)
        self._put(rows.META, key, value, old, self._catalog.meta_index.get(key, ABSENT))

    def put_guard(self, row: GuardRow) -> None:
        """Write the guard of a service, unless it is there just so."""
        old = self._catalog.guards.get(fold(row.name))
        key = rows.guard_key(fold(row.name))
        self._put(
            rows.GUARDS, key, rows.pack(row), old.packed if old else None, old.modify if old else ABSENT
        )

    # Removing

    def remove_check(self, check: Check) -> None:
        """Remove a check."""
        key = _key(check.node_key, check.key)
        self._deletes[rows.CHECKS, key] = Delete(rows.CHECKS, key, check.modify)
        self._leave(check, set())
        self._tombstones |= {topics.CHECKS, topics.node_checks(check.node_key)}

    def remove_instance(self, instance: Instance) -> None:
        """Remove an instance with the checks bound to it."""
        for check in instance.checks:
            self.remove_check(check)
        key = _key(instance.node.key, instance.key)
        self._deletes[rows.SERVICES, key] = Delete(rows.SERVICES, key, instance.modify)
        if key in self._catalog.bindings:
            self._deletes[rows.BINDINGS, key] = Delete(rows.BINDINGS, key, self._catalog.bindings[key])
        else:
            self._guards[rows.BINDINGS, key] = Guard(rows.BINDINGS, key, ABSENT)
        self._tombstones |= instance_topics(instance)
        self._tombstones |= {topics.SERVICES, topics.node(instance.node.key)}

    def remove_node(self, node: Node) -> None:
        """Remove a node with everything on it, and with nothing that joins it meanwhile."""
        for instance in node.instances.values():
            self.remove_instance(instance)
        for check in node.checks.values():
            self.remove_check(check)
        prefix = rows.members_prefix(node.key)
        for table, members in ((rows.SERVICES, node.instances), (rows.CHECKS, node.checks)):
            newest = max((member.modify for member in members.values()), default=0)
            self._guards[table, prefix] = PrefixGuard(table, prefix, len(members), newest)
        key = rows.node_key(node.key)
        self._deletes[rows.NODES, key] = Delete(rows.NODES, key, node.modify)
        self._release_id(node.id)
        self._tombstones |= {topics.NODES, topics.node(node.key), topics.node_checks(node.key)}

    def remove_guard(self, name_key: str) -> None:
        """Remove the guard of the service with this folded name, which must be there."""
        key = rows.guard_key(name_key)
        self._deletes[rows.GUARDS, key] = Delete(rows.GUARDS, key, self._catalog.guards[name_key].modify)
        self._tombstones |= {topics.GUARDS, topics.guard(name_key), topics.service(name_key)}

    def bury(self, topic: str) -> None:
        """Remove a tombstone whose topic has no objects, unless it has been written again."""
        key = topic.encode()
        self._deletes[rows.TOMBSTONES, key] = Delete(
            rows.TOMBSTONES, key, self._catalog.tombstones.get(topic, ABSENT)
        )

    def raise_floor(self) -> None:
        """Make this change's index the one that unknown names without a tombstone report."""
        self._tombstones.add(topics.FLOOR)

    # Finishing

    def guard_node(self, name: str) -> None:
        """Require that a node stays as this replica knows it, unless the draft writes it."""
        key = rows.node_key(name)
        if (rows.NODES, key) not in self._puts:
            node = self._catalog.nodes.get(fold(name))
            self._guards[rows.NODES, key] = Guard(rows.NODES, key, node.modify if node else ABSENT)

    def _guard_service(self, node_key: str, service_key: str) -> None:
        node = self._catalog.nodes.get(node_key)
        instance = node.instances.get(service_key) if node else None
        key = _key(node_key, service_key)
        self._guards[rows.SERVICES, key] = Guard(rows.SERVICES, key, instance.modify if instance else ABSENT)

    def change(self) -> Change | None:
        """Return the change, None when it would change nothing."""
        if not self._puts and not self._deletes and not self._refreshes:
            return None
        puts = sorted(self._puts.values(), key=lambda put: _RANKS.get(put.table, len(_RANKS)))
        for topic in sorted(self._tombstones):
            puts.append(Put(rows.TOMBSTONES, topic.encode(), b""))
        guards = [
            guard
            for (table, key), guard in self._guards.items()
            if (table, key) not in self._puts and (table, key) not in self._deletes
        ]
        return Change(
            tuple(puts),
            tuple(self._deletes.values()),
            tuple(guards),
            self._removes_only,
            tuple(self._refreshes.values()),
        )

    def _put(self, table: str, key: bytes, packed: bytes, old: bytes | None, expect: int) -> None:
        if packed == old:
            return
        self._removes_only = False
        self._puts[table, key] = Put(table, key, packed, expect)


def instance_topics(instance: Instance) -> set[str]:
    """Return the topics of the groups an instance belongs to."""
    return {group.topic for group in instance.groups}


def _differs_in_output_alone(row: CheckRow, old: Check) -> bool:
    before = rows.unpack_check(old.packed)
    return msgspec.structs.replace(row, output=before.output) == before


def check_topics(catalog: Catalog, check: Check) -> set[str]:
    """Return the topics that show a check besides the tables and its node's."""
    if not check.service_key:
        return {topics.level_checks(check.node_key)}
    found = {topics.service(check.name_key)} if check.name_key else set()
    instance = catalog.nodes[check.node_key].instances.get(check.service_key)
    return found | instance_topics(instance) if instance else found


def _key(node_key: str, member_key: str) -> bytes:
    return rows.member_key(node_key, member_key)
