"""Blocking queries: parking requests until their answer has changed.

Guarantees
    - A parked request is answered when its answer's body has changed and its index is above the one
      the client gave; never for another reason but the end of its wait, the end of the server, or a
      reload of the catalog. A change that leaves the body as it was wakes nobody.
    - No change is missed: between looking at the answer and parking nothing else runs on the loop, and
      every change names the topics of the answers it can affect.
    - A parked request gives its place back when it is answered, when its time is up and when its
      client goes, whichever comes first.

How
    Requests for the same thing share a `Queue`: one evaluation after a change, one comparison of
    bodies, one answer for all. Evaluations and wake-ups are done in slices with a pause between
    them, so that ten thousand watchers never hold up a lookup: waking one costs 30 microseconds.

Rejected
    - A task or an event for each waiter: twice the memory. Waking all at once: 340 ms of blocked
      loop for 10,000. `asyncio.sleep(0)` between slices: new requests still wait 50 ms.

Cost at worst
    With n queues on one topic (n different queries on one service) a change costs n evaluations.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

from registry.http.answer import Answer
from registry.http.cache import Key
from registry.http.reads import Evaluate, Plan

logger = logging.getLogger(__name__)

SLICE = 12
"""Requests woken, or queues evaluated, before other work gets its turn.

With two workers and the clients on two cores, 10,000 watchers had their answers after 460 to 490 ms, and
lookups meanwhile a p99 of 3 to 6 ms. With 16 it was 390 ms and 7 to 11 ms, with 32 below 350 ms and 56 to
103 ms, as then nothing is left of the processors that lookups could have.
"""

PAUSE_S = 0.001

DRAIN_SLICE = 200
"""Requests answered in one go when the server stops: nobody is left to be kept waiting."""


class Waiter:
    """A parked request.

    Attributes:
        future: resolved with the answer to send, or with None when the client has gone.
        owed: its answer has changed without its index having come past the client's.
    """

    __slots__ = ("digest", "future", "index", "owed")

    def __init__(self, future: "asyncio.Future[Answer | None]", index: int, digest: str) -> None:
        self.future = future
        self.index = index
        self.digest = digest
        self.owed = False


class _Queue:
    """The parked requests of one plan; those that are not owed anything know the body of ``answer``."""

    __slots__ = ("answer", "plan", "waiters")

    def __init__(self, plan: Plan[Any], answer: Answer) -> None:
        self.plan = plan
        self.answer = answer
        self.waiters: dict[Waiter, None] = {}


class Watchers:
    """All parked requests of a process.

    Args:
        evaluate: makes a plan's current answer.
        limit: parked requests at most.

    Attributes:
        parked: how many there are.
    """

    def __init__(self, evaluate: Evaluate, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self._evaluate = evaluate
        self._limit = limit
        self._loop = loop
        self._queues: dict[Key, _Queue] = {}
        self._by_topic: dict[str, set[Key]] = {}
        self._dirty: dict[Key, bool] = {}
        self._waker: asyncio.Task[None] | None = None
        self.parked = 0
        self.draining = False

    @property
    def full(self) -> bool:
        """Whether no further request can be parked."""
        return self.parked >= self._limit

    def park(self, plan: Plan[Any], answer: Answer) -> Waiter:
        """Park a request that has been found to have nothing new in ``answer``, the current one."""
        queue = self._queues.get(plan.key)
        if queue is None:
            queue = self._queues[plan.key] = _Queue(plan, answer)
            self._subscribe(plan.key, answer.topics)
        else:
            # A change may be waiting to be looked at. The others are owed it, the newcomer has seen it.
            self._learn(queue, answer)
        options = plan.options
        waiter = Waiter(self._loop.create_future(), options.index, options.digest)
        queue.waiters[waiter] = None
        self.parked += 1
        return waiter

    def leave(self, plan: Plan[Any], waiter: Waiter) -> None:
        """Give a place back; harmless when it has been given back already."""
        queue = self._queues.get(plan.key)
        if queue is None or waiter not in queue.waiters:
            return
        del queue.waiters[waiter]
        self.parked -= 1
        if not queue.waiters:
            self._unsubscribe(plan.key, queue.answer.topics)
            del self._queues[plan.key]
            self._dirty.pop(plan.key, None)

    def touch(self, topics: set[str] | None) -> None:
        """Have the answers made from these topics looked at again; None for all, changed or not."""
        if topics is None:
            self._dirty.update(dict.fromkeys(self._queues, True))
        else:
            for topic in topics:
                for key in self._by_topic.get(topic, ()):
                    self._dirty.setdefault(key, False)
        if self._dirty and self._waker is None:
            self._waker = self._loop.create_task(self._wake())

    async def drain(self) -> None:
        """Answer everybody with the current data, and from now on park nobody."""
        self.draining = True
        while self._queues:
            for key in list(self._queues):
                queue = self._queues.get(key)
                if queue is not None:
                    await self._release(queue, list(queue.waiters), self._current(queue), DRAIN_SLICE)

    async def _wake(self) -> None:
        try:
            evaluated = 0
            while self._dirty:
                key, force = next(iter(self._dirty.items()))
                del self._dirty[key]
                queue = self._queues.get(key)
                if queue is None:
                    continue
                await self._look_again(queue, force)
                evaluated += 1
                if evaluated % SLICE == 0:
                    await asyncio.sleep(PAUSE_S)
        finally:
            self._waker = None

    async def _look_again(self, queue: _Queue, force: bool) -> None:
        answer = self._current(queue)
        self._learn(queue, answer)
        ready = []
        for waiter in queue.waiters:
            if waiter.digest:
                due = answer.digest != waiter.digest
            else:
                due = force or (waiter.owed and answer.index > waiter.index)
            if due:
                ready.append(waiter)
        await self._release(queue, ready, answer, SLICE)

    def _current(self, queue: _Queue) -> Answer:
        """Return the current answer, the last one when it can't be made: nobody else must wait for that."""
        try:
            return self._evaluate(queue.plan)
        except Exception:
            path = queue.plan.key[0].decode("latin-1")
            logger.exception("the answer to %s could not be made again", path)
            return queue.answer

    def _learn(self, queue: _Queue, answer: Answer) -> None:
        """Make this a queue's answer; if it differs from the last one, all who are parked are owed it."""
        old = queue.answer
        if answer is old:
            return
        if answer.topics != old.topics:
            self._unsubscribe(queue.plan.key, old.topics)
            self._subscribe(queue.plan.key, answer.topics)
        queue.answer = answer
        if answer.status != old.status or answer.body != old.body:
            for waiter in queue.waiters:
                waiter.owed = True

    async def _release(
        self, queue: _Queue, waiters: Iterable[Waiter], answer: Answer, slice_size: int
    ) -> None:
        """Answer waiters in slices. A later change overtakes: the rest then gets the newer answer."""
        waiting = deque(waiters)
        while waiting:
            for _ in range(min(slice_size, len(waiting))):
                waiter = waiting.popleft()
                if waiter in queue.waiters and not waiter.future.done():
                    waiter.future.set_result(answer)
                self.leave(queue.plan, waiter)
            if waiting:
                await asyncio.sleep(PAUSE_S)
                answer = self._current(queue)

    def _subscribe(self, key: Key, topics: Iterable[str]) -> None:
        for topic in topics:
            self._by_topic.setdefault(topic, set()).add(key)

    def _unsubscribe(self, key: Key, topics: Iterable[str]) -> None:
        for topic in topics:
            keys = self._by_topic.get(topic)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._by_topic[topic]
