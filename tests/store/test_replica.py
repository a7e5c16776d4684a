"""A catalog is the same whether its process followed the log, fell behind it, or loaded the tables."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from registry.catalog import topics
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow, fold
from registry.catalog.state import Catalog
from registry.replica import Draft, Replica
from registry.replica.replica import DRAFTS_MAX
from registry.store.change import Change
from registry.store.engine import Limits
from registry.store.errors import LogTrimmed
from registry.store.layout import DataFolder
from registry.store.local import LocalStore

NODES = ["alpha", "Beta", "gamma"]
SERVICES = ["web", "API", "db"]
TAGS = ["a", "b", "c"]
LOG_ENTRIES = 20


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def store(folder: DataFolder, loop: asyncio.AbstractEventLoop) -> Iterator[LocalStore]:
    """Return a store with a short log."""
    made = LocalStore(folder, Limits(log_max_entries=LOG_ENTRIES), 512, loop)
    yield made
    made.close()


class Follower:
    """A replica and what its listener was told."""

    def __init__(self, store: LocalStore) -> None:
        self.told: list[set[str] | None] = []
        self.replica = Replica(store, self.told.append)

    @property
    def catalog(self) -> Catalog:
        return self.replica.catalog


def facts(catalog: Catalog) -> dict[str, object]:
    """Return everything that answers are made from, as plain values."""
    services = sorted({*catalog.services, *(fold(name) for name in SERVICES), "never"})
    nodes = sorted({*catalog.nodes, *(fold(name) for name in NODES), "never"})
    asked = [topics.NODES, topics.SERVICES, topics.CHECKS]
    asked += [topics.service(name) for name in services]
    asked += [topic(name) for name in nodes for topic in (topics.node, topics.node_checks)]
    return {
        "index": catalog.index,
        "nodes": sorted(
            (node.name, node.create, node.modify, node.packed) for node in catalog.nodes.values()
        ),
        "instances": sorted(
            (node.key, it.key, it.create, it.modify, it.packed, it.healthy, tuple(c.key for c in it.checks))
            for node in catalog.nodes.values()
            for it in node.instances.values()
        ),
        "checks": sorted(
            (node.key, check.key, check.create, check.modify, check.packed)
            for node in catalog.nodes.values()
            for check in node.checks.values()
        ),
        "members": {name: sorted(it.key for it in group.members) for name, group in catalog.services.items()},
        "tombstones": catalog.tombstones,
        "bindings": catalog.bindings,
        "list": catalog.service_list.body(),
        "indexes": {topic: catalog.topic_index(topic) for topic in asked},
    }


def some_change(rng: random.Random, catalog: Catalog) -> Change | None:
    """Draft a change as the API does: registrations, health updates and removals."""
    draft = Draft(catalog)
    name = rng.choice(NODES)
    node = catalog.nodes.get(fold(name))
    action = rng.random()
    if node is not None and action < 0.08:
        draft.remove_node(node)
    elif node is not None and action < 0.25 and node.instances:
        draft.remove_instance(rng.choice(list(node.instances.values())))
    elif node is not None and action < 0.35 and node.checks:
        draft.remove_check(rng.choice(list(node.checks.values())))
    elif node is not None and action < 0.5:
        status = rng.choice(["passing", "critical"])
        draft.put_check(CheckRow(name, f"node-check-{rng.randrange(2)}", status))
    else:
        service = rng.choice(SERVICES)
        service_id = f"{service}-{rng.randrange(3)}"
        draft.put_node(NodeRow(name, address=f"10.0.0.{rng.randrange(3)}"))
        draft.put_service(
            ServiceRow(
                name, service_id, service, tuple(rng.sample(TAGS, rng.randrange(3))), port=rng.randrange(3)
            )
        )
        if rng.random() < 0.7:
            status = rng.choice(["passing", "warning", "critical"])
            draft.put_check(CheckRow(name, f"check-{service_id}", status, service_id, service))
    return draft.change()


def write(loop: asyncio.AbstractEventLoop, follower: Follower, rng: random.Random, count: int) -> None:
    for _ in range(count):
        loop.run_until_complete(follower.replica.write(lambda catalog: some_change(rng, catalog)))


@pytest.mark.parametrize("seed", range(5))
def test_following_falling_behind_and_loading_lead_to_the_same(
    loop: asyncio.AbstractEventLoop, store: LocalStore, seed: int
) -> None:
    rng = random.Random(seed)
    writer, reader, late = Follower(store), Follower(store), Follower(store)
    for follower in (writer, reader, late):
        follower.replica.load()
    for _ in range(10):
        write(loop, writer, rng, LOG_ENTRIES // 2)
        reader.replica.catch_up()
    assert None not in reader.told, "a reader that kept up loaded the tables"

    late.told.clear()
    with pytest.raises(LogTrimmed):
        store.changes_since(late.catalog.index, 1)
    before = late.catalog
    late.replica.catch_up()
    fresh = Follower(store)
    fresh.replica.load()

    expected = facts(fresh.catalog)
    assert facts(writer.catalog) == expected
    assert facts(reader.catalog) == expected
    assert facts(late.catalog) == expected
    assert late.told == [None], "the listener has to look at everything anew"
    assert late.catalog is not before
    assert not before.nodes, "the old catalog is kept alive"
    assert late.replica.seen == store.counter

    write(loop, writer, rng, 5)
    late.replica.catch_up()
    assert facts(late.catalog) == facts(writer.catalog), "it does not follow after loading again"
    assert late.told.count(None) == 1


def test_a_log_that_just_reaches_back_is_followed(loop: asyncio.AbstractEventLoop, store: LocalStore) -> None:
    writer, reader = Follower(store), Follower(store)
    writer.replica.load()
    reader.replica.load()

    def register(port: int) -> None:
        def draft(catalog: Catalog) -> Change | None:
            made = Draft(catalog)
            made.put_node(NodeRow("alpha", address=f"10.0.{port}.1"))
            return made.change()

        loop.run_until_complete(writer.replica.write(draft))

    register(0)
    reader.replica.catch_up()
    for port in range(1, LOG_ENTRIES + 1):
        register(port)
    reader.replica.catch_up()
    assert None not in reader.told
    for port in range(LOG_ENTRIES + 1):
        register(port)
    reader.replica.catch_up()
    assert reader.told[-1] is None
    assert facts(reader.catalog) == facts(writer.catalog)


def test_nothing_is_told_when_nothing_was_touched(loop: asyncio.AbstractEventLoop, store: LocalStore) -> None:
    follower = Follower(store)
    follower.replica.load()
    follower.replica.catch_up()
    assert follower.told == []
    assert loop.run_until_complete(follower.replica.write(lambda _: None)) == 0
    assert follower.told == []


def test_a_crowd_that_writes_one_row_gets_through(loop: asyncio.AbstractEventLoop, store: LocalStore) -> None:
    """Twice as many as a write may meet conflicts, all drafted on the same state."""
    replica = Follower(store).replica
    crowd = 2 * DRAFTS_MAX

    async def one(number: int) -> int:
        def draft(catalog: Catalog) -> Change | None:
            made = Draft(catalog)
            made.put_node(NodeRow("alpha", address=f"10.0.0.{number}"))
            return made.change()

        return await replica.write(draft)

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(crowd)))

    indexes = loop.run_until_complete(all_of_them())

    assert sorted(indexes) == list(range(1, crowd + 1))
    assert replica.catalog.nodes["alpha"].address == f"10.0.0.{indexes.index(crowd)}"
