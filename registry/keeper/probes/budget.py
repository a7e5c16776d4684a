"""How many probes run at the same time, in all and against one target."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


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

    @contextlib.asynccontextmanager
    async def place(self, target: str) -> AsyncIterator[float]:
        """Wait for a place, and hold it within the ``with`` block; gives the seconds waited."""
        queue = self._targets.get(target)
        if queue is None:
            queue = self._targets[target] = _Queue(asyncio.Semaphore(self._per_target))
        queue.users += 1
        asked = time.monotonic()
        try:
            async with queue.places, self._in_all:
                yield time.monotonic() - asked
        finally:
            queue.users -= 1
            if not queue.users:
                del self._targets[target]
