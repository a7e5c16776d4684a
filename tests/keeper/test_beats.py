"""Heartbeats through the tables of several processes."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from registry.store.beats import SLOTS, Beats, BeatTable, beat_clock, beat_hash, own_table


def test_a_beat_is_seen_by_a_reader_of_the_same_file(tmp_path: Path) -> None:
    table, beats = own_table(tmp_path), Beats(tmp_path)
    table.beat(beat_hash("a"), 17)
    beats.look_around()

    assert beats.last(beat_hash("a")) == 17
    assert beats.last(beat_hash("b")) == 0

    table.beat(beat_hash("a"), 18)

    assert beats.last(beat_hash("a")) == 18
    beats.close()
    table.close()


def test_a_new_table_is_found_without_a_full_look(tmp_path: Path) -> None:
    beats = Beats(tmp_path)
    beats.find_new()
    table = own_table(tmp_path)
    table.beat(beat_hash("a"), 5)
    beats.find_new()

    assert beats.last(beat_hash("a")) == 5
    beats.close()
    table.close()


def test_what_a_dead_worker_said_is_kept_and_its_file_removed(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        own_table(tmp_path).beat(beat_hash("a"), 7)
        os._exit(0)
    os.waitpid(pid, 0)
    beats = Beats(tmp_path)
    beats.look_around()

    assert beats.last(beat_hash("a")) == 7
    assert os.listdir(tmp_path) == []

    beats.forget_before(8)

    assert beats.last(beat_hash("a")) == 0


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 2**63)), max_size=60), st.integers(0, SLOTS - 1))
def test_the_table_is_a_dictionary_of_the_newest_beats(beats: list[tuple[int, int]], near: int) -> None:
    path = Path(f"/dev/shm/registry-test-{os.getpid()}.beats")
    table = BeatTable(path, write=True)
    try:
        expected: dict[int, int] = {}
        for number, now in beats:
            # Neighbours collide: they all begin their search within 40 slots of each other.
            table.beat(number + near * SLOTS, now)
            expected[number + near * SLOTS] = now
        found = {number: table.last(number) for number in expected}

        assert found == expected
        assert table.entries() == expected
    finally:
        table.close()
        path.unlink()


def test_a_crowded_place_drops_the_oldest(tmp_path: Path) -> None:
    table = BeatTable(tmp_path / "1.beats", write=True)
    for step in range(65):
        table.beat(1 + step * SLOTS, 100 + step)

    assert table.last(1) == 0
    assert table.last(1 + 64 * SLOTS) == 164
    table.close()


def test_the_clock_moves_forward() -> None:
    before = beat_clock()

    assert beat_clock() >= before
