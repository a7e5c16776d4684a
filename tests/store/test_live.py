"""The table of what checks do: a dictionary, whoever reads, whatever grows and whoever was killed."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.store import live
from registry.store.beats import beat_clock
from registry.store.live import FILE, FIRST_PLACES, LiveReader, LiveTable, Seen
from store.disk import fill_up, small_disk

TIMES = st.integers(0, 2**63)
SEEN = st.builds(
    Seen, TIMES, TIMES, st.integers(0, 2**30 - 1), st.sampled_from(live.STATUSES), st.integers(0, 2**32 - 1)
)
NUMBERS = st.integers(1, 40)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), NUMBERS, SEEN),
        st.tuples(st.just("forget"), NUMBERS, st.none()),
        st.tuples(st.just("restart"), st.just(0), st.none()),
    ),
    max_size=60,
)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[LiveTable]:
    made = LiveTable(tmp_path, beat_clock)
    yield made
    made.close()


@given(STEPS, st.integers(0, FIRST_PLACES - 1))
def test_it_is_a_dictionary_that_outlives_its_writer(
    steps: list[tuple[str, int, Seen | None]], near: int
) -> None:
    with TemporaryDirectory() as name:
        run = Path(name)
        table, reader = LiveTable(run, beat_clock), LiveReader(run)
        expected: dict[int, Seen] = {}
        for what, number, seen in steps:
            # They all begin their search within 40 places of each other.
            number += near * FIRST_PLACES
            if what == "restart":
                table.close()
                table = LiveTable(run, beat_clock)
                for known in expected:
                    table.publish(known, table.seen(known))
                table.forget_earlier()
            elif seen is None:
                table.forget(number)
                expected.pop(number, None)
            else:
                table.publish(number, seen)
                expected[number] = seen
        reader.refresh()
        asked = {number + near * FIRST_PLACES for number in range(1, 41)}

        assert {number: reader.seen(number) for number in asked} == {
            number: expected.get(number) for number in asked
        }
        table.close()
        reader.close()


def test_it_grows_and_readers_follow(tmp_path: Path, table: LiveTable) -> None:
    reader = LiveReader(tmp_path)
    reader.refresh()
    size = os.path.getsize(tmp_path / FILE)
    numbers = range(1, 5 * FIRST_PLACES)
    for number in numbers:
        table.publish(number, Seen(runs=number))
    reader.refresh()

    assert [reader.seen(number) for number in numbers] == [Seen(runs=number) for number in numbers]
    assert os.path.getsize(tmp_path / FILE) > 5 * size
    reader.close()


def test_checks_that_come_and_go_do_not_make_it_grow(tmp_path: Path, table: LiveTable) -> None:
    size = os.path.getsize(tmp_path / FILE)
    table.publish(7, Seen(runs=7))
    for number in range(10, 10 + 10 * FIRST_PLACES):
        table.publish(number, Seen())
        table.forget(number)

    assert table.seen(7) == Seen(runs=7)
    assert os.path.getsize(tmp_path / FILE) == size


def test_an_entry_is_never_read_by_half(tmp_path: Path, table: LiveTable) -> None:
    """The reader looks while another process writes entries all of whose figures are the same."""
    table.publish(1, Seen())
    reader = LiveReader(tmp_path)
    reader.refresh()
    pid = os.fork()
    if pid == 0:
        for number in range(1, 100_001):
            table.publish(1, Seen(number, number, number, "passing", number))
        os._exit(0)
    found = set()
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        for _ in range(100):
            seen = reader.seen(1)
            assert seen is not None
            assert len({seen.last, seen.next, seen.took_us, seen.runs}) == 1
            found.add(seen.runs)

    assert reader.seen(1) == Seen(100_000, 100_000, 100_000, "passing", 100_000)
    assert len(found) > 2
    reader.close()


def test_what_does_not_fit_is_the_most_that_does(table: LiveTable) -> None:
    table.publish(1, Seen(took_us=2**40, status="critical", runs=2**40))

    assert table.seen(1) == Seen(took_us=2**30 - 1, status="critical", runs=2**32 - 1)


def test_what_an_earlier_keeper_saw_is_there_until_all_have_been_taken_up(tmp_path: Path) -> None:
    earlier = LiveTable(tmp_path, beat_clock)
    earlier.publish(1, Seen(runs=1))
    earlier.publish(2, Seen(runs=2))
    table = LiveTable(tmp_path, beat_clock)
    table.publish(1, table.seen(1))
    table.forget_earlier()

    assert table.seen(1) == Seen(runs=1)
    assert table.seen(2) == Seen()
    table.close()
    earlier.close()


@pytest.mark.parametrize("content", [b"", b"x" * 63, b"x" * 64, b"x" * 4096, bytes(4096)])
def test_a_file_that_is_no_table_is_no_harm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    reader = LiveReader(tmp_path)
    reader.refresh()

    assert reader.seen(1) is None

    table = LiveTable(tmp_path, beat_clock)
    table.publish(1, Seen(runs=1))
    reader.refresh()

    assert reader.seen(1) == Seen(runs=1)
    table.close()
    reader.close()


def test_a_reader_before_the_first_keeper_knows_nothing(tmp_path: Path) -> None:
    reader = LiveReader(tmp_path)
    reader.refresh()

    assert reader.seen(1) is None


def test_without_room_nothing_is_shown_and_nobody_dies(tmp_path: Path) -> None:
    now = [0]
    with small_disk(tmp_path / "disk", 1) as run:
        fill_up(run / "ballast")
        table, reader = LiveTable(run, lambda: now[0]), LiveReader(run)
        table.publish(1, Seen(runs=1))
        reader.refresh()

        assert reader.seen(1) is None
        assert table.seen(1) == Seen()

        (run / "ballast").unlink()
        table.publish(1, Seen(runs=2))

        assert table.seen(1) == Seen(), "it is tried again after a while only"

        now[0] += live.RETRY_NS
        table.publish(1, Seen(runs=3))
        reader.refresh()

        assert reader.seen(1) == Seen(runs=3)
        table.close()
        reader.close()
