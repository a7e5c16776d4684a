"""Any sequence of parking, leaving, changing and waking: none missed, none without a reason."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from model.wishes import mixed

from registry.http.answer import Answer, Result
from registry.http.blocking import Waiter, Watchers
from registry.http.options import Options
from registry.http.reads import Plan
from registry.http.request import Read
from registry.http.routing import ReadRoute

NAMES = ["a", "b"]
TOPICS = {"a": ("one",), "b": ("one", "two")}


def _no_handler(_: Read[Any]) -> Result:
    raise AssertionError("answers come from the test")


ROUTE = ReadRoute(path="/x", summary="", handler=_no_handler)

changes = st.builds(
    lambda topic, bodies: ("change", topic, bodies),
    st.sampled_from(["one", "one", "two"]),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from([b"1", b"2"])),
)
parks = st.builds(
    lambda name, ahead, count: ("park", name, ahead, count),
    st.sampled_from(NAMES),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.sampled_from([1, 1, 1, 40]),
)
leaves = st.builds(lambda place: ("leave", place), st.integers(0, 60))
pauses = st.sampled_from([("settle",), ("turn",)])
steps = st.lists(mixed((3, changes), (3, parks), (1, leaves), (2, pauses)), min_size=10, max_size=40)


@dataclass
class Parked:
    """A parked request and what may become of it.

    Attributes:
        known: the body that its client has, or was owed when all was last settled.
        changed: its answer's body has changed since it was parked, if only for a while.
        must: it is owed an answer, since all was last settled.
    """

    plan: Plan[Any]
    waiter: Waiter
    known: bytes
    changed: bool = False
    must: bool = False


@dataclass
class World:
    """The answers, the watchers and everybody who is parked."""

    index: int = 10
    bodies: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(NAMES, b"1"))
    indexes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 10))
    parked: list[Parked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watchers = Watchers(self.evaluate, 10_000, asyncio.get_running_loop())

    def evaluate(self, plan: Plan[Any]) -> Answer:
        name = plan.key[0].decode()
        return Answer(
            200, [], bytes(bytearray(self.bodies[name])), index=self.indexes[name], topics=TOPICS[name]
        )

    def change(self, topic: str, bodies: dict[str, bytes]) -> None:
        self.index += 1
        for name in NAMES:
            if topic in TOPICS[name]:
                self.indexes[name] = self.index
                self.bodies[name] = bodies.get(name, self.bodies[name])
        for parked in self.parked:
            parked.changed = parked.changed or self.body_of(parked) != parked.known
        self.watchers.touch({topic})

    def park(self, name: str, ahead: int, count: int) -> None:
        for _ in range(count):
            options = Options(index=self.indexes[name] + ahead)
            plan: Plan[Any] = Plan(ROUTE, Read(None, "", {}, options), (name.encode(), b""))
            waiter = self.watchers.park(plan, self.evaluate(plan))
            self.parked.append(Parked(plan, waiter, self.bodies[name]))

    def leave(self, place: int) -> None:
        if self.parked:
            parked = self.parked.pop(place % len(self.parked))
            self.watchers.leave(parked.plan, parked.waiter)

    def body_of(self, parked: Parked) -> bytes:
        return self.bodies[parked.plan.key[0].decode()]

    async def settle(self) -> None:
        """Let all wake-ups happen, and require that they were the right ones."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)
        remaining = []
        for parked in self.parked:
            past = self.indexes[parked.plan.key[0].decode()] > parked.plan.options.index
            parked.must = parked.must or self.body_of(parked) != parked.known
            if not parked.waiter.future.done():
                assert not (past and parked.must), "a change was missed"
                remaining.append(parked)
                continue
            assert parked.changed, "woken though nothing had changed"
            answer = parked.waiter.future.result()
            assert answer is not None
            assert answer.index > parked.plan.options.index
        self.parked = remaining
        assert self.watchers.parked == len(remaining)


@pytest.mark.timeout(600)  # a failure takes minutes to be made short
@settings(
    deadline=None,
    max_examples=200,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(steps)
def test_who_is_parked_wakes_just_when_there_is_news(sequence: list[tuple[Any, ...]]) -> None:
    async def play() -> None:
        world = World()
        for action, *arguments in sequence:
            if action == "settle":
                await world.settle()
            elif action == "turn":
                await asyncio.sleep(0)
            else:
                getattr(world, action)(*arguments)
        await world.settle()
        await world.watchers.drain()
        assert all(parked.waiter.future.done() for parked in world.parked)

    asyncio.run(play())
