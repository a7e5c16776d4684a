"""The shared counter, and the locks that reading it must leave alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import pytest

from registry.store.change import Change, Put
from registry.store.counter import Counter
from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder
from store.conftest import Neighbours, OpenEngine


@pytest.fixture
def environment(folder: DataFolder) -> Iterator[tuple[Any, Any]]:
    """Return an environment of our shape and its table for the probe."""
    env = lmdb.open(str(folder.store), max_dbs=8, map_size=Limits().map_size, max_readers=1024, lib_version=0)
    yield env, env.open_db(b"meta")
    env.close()


def test_it_says_what_the_environment_says(folder: DataFolder, environment: tuple[Any, Any]) -> None:
    env, meta = environment
    counter = Counter(env, meta, folder.store / "lock.mdb")
    for number in range(20):
        before = counter.read()
        assert before == env.info()["last_txnid"]
        with env.begin(write=True) as txn:
            txn.put(b"%d" % number, b"", db=meta)
            assert counter.read() == before, "it moved before the commit"
        assert counter.read() == env.info()["last_txnid"] == before + 1
    env.close()
    assert counter.read() == before + 1, "it asks the environment instead of reading the lock file"
    counter.close()


def test_it_sees_what_other_processes_commit(
    folder: DataFolder, environment: tuple[Any, Any], neighbours: Neighbours
) -> None:
    env, meta = environment
    counter = Counter(env, meta, folder.store / "lock.mdb")
    writer = neighbours("commit", "w", "30")
    assert writer.line() == "open"
    before = counter.read()
    writer.go_on()
    for number in range(1, 31):
        assert int(writer.line()) == number
        assert counter.read() >= before + number
    writer.finish()
    assert counter.read() == env.info()["last_txnid"] == before + 30
    env.close()
    counter.close()


@pytest.mark.parametrize("content", [b"", b"\0" * 65536, b"\xff" * 65536])
def test_a_lock_file_of_another_shape_is_not_believed(
    tmp_path: Path, environment: tuple[Any, Any], content: bytes
) -> None:
    env, meta = environment
    strange = tmp_path / "lock.mdb"
    strange.write_bytes(content)
    counter = Counter(env, meta, strange)
    for _ in range(3):
        with env.begin(write=True) as txn:
            txn.put(b"k", b"", db=meta)
        assert counter.read() == env.info()["last_txnid"]
    env.close()
    counter.close()


def test_engines_move_it_with_every_commit(engine: Engine) -> None:
    seen = engine.counter
    for number in range(5):
        engine.commit_batch([Change((Put("nodes", b"%d" % number, b""),))])
        assert engine.counter == seen + 1
        seen = engine.counter
    engine.commit_batch([])
    assert engine.counter == seen


def test_a_snapshot_outlives_that_others_open_and_write(
    folder: DataFolder, open_engine: OpenEngine, neighbours: Neighbours
) -> None:
    """The next process must find the reader in the lock file, and not lay it out anew."""
    engine = open_engine()
    engine.commit_batch([Change(tuple(Put("nodes", b"%d" % row, b"old") for row in range(500)))])
    engine.close()
    reader = neighbours("read_slowly")
    assert reader.line() == "reading"

    engine = open_engine()
    engine.clear_dead_readers()
    for _ in range(20):
        engine.commit_batch([Change(tuple(Put("nodes", b"%d" % row, b"new") for row in range(500)))])

    reader.go_on()
    assert reader.finish() == ["1 [(1, b'old')]"]


def test_writers_of_several_processes_take_turns_while_others_open(
    open_engine: OpenEngine, neighbours: Neighbours
) -> None:
    writers = [neighbours("churn", "60") for _ in range(2)]
    for writer in writers:
        assert writer.line() == "open"
    opener = neighbours("open_and_close", "40")
    for writer in writers:
        writer.go_on()
    ends = [int(writer.line()) for writer in writers]
    for process in (*writers, opener):
        process.finish()
    engine = open_engine()
    assert max(ends) == 2 * 2 * 60
    assert [entry.index for entry in engine.changes_since(0, 1000)] == list(range(1, 241))


def test_an_open_store_is_known_to_the_kernel_as_in_use(folder: DataFolder, engine: Engine) -> None:
    """LMDB holds two record locks on its file: one that it is in use, one that this process lives."""
    engine.facts()  # reads, and so enters this process among the readers
    inode = f":{(folder.store / 'lock.mdb').stat().st_ino} "
    held = [line for line in Path("/proc/locks").read_text().splitlines() if inode in line]
    assert len(held) == 2, held
