"""How many probes run at the same time, in all and against one target."""

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType


@dataclass(slots=True)
class _Queue:
    places: asyncio.Semaphore
    users: int = field(default=0)


class Budgets:
    """Gives out places, in the order in which they were asked for.

    The place at the target is taken before the one in all, so that the checks of a target that hangs
    wait for each other and not in everybody's way.

    Args:
        in_all: probes that may run at the same time. Each holds an open file.
        per_target: those of them that may go to one target.
    """

    def __init__(self, in_all: int, per_target: int) -> None:
        self._in_all = asyncio.Semaphore(in_all)
        self._per_target = per_target
        self._targets: dict[str, _Queue] = {}

    def place(self, target: str) -> "Place":
        """Return what waits for a place and holds it within an ``async with`` block."""
        return Place(self, target)

    async def take(self, target: str) -> None:
        """Wait for a place; `give_back` it."""
        queue = self._targets.get(target)
        if queue is None:
            queue = self._targets[target] = _Queue(asyncio.Semaphore(self._per_target))
        queue.users += 1
        try:
            await queue.places.acquire()
            try:
                await self._in_all.acquire()
            except BaseException:
                queue.places.release()
                raise
        except BaseException:
            self._leave(target, queue)
            raise

    def give_back(self, target: str) -> None:
        """Give a place to whoever is next."""
        queue = self._targets[target]
        self._in_all.release()
        queue.places.release()
        self._leave(target, queue)

    def _leave(self, target: str, queue: _Queue) -> None:
        queue.users -= 1
        if not queue.users:
            del self._targets[target]


class Place:
    """One place, asked for when the ``async with`` block is entered, which gives the seconds waited."""

    __slots__ = ("_budgets", "_target")

    def __init__(self, budgets: Budgets, target: str) -> None:
        self._budgets = budgets
        self._target = target

    async def __aenter__(self) -> float:
        asked = time.monotonic()
        await self._budgets.take(self._target)
        return time.monotonic() - asked

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budgets.give_back(self._target)
