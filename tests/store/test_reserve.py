"""Full disks: the room kept back for deletes, and what the engine does with it."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.store.beats import RETRY_NS, BeatTable, OwnTable, beat_clock
from registry.store.change import Change, Delete, Put
from registry.store.engine import Engine, Limits
from registry.store.errors import StoreError, StoreFailed, StoreFull
from registry.store.layout import DataFolder
from registry.store.reserve import RESERVE_BYTES, Reserve
from store.disk import fill_up, free_bytes, small_disk

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a disk of 16 MiB."""
    with small_disk(tmp_path / "disk", 16) as place:
        yield place


@pytest.fixture
def engine(disk: Path) -> Iterator[Engine]:
    """Return an engine on that disk."""
    folder = DataFolder(disk / "data")
    folder.prepare()
    made = Engine(folder, Limits(log_max_entries=1))
    yield made
    made.close()


def put(number: int) -> Change:
    return Change((Put("services", b"%d" % number, os.urandom(900)),))


def delete(number: int) -> Change:
    return Change(deletes=(Delete("services", b"%d" % number),), shrinks=True)


def fill(engine: Engine) -> tuple[int, StoreError]:
    """Put rows in batches until some are refused; return how many changes were made and the first reason."""
    tried = written = 0
    while True:
        results = engine.commit_batch([put(tried + number) for number in range(50)])
        reasons = [result for result in results if isinstance(result, StoreError)]
        tried, written = tried + len(results), written + len(results) - len(reasons)
        if reasons:
            return written, reasons[0]


def commit(engine: Engine, change: Change) -> int:
    (result,) = engine.commit_batch([change])
    assert isinstance(result, int), result
    return result


def test_it_is_filled_given_back_and_filled_again(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    reserve = Reserve(path, MIB)
    assert path.stat().st_blocks * 512 >= MIB
    reserve.give_back()
    assert path.stat().st_size == 0
    assert reserve.fill()


def test_others_see_that_it_was_given_back(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    one, other = Reserve(path, MIB), Reserve(path, MIB)
    one.give_back()
    assert not other.held
    path.unlink()
    assert not one.held
    assert other.fill()
    assert one.held


def test_it_is_only_filled_where_as_much_stays_free(disk: Path) -> None:
    path = disk / "reserve"
    fill_up(disk / "ballast", leave=2 * MIB - 4096)
    assert not Reserve(path, MIB).held
    (disk / "ballast").unlink()
    fill_up(disk / "ballast", leave=2 * MIB)
    assert Reserve(path, MIB).held


def test_it_knows_when_the_disk_is_full(disk: Path) -> None:
    reserve = Reserve(disk / "reserve", MIB)
    assert not reserve.disk_is_full()
    fill_up(disk / "ballast", leave=MIB // 2)
    assert reserve.disk_is_full()


def test_a_folder_that_is_gone_has_no_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "gone" / "reserve", MIB)
    assert not reserve.held
    assert not reserve.fill()
    assert reserve.disk_is_full()
    reserve.give_back()


def test_a_full_disk_refuses_what_grows_and_takes_every_delete(engine: Engine) -> None:
    written, reason = fill(engine)
    assert isinstance(reason, StoreFull)
    assert "disk of the data folder is full" in str(reason)
    assert engine.facts()["full"] is True
    assert engine.facts()["index"] == written
    (again,) = engine.commit_batch([put(written)])
    assert isinstance(again, StoreFull)

    for number in range(written):
        commit(engine, delete(number))

    assert engine.facts()["full"] is False
    assert commit(engine, put(0)) == 2 * written + 1
    refilled, reason = fill(engine)
    assert isinstance(reason, StoreFull)
    assert refilled > written // 2, "what deletes have freed is not used again"


def test_what_was_committed_before_survives_a_full_disk(disk: Path) -> None:
    folder = DataFolder(disk / "data")
    folder.prepare()
    engine = Engine(folder, Limits(log_max_entries=1))
    written, _ = fill(engine)
    engine.close()
    assert free_bytes(disk) >= RESERVE_BYTES // 2, "the reserve was not given back"
    fill_up(disk / "ballast")

    again = Engine(folder, Limits(log_max_entries=1))
    index, rows = again.load()
    assert (index, sum(row.table == "services" for row in rows)) == (written, written)
    assert again.facts()["full"] is True
    before = again.counter
    assert isinstance(again.commit_batch([put(written)])[0], StoreFull)
    assert again.counter == before
    again.close()


def test_room_on_the_disk_ends_the_refusal(disk: Path, engine: Engine) -> None:
    commit(engine, put(1))
    fill_up(disk / "ballast", leave=64 << 10)
    written, reason = fill(engine)
    assert isinstance(reason, StoreFull)
    assert engine.facts()["full"] is True
    (disk / "ballast").unlink()
    assert engine.facts()["full"] is False
    commit(engine, put(written + 1))
    assert (disk / "data" / "reserve").stat().st_size == RESERVE_BYTES


def test_a_file_that_may_not_grow_refuses_and_recovers(folder: DataFolder) -> None:
    """A limit on file sizes shows as an I/O error on a disk that is not full."""
    engine = Engine(folder, Limits(log_max_entries=1))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6 * MIB, hard))
    try:
        written, reason = fill(engine)
        assert isinstance(reason, StoreFailed)
        assert "nothing was changed" in str(reason)
        index, rows = engine.load()
        assert (index, sum(row.table == "services" for row in rows)) == (written, written)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert commit(engine, put(-1)) == written + 1
    engine.close()


def test_heartbeats_wait_for_room_and_never_crash(disk: Path) -> None:
    """A page of a mapped file that the disk can't give ends the process, so all are taken beforehand."""
    table = BeatTable(disk / "1.beats", write=True)
    fill_up(disk / "ballast")
    for number in range(1, 20_000):
        table.beat(number * 13, number)
    assert table.last(13) == 1
    table.close()
    (disk / "1.beats").unlink()
    fill_up(disk / "ballast")

    own = OwnTable(disk)
    assert list(disk.glob("*.beats")) == []
    own.beat(5, now := beat_clock())
    (disk / "ballast").unlink()
    own.beat(5, now + 2 * RETRY_NS)
    reader = BeatTable(disk / f"{os.getpid()}.beats", write=False)
    assert reader.last(5) == now + 2 * RETRY_NS
    reader.close()
    own.close()
