"""Everything a catalog knows as plain values, taken from the catalog and made from the model."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pyroaring import BitMap

from model.dictionary import Key, Model, objects
from registry.catalog import topics
from registry.catalog.bitmaps import Slots
from registry.catalog.entities import Check, Group, Instance, Node
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow, fold, pack
from registry.catalog.state import Catalog

Facts = dict[str, Any]


def key_of(thing: Node | Instance | Check) -> Key:
    """Return the model's key of an object of the catalog."""
    if isinstance(thing, Node):
        return ("node", thing.key)
    if isinstance(thing, Instance):
        return ("service", thing.node.key, thing.key)
    return ("check", thing.node_key, thing.key)


def catalog_objects(catalog: Catalog) -> list[Node | Instance | Check]:
    """Return every object of a catalog, found by way of the nodes."""
    found: list[Node | Instance | Check] = []
    for node in catalog.nodes.values():
        found += [node, *node.instances.values(), *node.checks.values()]
    return found


def facts_of(catalog: Catalog, names: Iterable[str]) -> Facts:
    """Return all that a catalog holds; slot numbers are replaced by the keys of their objects."""
    found = catalog_objects(catalog)
    return {
        "index": catalog.index,
        "instances": catalog.instance_count,
        "objects": {key_of(each): (each.packed, each.create, each.modify) for each in found},
        "guards": {key: (guard.packed, guard.create, guard.modify) for key, guard in catalog.guards.items()},
        "parts": {key_of(each): _parts(each) for each in found},
        "services": {key: _group(group) for key, group in catalog.services.items()},
        "connects": {key: _group(group) for key, group in catalog.connects.items()},
        "service list": catalog.service_list.body(),
        "tags": _bitmaps(catalog.tags, catalog.instance_slots),
        "node_meta": _bitmaps(catalog.node_meta, catalog.node_slots),
        "statuses": _bitmaps(catalog.statuses, catalog.check_slots),
        "unhealthy": _resolved(catalog.unhealthy, catalog.instance_slots),
        "node_ids": dict(catalog.node_ids),
        "topics": {topic: catalog.topic_index(topic) for topic in names},
    }


def stored_facts(catalog: Catalog) -> Facts:
    """Return what a catalog keeps of rows that are no objects; the store's own, with index 0, left out."""
    meta = {key: (catalog.meta[key], index) for key, index in catalog.meta_index.items() if index}
    return {"bindings": catalog.bindings, "tombstones": catalog.tombstones, "meta": meta}


def _parts(thing: Node | Instance | Check) -> tuple[Any, ...]:
    if isinstance(thing, Node):
        level = tuple(check.key for check in thing.level_checks)
        return (thing.name, thing.id, thing.address, thing.meta, level, thing.healthy, sorted(thing.orphans))
    if isinstance(thing, Instance):
        groups = tuple((group.connect, group.key) for group in thing.groups)
        checks = tuple(check.key for check in thing.checks)
        tags = (thing.tags, thing.tag_keys)
        return (thing.id, thing.name, *tags, thing.local, groups, checks, thing.healthy)
    return (thing.id, thing.status, thing.service_key, thing.name_key, thing.local)


def _group(group: Group) -> tuple[list[Key], list[Key]]:
    return [key_of(each) for each in group.members], sorted(map(key_of, group.strays.values()))


def _resolved(slots: BitMap, names: Slots[Any]) -> set[Key]:
    return {key_of(item) for slot in slots if (item := names.items[slot]) is not None}


def _bitmaps(index: Any, names: Slots[Any]) -> dict[Any, set[Key]]:
    return {key: _resolved(index.get(key), names) for key in index.keys()}  # noqa: SIM118 (not a dict)


def model_facts(model: Model, names: Iterable[str]) -> Facts:
    """Return what `facts_of` must return."""
    state = model.state
    rows = {key: (pack(kept.row), kept.create, kept.modify) for key, kept in state.items()}
    tags, unhealthy, services, connects = _of_services(model)
    node_meta: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
    statuses: defaultdict[str, set[Key]] = defaultdict(set)
    for key, (node, _) in objects(state, NodeRow).items():
        for pair in (node.meta or {}).items():
            node_meta[pair].add(key)
    for key, (check, _) in objects(state, CheckRow).items():
        statuses[check.status].add(key)
    return {
        "index": model.newest,
        "instances": len(objects(state, ServiceRow)),
        "objects": {key: stored for key, stored in rows.items() if key[0] != "guard"},
        "guards": {key[1]: stored for key, stored in rows.items() if key[0] == "guard"},
        "parts": {key: _model_parts(model, key) for key in state if key[0] != "guard"},
        "services": services,
        "connects": connects,
        "service list": _service_list(model),
        "tags": tags,
        "node_meta": dict(node_meta),
        "statuses": dict(statuses),
        "unhealthy": unhealthy,
        "node_ids": {row.id.lower(): key[1] for key, (row, _) in objects(state, NodeRow).items() if row.id},
        "topics": {topic: model.index(topic) for topic in names},
    }


def bound(model: Model, node: str, service: str) -> list[tuple[str, CheckRow]]:
    """Return the checks bound to a service, or to the node for "", with their keys, in order."""
    return [
        (key[2], row)
        for key, (row, _) in objects(model.state, CheckRow).items()
        if key[1] == node and fold(row.service_id) == service
    ]


def _passing(checks: list[tuple[str, CheckRow]]) -> bool:
    return all(row.status == "passing" for _, row in checks)


def _of_services(model: Model) -> tuple[Any, ...]:
    tags: defaultdict[str, set[Key]] = defaultdict(set)
    services: defaultdict[str, tuple[list[Key], list[Key]]] = defaultdict(lambda: ([], []))
    connects: defaultdict[str, tuple[list[Key], list[Key]]] = defaultdict(lambda: ([], []))
    unhealthy = set()
    names = {}
    for key, (row, _) in objects(model.state, ServiceRow).items():
        names[key[1:]] = fold(row.name)
        for tag in row.tags:
            tags[fold(tag)].add(key)
        if not _passing(bound(model, key[1], key[2])):
            unhealthy.add(key)
        services[fold(row.name)][0].append(key)
        if row.destination:
            connects[fold(row.destination)][0].append(key)
    for key, (check, _) in objects(model.state, CheckRow).items():
        name = fold(check.service_name)
        if name and names.get((key[1], fold(check.service_id))) != name:
            services[name][1].append(key)
    return dict(tags), unhealthy, dict(services), dict(connects)


def _service_list(model: Model) -> bytes:
    tags: defaultdict[str, set[str]] = defaultdict(set)
    for row, _ in objects(model.state, ServiceRow).values():
        tags[row.name] |= set(row.tags)
    shown = {name: sorted(tags[name]) for name in sorted(tags)}
    return json.dumps(shown, separators=(",", ":")).encode()


def _model_parts(model: Model, key: Key) -> tuple[Any, ...]:
    row = model.state[key].row
    assert not isinstance(row, GuardRow)
    if isinstance(row, NodeRow):
        level = bound(model, key[1], "")
        names = tuple(check for check, _ in level)
        meta = tuple((row.meta or {}).items())
        return (row.name, row.id, row.address, meta, names, _passing(level), [])
    if isinstance(row, ServiceRow):
        checks = bound(model, key[1], key[2])
        groups: tuple[tuple[bool, str], ...] = ((False, fold(row.name)),)
        if row.destination:
            groups += ((True, fold(row.destination)),)
        tags = (row.tags, tuple(fold(tag) for tag in row.tags))
        names = tuple(check for check, _ in checks)
        return (row.id, row.name, *tags, row.local, groups, names, _passing(checks))
    return (row.id, row.status, fold(row.service_id), fold(row.service_name), row.local)


def assert_loads_alike(catalog: Catalog, stored: tuple[int, Iterable[Any]]) -> None:
    """Require that a catalog which followed the log is the one that loading the tables gives."""
    loaded = Catalog()
    loaded.load(*stored)
    names = {topic for topic in catalog.tombstones if not topic.startswith("level-checks/")}
    for key in catalog.nodes:
        names |= {topics.node(key), topics.node_checks(key)}
    names |= {topics.service(key) for key in catalog.services}
    names |= {topics.connect(key) for key in catalog.connects}
    names |= {topics.guard(key) for key in (*catalog.services, *catalog.guards)}
    names |= {topics.NODES, topics.SERVICES, topics.CHECKS, topics.GUARDS}
    assert facts_of(loaded, names) == facts_of(catalog, names)
    assert stored_facts(loaded) == stored_facts(catalog)


def assert_slots_dense(catalog: Catalog, peaks: Mapping[str, int]) -> None:
    """Require that slots and objects name each other, and that no more slots exist than were needed."""
    kinds: tuple[tuple[str, type, Slots[Any]], ...] = (
        ("node", Node, catalog.node_slots),
        ("service", Instance, catalog.instance_slots),
        ("check", Check, catalog.check_slots),
    )
    found = catalog_objects(catalog)
    for kind, entity, slots in kinds:
        live = [each for each in found if isinstance(each, entity)]
        for each in live:
            assert slots.items[each.slot] is each, f"{key_of(each)} is not at its slot {each.slot}"
        held = [item for item in slots.items if item is not None]
        assert len(held) == len(live), f"{len(held)} slots of kind {kind} are held by {len(live)} objects"
        assert len(slots.items) <= peaks[kind], (
            f"{len(slots.items)} slots for at most {peaks[kind]} of {kind}"
        )
    for group in (*catalog.services.values(), *catalog.connects.values()):
        if group.slots is not None:
            assert group.slots == BitMap([member.slot for member in group.members]), group.key
