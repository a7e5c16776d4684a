"""Selecting instances, nodes and checks by tags, health and node metadata.

Small groups are looked at one by one, large ones through bitmaps (see `BITMAP_PAYS_FROM`). Both ways
give the same answer in the same order; a property test holds them against each other.
"""

from collections.abc import Sequence

from pyroaring import BitMap

from registry.catalog.bitmaps import EMPTY
from registry.catalog.entities import BITMAP_PAYS_FROM, Check, Group, Instance, Node
from registry.catalog.rows import fold
from registry.catalog.state import Catalog

Pairs = Sequence[tuple[str, str]]
"""Node metadata wanted: (key, value) pairs, all of which must match."""


def instances(
    catalog: Catalog,
    group: Group | None,
    *,
    tags: Sequence[str] = (),
    passing: bool = False,
    node_meta: Pairs = (),
    held: BitMap = EMPTY,
    bitmap_from: int = BITMAP_PAYS_FROM,
) -> list[Instance]:
    """Return a group's instances that carry all tags, on nodes with all metadata, in answer order.

    Tags are compared without regard to case; an empty tag matches nothing (Consul's behaviour).
    ``passing`` leaves out instances with any check that is not passing, node-level ones included, unless
    their slots are in ``held``.
    """
    if group is None:
        return []
    wanted = [fold(tag) for tag in tags]
    if "" in wanted:
        return []
    if group.slots is not None and len(group.members) >= bitmap_from and (wanted or passing):
        without = EMPTY if not passing else catalog.unhealthy - held if held else catalog.unhealthy
        members = _by_bitmap(catalog, group, group.slots, wanted, without)
    else:
        members = [
            member
            for member in group.members
            if all(tag in member.tag_keys for tag in wanted)
            and (not passing or member.healthy or member.slot in held)
        ]
    if passing:
        members = [member for member in members if member.node.healthy or member.slot in held]
    if node_meta:
        slots = node_slots(catalog, node_meta)
        members = [member for member in members if member.node.slot in slots]
    return members


def _by_bitmap(
    catalog: Catalog, group: Group, slots: BitMap, tags: Sequence[str], without: BitMap
) -> list[Instance]:
    chosen = BitMap.intersection(slots, *[catalog.tags.get(tag) for tag in tags])
    chosen -= without
    if len(chosen) == len(group.members):
        return list(group.members)
    return [member for member in group.members if member.slot in chosen]


def held(catalog: Catalog, group: Group | None) -> BitMap:
    """Return the slots of a group's instances that are healthy for no other reason than a guard."""
    if group is None or not catalog.guards:
        return EMPTY
    found = BitMap()
    for member in group.members:
        if not (member.healthy and member.node.healthy):
            guard = catalog.guards.get(member.groups[0].key)
            if guard is not None and guard.holds(member):
                found.add(member.slot)
    return found


def node_slots(catalog: Catalog, node_meta: Pairs) -> BitMap:
    """Return the slots of the nodes that have all the metadata; ``node_meta`` must not be empty."""
    return BitMap.intersection(*[catalog.node_meta.get((key, value)) for key, value in node_meta])


def nodes(catalog: Catalog, node_meta: Pairs = ()) -> list[Node]:
    """Return the nodes that have all the metadata, by name."""
    if node_meta:
        items = catalog.node_slots.items
        found = [node for slot in node_slots(catalog, node_meta) if (node := items[slot]) is not None]
    else:
        found = list(catalog.nodes.values())
    return sorted(found, key=lambda node: node.key)


def checks_of_service(catalog: Catalog, name: str, node_meta: Pairs = ()) -> list[Check]:
    """Return the checks that carry a service's name, by node and check ID; no node-level ones."""
    key = fold(name)
    group = catalog.services.get(key)
    if group is None:
        return []
    found = [check for member in group.members for check in member.checks if check.name_key == key]
    found.extend(group.strays.values())
    return in_order(catalog, found, node_meta)


def checks_with_status(catalog: Catalog, status: str, node_meta: Pairs = ()) -> list[Check]:
    """Return all checks with a status, "any" for all of them, by node and check ID."""
    if status == "any":
        found = [check for node in catalog.nodes.values() for check in node.checks.values()]
    else:
        items = catalog.check_slots.items
        slots = catalog.statuses.get(status).to_array()
        found = [check for slot in slots if (check := items[slot]) is not None]
    return in_order(catalog, found, node_meta)


def in_order(catalog: Catalog, checks: list[Check], node_meta: Pairs = ()) -> list[Check]:
    """Return checks by node and check ID, those on nodes with all the metadata."""
    if node_meta:
        slots = node_slots(catalog, node_meta)
        checks = [check for check in checks if catalog.nodes[check.node_key].slot in slots]
    return sorted(checks, key=lambda check: (check.node_key, check.key))
