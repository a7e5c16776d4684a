"""Connections kept between the runs of a check, where a new one costs a lot: those with TLS.

A kept connection hides a target that takes no new ones, or whose certificate has run out, and it can
be dead without either side knowing. So it lives for `LIFE_S` at most; it belongs to one check, which
takes it only if its name still stands for the address that it goes to; and a check never fails on it:
what fails there is asked again over a new one (see `HttpProbe`). While nobody uses it, someone reads
from it, so that one closed by the other side is closed here at once, and one that talks out of turn is
not used again.

Few are kept, in all and for each target: a connection with TLS holds tens of kilobytes.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass

from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.stream import Stream

LIFE_S = 60.0


@dataclass(slots=True)
class _Idle:
    stream: Stream
    place: str
    reader: asyncio.Task[None]
    end: asyncio.TimerHandle


class Kept:
    """The connections that are kept at the moment, at most one for each owner.

    Args:
        in_all: how many there may be.
        per_target: how many of them may go to one target.
    """

    def __init__(self, in_all: int, per_target: int) -> None:
        self._in_all = in_all
        self._per_target = per_target
        self._idle: dict[object, _Idle] = {}
        self._targets: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are kept."""
        return len(self._idle)

    def has(self, owner: object) -> bool:
        """Say whether one is kept for this owner."""
        return owner in self._idle

    async def take(self, owner: object, allowed: Container[str]) -> Stream | None:
        """Return the owner's connection, its own from then on; None without one that may be used.

        Args:
            owner: whose it is.
            allowed: where it may go to: ``address:port``.
        """
        idle = self._forget(owner)
        if idle is None:
            return None
        idle.reader.cancel()
        with contextlib.ExitStack() as unless_used:
            unless_used.callback(idle.stream.close)
            await asyncio.wait([idle.reader])
            if idle.reader.cancelled() and idle.stream.address in allowed:
                unless_used.pop_all()
                return idle.stream
        return None

    def keep(self, owner: object, place: str, stream: Stream, needed_in_s: float) -> None:
        """Keep a connection for its owner if there is room, else close it.

        Args:
            owner: who may take it, nobody else.
            place: the target that it counts for.
            stream: the connection, with nothing under way.
            needed_in_s: when the owner will want it; one that will not live until then is closed.
        """
        loop = asyncio.get_running_loop()
        end = stream.made + LIFE_S
        room = len(self._idle) < self._in_all and self._targets[place] < self._per_target
        if not room or loop.time() + needed_in_s >= end:
            stream.close()
            return
        self._targets[place] += 1
        self._idle[owner] = _Idle(
            stream,
            place,
            loop.create_task(self._read(owner, stream)),
            loop.call_at(end, self._close, owner),
        )

    def close(self) -> None:
        """Close all."""
        for owner in list(self._idle):
            self._close(owner)

    async def _read(self, owner: object, stream: Stream) -> None:
        """Wait for what should not come: an end, or data that nobody asked for."""
        with contextlib.suppress(ProbeFailed):
            await stream.read()
        self._close(owner)

    def _close(self, owner: object) -> None:
        idle = self._forget(owner)
        if idle is not None:
            if idle.reader is not asyncio.current_task():
                idle.reader.cancel()
            idle.stream.close()

    def _forget(self, owner: object) -> _Idle | None:
        idle = self._idle.pop(owner, None)
        if idle is not None:
            idle.end.cancel()
            self._targets[idle.place] -= 1
            if not self._targets[idle.place]:
                del self._targets[idle.place]
        return idle
