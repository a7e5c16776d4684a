"""Filling an empty catalog from the tables: what `Catalog.apply` does row by row, in bulk.

A start has to get through a million rows and more, so each table is gone through in one loop that does
for a row only what differs from the one before: rows come in the order of their keys, hence node by
node, names and tags repeat and are looked up whole, and bitmaps are made at the end from lists. The
result is the same as if the rows had come through the log; property tests hold the two against each
other.

Cost
    8 microseconds for an instance with a check, half of what putting them in one by one takes; 12 with a
    million of them, when the kernel has to find a gigabyte of memory and caches hold little of it.
"""

import sys
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from pyroaring import BitMap

from registry.catalog import rows, topics
from registry.catalog.entities import PASSING, Check, Group, Instance, Node

if TYPE_CHECKING:
    from registry.catalog.state import Catalog

Stored = Iterable[tuple[str, bytes, int, int, bytes]]
"""Rows as ``(table, key, create, modify, value)``: table by table, nodes before services before checks,
each in the order of its keys."""

_intern = sys.intern


def fill(catalog: "Catalog", stored: Stored) -> None:
    """Put the rows into an empty catalog; its index is the caller's to set."""
    for table, found in groupby(stored, itemgetter(0)):
        if table == rows.SERVICES:
            _services(catalog, found)
        elif table == rows.CHECKS:
            _checks(catalog, found)
        else:
            for _, key, create, modify, value in found:
                catalog.load_row(table, key, create, modify, value)
    _finish(catalog)


class _Name:
    """What all instances share that have the same service name, destination and tags."""

    __slots__ = ("count", "folded", "groups", "name", "slots", "tags")

    def __init__(self, catalog: "Catalog", head: rows.ServiceHead) -> None:
        tags = tuple([_intern(tag) for tag in head.tags])
        folded = tuple([_intern(rows.fold(tag)) for tag in head.tags])
        self.name = _intern(head.name)
        self.groups = catalog.groups_for(head)
        self.tags = tags
        self.folded = tags if folded == tags else folded
        self.slots: list[int] = []
        self.count = 0


def _services(catalog: "Catalog", stored: Stored) -> None:
    names: dict[tuple[str, str, tuple[str, ...]], _Name] = {}
    node_name: str | None = None
    nodes, items = catalog.nodes, catalog.instance_slots.items
    unpack, newest = rows.unpack_service_head, 0
    node: Node | None = None
    at = 0
    for _, key, create, modify, value in stored:
        head = unpack(value)
        if node is None or head.node != node_name:
            node_name = head.node
            node = nodes[rows.fold(node_name)]
            at = len(node.key.encode()) + 1
        shared = names.get((head.name, head.destination, head.tags))
        if shared is None:
            shared = _Name(catalog, head)
            names[head.name, head.destination, head.tags] = shared
        service_key, service_id = key[at:].decode(), head.id
        slot = len(items)
        instance = Instance(
            slot,
            node,
            service_key,
            service_key if service_id == service_key else service_id,
            shared.name,
            shared.groups,
            shared.tags,
            shared.folded,
            head.local,
            create,
            modify,
            value,
        )
        items.append(instance)
        shared.slots.append(slot)
        node.instances[service_key] = instance
        if modify > node.index:
            node.index = modify
        if modify > newest:
            newest = modify
        for group in shared.groups:
            group.members.append(instance)
            if modify > group.index:
                group.index = modify
    catalog.raise_table(topics.SERVICES, newest)
    for shared in names.values():
        catalog.instance_count += len(shared.slots)
        catalog.service_list.add_many(shared.name, shared.tags, len(shared.slots))
        for tag in set(shared.folded):
            catalog.tags.add_all(tag, shared.slots)


def _checks(catalog: "Catalog", stored: Stored) -> None:
    node_name: str | None = None
    nodes, items, services = catalog.nodes, catalog.check_slots.items, catalog.services
    unpack, fold, newest = rows.unpack_check_head, rows.fold, 0
    by_status: dict[str, list[int]] = {}
    unhealthy: list[int] = []
    node: Node | None = None
    at = 0
    for _, key, create, modify, value in stored:
        head = unpack(value)
        if node is None or head.node != node_name:
            node_name = head.node
            node = nodes[fold(node_name)]
            at = len(node.key.encode()) + 1
        check_key, check_id = key[at:].decode(), head.id
        status, service_key, name_key = _intern(head.status), fold(head.service_id), fold(head.service_name)
        instance = node.instances.get(service_key) if service_key else None
        if instance is not None:
            service_key = instance.key
        named = services.get(name_key) if name_key else None
        if named is not None:
            name_key = named.key
        slot = len(items)
        check = Check(
            slot,
            node.key,
            check_key,
            check_key if check_id == check_key else check_id,
            status,
            service_key,
            name_key,
            head.local,
            create,
            modify,
            value,
        )
        items.append(check)
        node.checks[check_key] = check
        slots = by_status.get(status)
        if slots is None:
            by_status[status] = [slot]
        else:
            slots.append(slot)
        if modify > node.checks_index:
            node.checks_index = modify
        if modify > newest:
            newest = modify
        if named is not None and modify > named.index:
            named.index = modify
        if instance is None:
            if service_key:
                node.orphans[check_key] = check
                _lead_astray(catalog, check)
            continue
        instance.checks = (*instance.checks, check) if instance.checks else (check,)
        if status != PASSING:
            instance.healthy = False
            unhealthy.append(instance.slot)
        for group in instance.groups:
            if modify > group.index:
                group.index = modify
        if named is not instance.groups[0]:
            _lead_astray(catalog, check)
    catalog.raise_table(topics.CHECKS, newest)
    for status, slots in by_status.items():
        catalog.statuses.add_all(status, slots)
    catalog.unhealthy |= BitMap(unhealthy)


def _lead_astray(catalog: "Catalog", check: Check) -> None:
    """Hang a check under a service name that its instance does not have."""
    catalog.stray(check, True)
    group = catalog.services.get(check.name_key) if check.name_key else None
    if group is not None:
        group.index = max(group.index, check.modify, catalog.nodes[check.node_key].modify)


def _finish(catalog: "Catalog") -> None:
    """Derive what needs all rows: bitmaps of groups, and what tombstones and nodes add to the indexes."""
    groups: tuple[Group, ...] = (*catalog.services.values(), *catalog.connects.values())
    for group in groups:
        group.make_bitmap()
    for node in catalog.nodes.values():
        _finish_node(catalog, node)
    for group in groups:
        group.index = max(group.index, catalog.tombstones.get(group.topic, 0))
    for key, guard in catalog.guards.items():
        if key in catalog.services:
            guarded = catalog.services[key]
            guarded.index = max(guarded.index, guard.modify)
    for table in (topics.NODES, topics.SERVICES, topics.CHECKS, topics.GUARDS):
        catalog.raise_table(table, catalog.tombstones.get(table, 0))


def _finish_node(catalog: "Catalog", node: Node) -> None:
    """Derive what a node's tombstones and node-level checks add to the indexes."""
    node.refresh_health()
    buried = catalog.tombstones
    node.index = max(node.index, buried.get(node.topic, 0))
    node.checks_index = max(node.checks_index, buried.get(node.checks_topic, 0))
    shared = max(
        node.modify,
        buried.get(topics.level_checks(node.key), 0),
        *(check.modify for check in node.level_checks),
    )
    for instance in node.instances.values():
        for group in instance.groups:
            if shared > group.index:
                group.index = shared
