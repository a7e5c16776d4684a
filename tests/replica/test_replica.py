"""Following the log, falling behind it, and writing again after a conflict."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from model.facts import assert_loads_alike
from model.site import DirectStore

from registry.catalog import topics
from registry.catalog.rows import (
    CHECKS,
    CheckRow,
    NodeRow,
    ServiceRow,
    member_key,
    pack,
    unpack_check,
)
from registry.catalog.state import Catalog
from registry.replica import Draft, Replica
from registry.replica.replica import DRAFTS_MAX, READ_AT_ONCE
from registry.store.change import Change, Put
from registry.store.engine import Limits
from registry.store.errors import StoreFailed, StoreFull

MAP = 1 << 28

Told = list[set[str] | None]


@pytest.fixture
def collector() -> Iterator[None]:
    """Put the collector's settings back, which loading changes."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., DirectStore]]:
    made: list[DirectStore] = []

    def make(**limits: int) -> DirectStore:
        made.append(DirectStore(tmp_path, Limits(map_size=MAP, **limits)))
        return made[-1]

    yield make
    for store in made:
        store.close()


def node(name: str, address: str = "") -> Change:
    """Return the change that writes a node without looking."""
    draft = Draft(Catalog())
    draft.put_node(NodeRow(name, address=address))
    change = draft.change()
    assert change is not None
    return change


def putting(name: str, address: str = "") -> Callable[[Catalog], Change | None]:
    """Return what drafts a node."""

    def draft(catalog: Catalog) -> Change | None:
        made = Draft(catalog)
        made.put_node(NodeRow(name, address=address))
        return made.change()

    return draft


def replica_of(store: DirectStore) -> tuple[Replica, Told]:
    """Return a replica and what it tells its listener."""
    told: Told = []
    return Replica(store, told.append), told


def test_catching_up_tells_what_was_touched_once(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, told = replica_of(store)
    store.commit_now(node("a"))
    store.commit_now(node("b"))
    replica.catch_up()
    replica.catch_up()
    names = [make(name) for make in (topics.node, topics.node_checks) for name in "ab"]
    assert told == [{topics.NODES, *names}]
    assert (replica.catalog.index, replica.seen) == (2, store.counter)


def test_what_is_no_object_touches_nothing(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, told = replica_of(store)
    store.commit_now(Change((Put("meta", b"key", b"value"),)))
    replica.catch_up()
    assert (told, replica.catalog.index, replica.seen) == ([], 1, store.counter)


def test_more_changes_than_are_read_at_once(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, told = replica_of(store)
    store.engine.commit_batch([node(f"n{number}") for number in range(2 * READ_AT_ONCE)])
    replica.catch_up()
    assert len(replica.catalog.nodes) == replica.catalog.index == 2 * READ_AT_ONCE
    assert len(told) == 1


def test_who_fell_behind_the_log_loads_the_tables(
    open_store: Callable[..., DirectStore], collector: None
) -> None:
    store = open_store(log_max_entries=3)
    replica, told = replica_of(store)
    store.commit_now(node("a"))
    replica.catch_up()
    before = replica.catalog
    for name in "bcdef":
        store.commit_now(node(name))
    replica.catch_up()
    assert told[1:] == [None]
    assert replica.catalog is not before
    assert sorted(replica.catalog.nodes) == list("abcdef")
    assert (replica.catalog.index, replica.seen) == (6, store.counter)
    store.commit_now(node("g"))
    replica.catch_up()
    assert told[-1] == {topics.NODES, topics.node("g"), topics.node_checks("g")}
    assert_loads_alike(replica.catalog, store.load())


def test_an_entry_that_can_not_be_applied_leads_to_the_tables(
    open_store: Callable[..., DirectStore], collector: None, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store()
    replica, told = replica_of(store)
    early = Put(CHECKS, member_key("a", "c"), pack(CheckRow("a", "c", "passing")))
    store.commit_now(Change((*node("b").puts, early)))
    store.commit_now(node("a"))

    replica.catch_up()

    assert told == [None]
    assert list(replica.catalog.nodes["a"].checks) == ["c"]
    assert (replica.catalog.index, replica.seen) == (2, store.counter)
    assert "could not be followed past 0" in caplog.text


def test_refreshed_text_is_told_apart(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, told = replica_of(store)
    shown: list[set[str]] = []
    replica.on_refresh(shown.append)
    check = CheckRow("a", "c", "passing", output="one")
    store.commit_now(Change((*node("a").puts, Put(CHECKS, member_key("a", "c"), pack(check)))))
    replica.catch_up()
    told.clear()
    before = {topic: replica.catalog.topic_index(topic) for topic in (topics.CHECKS, topics.node_checks("a"))}
    draft = Draft(replica.catalog)
    draft.put_check(msgspec.structs.replace(check, output="two"))
    change = draft.change()
    assert change is not None

    store.commit_now(change)
    replica.catch_up()

    assert told == []
    assert shown == [before.keys()]
    assert {topic: replica.catalog.topic_index(topic) for topic in before} == before
    assert unpack_check(replica.catalog.nodes["a"].checks["c"].packed).output == "two"


def test_loading_leaves_the_collector_at_work_and_what_was_loaded_out_of_it(
    open_store: Callable[..., DirectStore], collector: None
) -> None:
    store = open_store()
    store.commit_now(node("a"))
    replica, told = replica_of(store)
    replica.load()
    assert gc.isenabled()
    assert not any(each is replica.catalog.nodes["a"] for each in gc.get_objects())
    assert (told, replica.catalog.index) == ([], 1)
    replica.catch_up()
    assert told == []


def test_a_catalog_that_can_not_be_loaded_leaves_the_collector_at_work(
    open_store: Callable[..., DirectStore], collector: None
) -> None:
    store = open_store()
    store.commit_now(Change((Put("nodes", b"a", b"no row"),)))
    replica, _ = replica_of(store)
    with pytest.raises(msgspec.DecodeError):
        replica.load()
    assert gc.isenabled()
    assert replica.catalog.nodes == {}


def test_a_write_is_visible_when_it_returns(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, told = replica_of(store)
    assert asyncio.run(replica.write(putting("a"))) == 1
    assert list(replica.catalog.nodes) == ["a"]
    assert len(told) == 1


def test_a_write_that_changes_nothing_is_no_commit(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, _ = replica_of(store)
    asyncio.run(replica.write(putting("a")))
    before = store.counter
    assert asyncio.run(replica.write(putting("a"))) == 1
    assert store.counter == before


def test_a_write_is_drafted_on_what_the_others_have_done(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, _ = replica_of(store)
    store.commit_now(node("a", "10.0.0.1"))
    seen: list[int] = []

    def draft(catalog: Catalog) -> Change | None:
        seen.append(catalog.index)
        return putting("a", "10.0.0.2")(catalog)

    assert asyncio.run(replica.write(draft)) == 2
    assert seen == [1]


def test_after_a_conflict_the_write_is_drafted_again(open_store: Callable[..., DirectStore]) -> None:
    store = open_store()
    replica, _ = replica_of(store)
    store.commit_now(node("a", "10.0.0.1"))
    seen: list[str] = []

    def draft(catalog: Catalog) -> Change | None:
        known = catalog.nodes["a"]
        seen.append(known.address)
        change = putting("a", known.address + "+")(catalog)
        if len(seen) < 3:
            store.commit_now(node_again(catalog, f"10.0.0.{len(seen) + 1}"))
        return change

    def node_again(catalog: Catalog, address: str) -> Change:
        change = putting("a", address)(catalog)
        assert change is not None
        return change

    assert asyncio.run(replica.write(draft)) == 4
    assert seen == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert replica.catalog.nodes["a"].address == "10.0.0.3+"


def test_a_write_that_never_gets_through_fails_and_leaves_no_trace(
    open_store: Callable[..., DirectStore],
) -> None:
    store = open_store()
    replica, _ = replica_of(store)
    drafted = 0

    def draft(catalog: Catalog) -> Change | None:
        nonlocal drafted
        drafted += 1
        made = Draft(catalog)
        made.put_service(ServiceRow("a", "web", "web"))
        change = putting("a", str(drafted))(catalog)
        assert change is not None
        store.commit_now(change)
        return made.change()

    with pytest.raises(StoreFailed, match=rf"met {DRAFTS_MAX} conflicting ones"):
        asyncio.run(replica.write(draft))
    assert drafted == DRAFTS_MAX
    replica.catch_up()
    assert replica.catalog.instance_count == 0


def test_a_full_store_is_told_to_who_writes_and_lets_things_go(
    open_store: Callable[..., DirectStore],
) -> None:
    roomy = open_store()
    roomy.commit_now(node("a"))
    roomy.close()
    store = open_store(max_size=1)
    replica, told = replica_of(store)
    with pytest.raises(StoreFull):
        asyncio.run(replica.write(putting("b")))
    assert list(replica.catalog.nodes) == ["a"]

    def removing(catalog: Catalog) -> Change | None:
        draft = Draft(catalog)
        draft.remove_node(catalog.nodes["a"])
        return draft.change()

    asyncio.run(replica.write(removing))
    assert replica.catalog.nodes == {}
    assert len(told) == 2
