"""How late the keeper itself is.

A probe that ran out of time says something about its target only if we had the time to look. When
this process was stopped, starved of processor time, or busy with something else, an answer may be
waiting to be read. So a ticker watches when the event loop gets round to it, and what it was late is
not held against those who were waiting meanwhile.

Lateness of up to `GRAIN_S` is how an event loop works, and is not counted: timeouts are exact then.
The clock is CLOCK_BOOTTIME, like that of heartbeats, so that a machine that slept counts as late too.
"""

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable

TICK_S = 0.05
GRAIN_S = 0.05
REMEMBERED = 1024
"""How many times of being late are remembered, which bounds how far back one can ask."""


def boot_clock() -> float:
    """Return seconds since the machine was started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lag:
    """When the event loop was late.

    Args:
        clock: seconds; only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = boot_clock) -> None:
        self.clock = clock
        self._due = float("inf")  # until it ticks, nobody knows
        self._begins: deque[float] = deque(maxlen=REMEMBERED)
        self._ends: deque[float] = deque(maxlen=REMEMBERED)

    def tick(self) -> None:
        """Note that the loop has got round to its ticker, which was due `TICK_S` after the last time."""
        now = self.clock()
        if now - self._due > GRAIN_S:
            self._begins.append(self._due)
            self._ends.append(now)
        self._due = now + TICK_S

    def since(self, start: float) -> float:
        """Return for how many seconds since then the loop was late; what is going on now is included."""
        now = self.clock()
        begun = max(self._due, start)
        late = now - begun if now - self._due > GRAIN_S else 0.0
        ends = self._ends
        if ends and ends[-1] > start:
            for place in range(bisect_right(ends, start), len(ends)):
                late += ends[place] - max(self._begins[place], start)
        return late

    async def watch(self) -> None:
        """Tick for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()
