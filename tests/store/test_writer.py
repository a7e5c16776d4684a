"""Group commit: what has come in while a commit was running is committed together, in order, once."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from registry.store.change import ABSENT, Change, Put
from registry.store.engine import Engine
from registry.store.errors import Conflict, StoreFailed
from registry.store.writer import GroupCommit
from store.conftest import Neighbours, OpenEngine

PAIRED = ("nodes", "checks")
"""The tables into which the neighbour that commits writes each value."""

Scenario = Callable[[GroupCommit, list[int]], Awaitable[None]]


def put(key: str, expect: int | None = None) -> Change:
    return Change((Put("nodes", key.encode(), b"v", expect),))


def run(engine: Engine, scenario: Scenario, batch_max: int = 512) -> list[int]:
    """Run a scenario with a writer; return the engine's counter as of each call of ``committed``.

    Whatever goes wrong in a callback of the loop (a future settled twice, say) fails the test.
    """
    told: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        problems: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: problems.append(context))
        writer = GroupCommit(engine, loop, batch_max, lambda: told.append(engine.counter))
        await scenario(writer, told)
        writer.close()
        await asyncio.sleep(0)
        assert problems == []

    asyncio.run(main())
    return told


async def settled(commits: list[asyncio.Task[int]]) -> list[int | BaseException]:
    return await asyncio.gather(*commits, return_exceptions=True)


async def started(commits: list[Awaitable[int]]) -> list[asyncio.Task[int]]:
    """Start commits in order and let each get as far as handing its change in."""
    tasks = [asyncio.ensure_future(commit) for commit in commits]
    await asyncio.sleep(0)
    return tasks


def test_changes_are_committed_in_the_order_they_came(engine: Engine) -> None:
    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        tasks = await started([writer.commit(put(str(number))) for number in range(1000)])
        assert await settled(tasks) == list(range(1, 1001))

    run(engine, scenario, batch_max=64)
    keys = [entry.puts[0].key for entry in engine.changes_since(0, 2000)]
    assert keys == [b"%d" % number for number in range(1000)]


def test_what_waits_for_a_commit_shares_the_next(engine: Engine, neighbours: Neighbours) -> None:
    other = neighbours("lock")
    assert other.line() == "locked"
    before = engine.counter

    async def scenario(writer: GroupCommit, told: list[int]) -> None:
        first = await started([writer.commit(put("first"))])
        while not writer._queue.empty():  # the thread has taken it and waits for the lock
            await asyncio.sleep(0)
        rest = await started([writer.commit(put(str(number))) for number in range(100)])
        assert told == []
        await asyncio.to_thread(other.finish)
        assert await settled([*first, *rest]) == list(range(1, 102))

    told = run(engine, scenario, batch_max=64)
    assert told == [before + 1, before + 2, before + 3], "expected batches of 1, 64 and 36 changes"


@pytest.mark.parametrize("writers", [2, 20])
def test_a_crowd_that_comes_again_is_committed_together(engine: Engine, writers: int) -> None:
    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        async def write(name: int) -> None:
            for number in range(5):
                await writer.commit(put(f"{name}-{number}"))

        await asyncio.gather(*map(write, range(writers)))

    told = run(engine, scenario)
    assert engine.facts()["index"] == 5 * writers
    assert len(told) == 6, "expected batches of one, four times all, and all but one"


def test_who_comes_alone_after_a_crowd_is_not_kept_waiting_for_it(engine: Engine) -> None:
    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        await asyncio.gather(*(writer.commit(put(str(number))) for number in range(20)))
        assert await writer.commit(put("alone")) == 21
        assert await writer.commit(put("alone again")) == 22

    run(engine, scenario)


def test_closing_while_a_crowd_is_waited_for(open_engine: OpenEngine) -> None:
    engine = open_engine()

    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        await asyncio.gather(*(writer.commit(put(str(number))) for number in range(20)))
        tasks = await started([writer.commit(put("late"))])
        writer.close()
        assert await settled(tasks) == [21]

    run(engine, scenario)
    assert open_engine().facts()["index"] == 21


def test_a_change_is_durable_when_it_is_answered(engine: Engine) -> None:
    """The counter that all processes see has moved before anybody is told."""

    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        for number in range(10):
            before = engine.counter
            index = await writer.commit(put(str(number)))
            assert engine.counter > before
            assert engine.changes_since(index - 1, 1)[0].index == index

    run(engine, scenario)


def test_a_failing_change_fails_alone(engine: Engine, neighbours: Neighbours) -> None:
    other = neighbours("lock")
    assert other.line() == "locked"

    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        changes = [put("a"), put("a", ABSENT), put("k" * 600), put("b"), put("a", 1)]
        tasks = await started([writer.commit(change) for change in changes])
        await asyncio.to_thread(other.finish)
        first, conflict, failure, second, third = await settled(tasks)
        assert (first, second, third) == (1, 2, 3)
        assert isinstance(conflict, Conflict)
        assert isinstance(failure, StoreFailed)

    run(engine, scenario)


def test_an_error_of_another_kind_is_answered_and_the_writer_lives_on(engine: Engine) -> None:
    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        with pytest.raises(StoreFailed, match="no such table"):
            await writer.commit(Change((Put("no such table", b"k", b"v"),)))
        assert await writer.commit(put("a")) == 1

    run(engine, scenario)


def test_only_commits_that_wrote_are_told(engine: Engine) -> None:
    async def scenario(writer: GroupCommit, told: list[int]) -> None:
        await writer.commit(put("a"))
        assert len(told) == 1
        with pytest.raises(Conflict):
            await writer.commit(put("a", ABSENT))
        assert len(told) == 1

    run(engine, scenario)


def test_one_who_no_longer_waits_disturbs_nobody(engine: Engine, neighbours: Neighbours) -> None:
    other = neighbours("lock")
    assert other.line() == "locked"

    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        tasks = await started([writer.commit(put(str(number))) for number in range(10)])
        for task in tasks[::2]:
            task.cancel()
        await asyncio.to_thread(other.finish)
        results = await settled(tasks)
        assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 5
        assert results[1::2] == [2, 4, 6, 8, 10]

    run(engine, scenario)
    assert engine.facts()["index"] == 10, "a change that was handed in is committed, heard or not"


def test_closing_finishes_what_was_handed_in(open_engine: OpenEngine) -> None:
    engine = open_engine()

    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        tasks = await started([writer.commit(put(str(number))) for number in range(500)])
        writer.close()
        assert threading.active_count() == 1, "the writer thread still runs"
        assert await settled(tasks) == list(range(1, 501))

    run(engine, scenario, batch_max=16)
    assert open_engine().facts()["index"] == 500


def test_nothing_is_taken_in_after_closing(engine: Engine) -> None:
    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        writer.close()
        with pytest.raises(StoreFailed, match="stopping"):
            await writer.commit(put("a"))

    run(engine, scenario)
    assert engine.facts()["index"] == 0


def test_two_processes_share_the_order(engine: Engine, neighbours: Neighbours) -> None:
    other = neighbours("commit", "other", "100")
    assert other.line() == "open"
    own: list[int] = []

    async def scenario(writer: GroupCommit, _: list[int]) -> None:
        other.go_on()
        own.extend(await asyncio.gather(*(writer.commit(put(f"own-{number}")) for number in range(100))))

    run(engine, scenario, batch_max=8)
    theirs = [int(line) for line in other.finish()]
    assert sorted(own + theirs) == list(range(1, 201))
    for index in own:
        assert engine.changes_since(index - 1, 1)[0].puts[0].key.startswith(b"own-")


def test_a_killed_writer_leaves_whole_changes_and_no_lock(
    open_engine: OpenEngine, neighbours: Neighbours
) -> None:
    for _ in range(5):
        writer = neighbours("commit", "w", "100000")
        assert writer.line() == "open"
        writer.go_on()
        told = [int(writer.line()) for _ in range(20)]
        writer.kill()
        engine = open_engine()
        index, stored = engine.load()
        rows = list(stored)
        assert index >= told[-1]
        nodes, checks = ({row.key: row.value for row in rows if row.table == name} for name in PAIRED)
        assert nodes == checks, "half of a change is there"
        assert engine.commit_batch([Change(tuple(Put(name, b"after", b"v") for name in PAIRED))]) == [
            index + 1
        ]
