"""The catalog in memory: applying changes, loading, selecting."""

import itertools

import pytest
from msgspec.structs import replace

from bench.parts.conftest import Timed
from bench.parts.world import loaded
from bench.population import Member, changes, even, rows
from registry.catalog import select
from registry.catalog.entities import Instance
from registry.catalog.rows import (
    CHECKS,
    NODES,
    SERVICES,
    CheckRow,
    NodeRow,
    ServiceRow,
    member_key,
    pack,
)
from registry.catalog.state import Catalog

NEVER = 1 << 62


def test_apply_a_change(timed: Timed) -> None:
    """An instance and its check, registered again with other content, among 10,000."""
    members = even(1000)
    catalog = loaded(members)
    member = members[5000]
    puts = _puts(*rows(member))
    index = itertools.count(catalog.index + 1)

    timed(lambda: catalog.apply(next(index), puts, []))
    assert catalog.instance_count == len(members)


def test_apply_a_registration(timed: Timed) -> None:
    """New instances, each with a check, one change for each."""
    catalog = loaded(even(1000))
    numbers = itertools.count(100_000)

    def registration() -> tuple[int, list[tuple[str, bytes, int, bytes]], list[tuple[str, bytes]]]:
        (change,) = changes([Member(f"fresh-{(number := next(numbers)) // 10}", number)])
        index = catalog.index + 1
        puts = [(put.table, put.key, index, put.value) for put in change.puts if put.table != NODES]
        return index, puts, []

    before = catalog.instance_count
    timed.each(catalog.apply, registration, rounds=2000)
    assert catalog.instance_count > before


def test_load_10_000_instances(timed: Timed) -> None:
    """From rows, as at a start."""
    members = even(1000)
    puts = [put for change in changes(members) for put in change.puts]
    tables = (NODES, SERVICES, CHECKS)
    stored = sorted(
        ((put.table, put.key, 1, 1, put.value) for put in puts),
        key=lambda row: (tables.index(row[0]), row[1]),
    )
    catalogs: list[Catalog] = []

    def load() -> None:
        catalog = Catalog()
        catalog.load(1, stored)
        catalogs.append(catalog)

    def forget() -> tuple[()]:
        for catalog in catalogs:
            assert catalog.instance_count == len(members)
            catalog.forget()
        catalogs.clear()
        return ()

    timed.each(load, forget, rounds=5)


@pytest.mark.parametrize("way", ["bitmaps", "scan"])
@pytest.mark.parametrize("instances", [64, 256, 1024, 10_240])
def test_select(timed: Timed, instances: int, way: str) -> None:
    """The healthy instances with a tag: half of all."""
    catalog = Catalog()
    members = [Member("web", number) for number in range(instances)]
    for node in {member.node for member in members}:
        catalog.apply(catalog.index + 1, [(NODES, node.encode(), 1, pack(NodeRow(node)))], [])
    for member in members:
        service, check = rows(member)
        service = replace(service, tags=("even" if member.number % 2 == 0 else "odd",))
        catalog.apply(catalog.index + 1, _puts(service, check), [])
    group = catalog.services["web"]
    bitmap_from = 0 if way == "bitmaps" else NEVER

    def chosen() -> list[Instance]:
        return select.instances(catalog, group, tags=("even",), passing=True, bitmap_from=bitmap_from)

    assert len(chosen()) == instances // 2
    timed(chosen)


def _puts(service: ServiceRow, check: CheckRow) -> list[tuple[str, bytes, int, bytes]]:
    return [
        (SERVICES, member_key(service.node, service.id), 1, pack(service)),
        (CHECKS, member_key(check.node, check.id), 1, pack(check)),
    ]
