"""Tables that nobody follows: durable like the others, without index, log entry or place in memory."""

import pytest

from registry.store.change import Change, Delete, Put
from registry.store.engine import ASIDE, LOADED, TABLES
from registry.store.errors import StoreDamaged
from store.conftest import OpenEngine

HISTORY = "history"


def put(key: str, value: str, table: str = HISTORY) -> Change:
    return Change((Put(table, key.encode(), value.encode()),))


def test_every_table_is_of_one_kind() -> None:
    assert set(TABLES) == {*LOADED, *ASIDE}
    assert not set(LOADED) & set(ASIDE)


def test_they_are_durable_and_read_row_by_row(open_engine: OpenEngine) -> None:
    assert open_engine().commit_batch([put("a", "1"), put("b", "2"), put("a", "3")]) == [0, 0, 0]
    engine = open_engine()

    assert engine.read(HISTORY, b"a") == b"3"
    assert engine.read(HISTORY, b"c") is None
    assert [(row.key, row.value) for row in engine.scan(HISTORY)] == [(b"a", b"3"), (b"b", b"2")]

    engine.commit_batch([Change(deletes=(Delete(HISTORY, b"a"),))])

    assert engine.read(HISTORY, b"a") is None


def test_writing_them_has_no_index_and_no_log_entry_and_is_not_loaded(open_engine: OpenEngine) -> None:
    engine = open_engine()
    counter = engine.counter
    results = engine.commit_batch([put("n", "1", "nodes"), put("a", "1"), put("m", "1", "nodes")])

    assert results == [1, 1, 2]
    assert [entry.index for entry in engine.changes_since(0, 10)] == [1, 2]
    assert {row.table for row in engine.load()[1]} == {"nodes", "meta"}
    assert engine.counter > counter
    assert engine.facts()["index"] == engine.facts()["log_entries"] == 2


def test_beside_rows_that_are_followed_they_are_in_the_log_too(open_engine: OpenEngine) -> None:
    engine = open_engine()
    both = Change((Put("nodes", b"n", b"1"), Put(HISTORY, b"a", b"1")))

    assert engine.commit_batch([both]) == [1]
    assert engine.read(HISTORY, b"a") == b"1"
    (entry,) = engine.changes_since(0, 10)
    assert [each.table for each in entry.puts] == ["nodes", HISTORY]


def test_a_damaged_row_is_found(open_engine: OpenEngine) -> None:
    engine = open_engine()
    engine.commit_batch([put("a", "1")])
    with engine._env.begin(write=True) as txn:
        stored = txn.get(b"a", db=engine._dbs[HISTORY])
        assert stored is not None
        txn.put(b"a", stored[:-1] + b"2", db=engine._dbs[HISTORY])

    with pytest.raises(StoreDamaged, match="b'a' of table history"):
        engine.read(HISTORY, b"a")
    with pytest.raises(StoreDamaged, match="of table history"):
        list(engine.scan(HISTORY))
