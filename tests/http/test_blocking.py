"""Parking and waking on a real loop, with answers that the tests decide about."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from registry.http.answer import Answer, Result
from registry.http.blocking import DRAIN_SLICE, SLICE, Waiter, Watchers
from registry.http.options import Options
from registry.http.reads import Plan
from registry.http.request import Read
from registry.http.routing import ReadRoute

WEB, API = "service/web", "service/api"


def _no_handler(_: Read[Any]) -> Result:
    raise AssertionError("answers come from the source")


ROUTE = ReadRoute(path="/x", summary="", handler=_no_handler)


class Source:
    """The current answers by name, and how often each was made."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.made: list[str] = []
        self.broken: set[str] = set()

    def set(
        self, name: str, body: bytes, index: int, *topics: str, digest: str = "", status: int = 200
    ) -> None:
        """Change an answer."""
        self.answers[name] = Answer(status, [], body, index=index, topics=topics or (WEB,), digest=digest)

    def evaluate(self, plan: Plan[Any]) -> Answer:
        """Make the current answer of a plan."""
        name = plan.key[0].decode()
        self.made.append(name)
        if name in self.broken:
            raise RuntimeError(f"the answer to {name} can't be made")
        return self.answers[name]


def plan(name: str, index: int = 0, digest: str = "") -> Plan[Any]:
    """Return the plan of a request for what is known under a name."""
    options = Options(index=index, digest=digest)
    return Plan(ROUTE, Read(None, "", {}, options), (name.encode(), b""))


class Room:
    """Watchers over a source."""

    def __init__(self, limit: int = 10_000) -> None:
        self.source = Source()
        self.watchers = Watchers(self.source.evaluate, limit, asyncio.get_running_loop())
        self.plans: dict[Waiter, Plan[Any]] = {}

    def park(self, name: str, index: int | None = None, digest: str = "") -> Waiter:
        """Park a request that has seen the current answer; by default with the index of that."""
        answer = self.source.answers[name]
        if index is None:
            index = 0 if digest else answer.index
        asked = plan(name, index, digest)
        waiter = self.watchers.park(asked, answer)
        self.plans[waiter] = asked
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Have a client go away."""
        self.watchers.leave(self.plans[waiter], waiter)

    async def settle(self) -> None:
        """Wait until all that was touched has been looked at."""
        # The waker holds nothing open but its own task.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)


def woken(waiter: Waiter) -> bytes | None:
    """Return the body with which a request was answered, None while it is parked."""
    if not waiter.future.done():
        return None
    answer = waiter.future.result()
    assert answer is not None
    return answer.body


def on_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test on a loop of its own; an exception nobody has taken fails it."""

    def run() -> None:
        async def guarded() -> None:
            unhandled: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
            await test()
            assert unhandled == []

        asyncio.run(guarded())

    run.__name__ = test.__name__
    return run


@on_loop
async def test_a_changed_answer_wakes() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiter = room.park("web")
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) == b"[2]"
    assert room.watchers.parked == 0


@on_loop
async def test_a_change_of_another_topic_is_not_even_looked_at() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiter = room.park("web")
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({API, "service/we", "service/web2"})
    await room.settle()
    assert woken(waiter) is None
    assert room.source.made == []


@on_loop
async def test_a_moved_index_with_the_same_body_does_not_wake() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiter = room.park("web")
    for index in (6, 7):
        room.source.set("web", b"[1]", index)
        room.watchers.touch({WEB})
        await room.settle()
    assert woken(waiter) is None
    room.source.set("web", b"[2]", 8)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) == b"[2]"


@on_loop
async def test_an_equal_body_in_another_object_does_not_wake() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiter = room.park("web")
    room.source.set("web", bytes(bytearray(b"[1]")), 6)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) is None


@on_loop
async def test_another_status_wakes() -> None:
    room = Room()
    room.source.set("web", b"", 5)
    waiter = room.park("web")
    room.source.set("web", b"", 6, status=404)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) == b""


@on_loop
async def test_an_index_from_the_future_waits_until_it_is_passed() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiter = room.park("web", index=7)
    for index, body in ((6, b"[2]"), (7, b"[3]")):
        room.source.set("web", body, index)
        room.watchers.touch({WEB})
        await room.settle()
        assert woken(waiter) is None
    # The body stays as it is now, but not as the client knows it: that answer is owed.
    room.source.set("web", b"[3]", 8)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) == b"[3]"


@on_loop
async def test_who_parks_between_a_change_and_its_evaluation_is_not_owed_it() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    early = room.park("web")
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    late = room.park("web")  # has seen [2], while the queue has not been looked at yet
    await room.settle()
    assert woken(early) == b"[2]"
    assert woken(late) is None
    room.source.set("web", b"[2]", 7)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(late) is None, "woken by a change that left its answer as it was"
    room.source.set("web", b"[3]", 8)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(late) == b"[3]"


@on_loop
async def test_who_parks_with_what_was_then_undone_learns_of_that() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    early = room.park("web")
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    late = room.park("web")
    room.source.set("web", b"[1]", 7)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(late) == b"[1]"
    assert woken(early) in (None, b"[1]"), "may have been woken, as its answer did change for a while"


@on_loop
async def test_a_hash_wakes_when_it_differs_and_for_nothing_else() -> None:
    room = Room()
    room.source.set("id", b"[1]", 5, digest="aa")
    waiter = room.park("id", digest="aa")
    room.source.set("id", b"[1, checks]", 6, digest="aa")
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) is None
    room.source.set("id", b"[2]", 7, digest="bb")
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) == b"[2]"


@on_loop
async def test_the_end_of_what_a_hash_stands_for_wakes() -> None:
    room = Room()
    room.source.set("id", b"[1]", 5, digest="aa")
    waiter = room.park("id", digest="aa")
    room.source.set("id", b"unknown", 6, status=404)
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(waiter) == b"unknown"


@on_loop
async def test_index_and_hash_of_one_thing_wait_each_for_its_own() -> None:
    room = Room()
    room.source.set("id", b"[1]", 5, digest="aa")
    by_hash, by_index = room.park("id", digest="aa"), room.park("id")
    room.source.set("id", b"[2]", 6, digest="aa")
    room.watchers.touch({WEB})
    await room.settle()
    assert (woken(by_hash), woken(by_index)) == (None, b"[2]")


@on_loop
async def test_a_reload_wakes_everybody_whatever_the_index() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    room.source.set("api", b"[1]", 5, API)
    waiters = [room.park("web"), room.park("web", index=99), room.park("api")]
    room.watchers.touch(None)
    await room.settle()
    assert [woken(waiter) for waiter in waiters] == [b"[1]"] * 3


@on_loop
async def test_topics_are_followed_as_they_change() -> None:
    room = Room()
    room.source.set("node", b"null", 5, "nodes")
    waiter = room.park("node", index=6)
    room.source.set("node", b"{}", 6, "node/a")
    room.watchers.touch({"nodes"})
    await room.settle()
    made = len(room.source.made)
    room.watchers.touch({"nodes"})
    await room.settle()
    assert len(room.source.made) == made
    room.source.set("node", b"{1}", 7, "node/a")
    room.watchers.touch({"node/a"})
    await room.settle()
    assert woken(waiter) == b"{1}"


@on_loop
async def test_the_bound_counts_who_is_parked() -> None:
    room = Room(limit=2)
    room.source.set("web", b"[1]", 5)
    first = room.park("web")
    assert (room.watchers.parked, room.watchers.full) == (1, False)
    second = room.park("web")
    assert (room.watchers.parked, room.watchers.full) == (2, True)
    room.leave(first)
    room.leave(first)
    assert (room.watchers.parked, room.watchers.full) == (1, False)
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    await room.settle()
    room.leave(second)
    assert (woken(first), woken(second)) == (None, b"[2]")
    assert room.watchers.parked == 0


@on_loop
async def test_nothing_is_made_for_those_who_have_left() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiter = room.park("web")
    room.watchers.touch({WEB})
    room.leave(waiter)
    await room.settle()
    room.watchers.touch({WEB})
    await room.settle()
    assert room.source.made == []


@on_loop
async def test_one_answer_is_made_for_all_who_wait_for_it() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiters = [room.park("web") for _ in range(SLICE)]
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    room.watchers.touch({WEB, API})
    await room.settle()
    assert {woken(waiter) for waiter in waiters} == {b"[2]"}
    assert room.source.made == ["web"]


@on_loop
async def test_an_answer_that_can_not_be_made_holds_up_nobody_else() -> None:
    room = Room()
    for name in ("bad", "good"):
        room.source.set(name, b"[1]", 5)
    bad, good = room.park("bad"), room.park("good")
    room.source.broken = {"bad"}
    for name in ("bad", "good"):
        room.source.set(name, b"[2]", 6)
    room.watchers.touch({WEB})
    await room.settle()
    assert (woken(bad), woken(good)) == (None, b"[2]")
    room.source.broken = set()
    room.watchers.touch({WEB})
    await room.settle()
    assert woken(bad) == b"[2]"


# Slices


async def _turns(step: Callable[[], int], until: Callable[[], bool]) -> list[int]:
    """Return how far ``step`` got between any two turns that other work on the loop was given."""
    found, before = [], step()
    while not until():
        await asyncio.sleep(0)
        found.append(step() - before)
        before = step()
    return found


@on_loop
async def test_waking_many_lets_other_work_in_between() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiters = [room.park("web") for _ in range(5 * SLICE + 1)]
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    turns = await _turns(
        lambda: sum(waiter.future.done() for waiter in waiters), lambda: not room.watchers.parked
    )
    assert max(turns) <= SLICE
    assert sum(turns) == len(waiters)


@on_loop
async def test_looking_at_many_answers_lets_other_work_in_between() -> None:
    room = Room()
    waiters = []
    for number in range(5 * SLICE + 1):
        room.source.set(f"q{number}", b"[1]", 5)
        waiters.append(room.park(f"q{number}"))
        room.source.set(f"q{number}", b"[2]", 6)
    room.watchers.touch({WEB})
    turns = await _turns(lambda: len(room.source.made), lambda: not room.watchers.parked)
    assert max(turns) <= SLICE
    assert {woken(waiter) for waiter in waiters} == {b"[2]"}


@on_loop
async def test_a_later_change_overtakes_a_wake_up_that_is_under_way() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiters = [room.park("web") for _ in range(3 * SLICE)]

    def change(_: object) -> None:
        room.source.set("web", b"[3]", 7)
        room.watchers.touch({WEB})
        room.leave(waiters[-1])

    waiters[0].future.add_done_callback(change)
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    await room.settle()
    bodies = [woken(waiter) for waiter in waiters]
    assert bodies == [b"[2]"] * SLICE + [b"[3]"] * (2 * SLICE - 1) + [None]
    assert room.watchers.parked == 0


# The end of the server


@on_loop
async def test_draining_answers_everybody_with_the_current_data() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    room.source.set("api", b"[1]", 5, API)
    waiters = [room.park("web") for _ in range(2 * DRAIN_SLICE + 1)]
    waiters.append(room.park("api", index=99))
    room.source.set("web", b"[2]", 6)
    await room.watchers.drain()
    assert [woken(waiter) for waiter in waiters] == [b"[2]"] * (2 * DRAIN_SLICE + 1) + [b"[1]"]
    assert room.watchers.draining
    assert room.watchers.parked == 0


@on_loop
async def test_draining_gives_the_last_known_answer_where_none_can_be_made() -> None:
    room = Room()
    for name in ("bad", "good"):
        room.source.set(name, b"[1]", 5)
    waiters = [room.park("bad"), room.park("good")]
    room.source.broken = {"bad"}
    await room.watchers.drain()
    assert [woken(waiter) for waiter in waiters] == [b"[1]", b"[1]"]


@on_loop
async def test_a_wake_up_under_way_ends_well_though_its_answer_can_not_be_made_again() -> None:
    room = Room()
    room.source.set("web", b"[1]", 5)
    waiters = [room.park("web") for _ in range(2 * SLICE)]
    waiters[0].future.add_done_callback(lambda _: room.source.broken.add("web"))
    room.source.set("web", b"[2]", 6)
    room.watchers.touch({WEB})
    await room.settle()
    assert {woken(waiter) for waiter in waiters} == {b"[2]"}


@pytest.mark.parametrize("digest", ["", "aa"])
def test_a_waiter_is_answered_once(digest: str) -> None:
    @on_loop
    async def scenario() -> None:
        room = Room()
        room.source.set("web", b"[1]", 5, digest="aa" if digest else "")
        waiter = room.park("web", digest=digest)
        for number in (2, 3):
            room.source.set("web", b"[%d]" % number, 4 + number, digest=str(number) if digest else "")
            room.watchers.touch({WEB})
            await room.settle()
        assert woken(waiter) == b"[2]"

    scenario()
