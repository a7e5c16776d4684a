"""Watchers: one in another process than the writer, and quiet ones beside a lot of change."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.ask import Asker, askers
from bench.load.connection import Connection, connect, http_request, numbered
from bench.process import BenchError, accepted_by

PARK_S = 1.0
"""How long watchers get to be parked before the change."""

ALL_WITHIN_S = 20.0
WAIT = "wait=60s"


def _parked(target: str, index: int) -> bytes:
    return http_request("GET", f"{target}{'&' if '?' in target else '?'}index={index}&{WAIT}")


class _Crowd:
    """Parked connections, how many of them were answered, and what went wrong first."""

    connections: list[Connection]

    def __init__(self) -> None:
        self.woken = 0
        self._wrong = ""

    async def park(self, requests: Sequence[bytes]) -> None:
        """Send each connection one of the requests, in turn, and give the server time to park them."""
        for number, connection in enumerate(self.connections):
            connection.send(requests[number % len(requests)])
        await asyncio.sleep(PARK_S)
        self.check()
        if self.woken:
            raise BenchError(f"{self.woken} of {len(self.connections)} watchers were not parked")

    def check(self) -> None:
        """Raise BenchError if an answer was none or a connection is gone."""
        if self._wrong:
            raise BenchError(self._wrong)

    def answered(self, connection: Connection) -> None:
        if connection.status != 200:
            self._wrong = f"a watcher was answered {connection.status} {connection.body[:200]!r}"
        self.woken += 1

    def lost(self, _: Connection) -> None:
        self._wrong = self._wrong or "the server closed a watcher's connection"

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


@dataclass(frozen=True)
class Crossing:
    """A watcher in one process of the server, the change made through another, to and fro.

    Returns for each round the milliseconds from sending the change to the watcher's answer.

    Attributes:
        pids: the server's processes.
    """

    port: int
    target: str
    change: bytes
    pids: tuple[int, ...]
    rounds: int

    @property
    def takes_s(self) -> float:
        return self.rounds * 0.1

    async def run(self) -> list[float]:
        here, there = await self._on_two_processes()
        found = []
        for number in range(self.rounds):
            here, there = there, here
            index = (await here.ask(http_request("GET", self.target))).index
            woken = here.start(_parked(self.target, index))
            await asyncio.sleep(0.01)
            if woken.done():
                raise BenchError("the watcher was not parked")
            began = time.perf_counter()
            await there.ask(numbered(self.change, number))
            found.append(1000 * ((await asyncio.wait_for(woken, ALL_WITHIN_S)).arrived - began))
        return found

    async def _on_two_processes(self) -> tuple[Asker, Asker]:
        candidates = await askers(self.port, 32)
        owners = accepted_by(self.port, self.pids)
        by_process = {owners.get(asker.connection.port): asker for asker in candidates}
        by_process.pop(None, None)
        if len(by_process) < 2:
            raise BenchError(f"expected connections to two processes, found {len(by_process)}")
        first, second, *_ = by_process.values()
        return first, second


@dataclass(frozen=True)
class Calm:
    """What became of watchers of quiet things while others changed.

    Attributes:
        woken: watchers that were answered although nothing of theirs had changed.
        changes: how many changes there were.
        woken_by_own: watchers answered once something of theirs did change.
    """

    woken: int
    changes: int
    woken_by_own: int


@dataclass(frozen=True)
class Quiet:
    """Watchers of quiet things beside changes of other things.

    Attributes:
        targets: what is watched; the watchers are spread over them.
        change: a numbered request that changes something else.
        own_change: a numbered request that changes the first target.
    """

    port: int
    targets: tuple[str, ...]
    change: bytes
    own_change: bytes
    watchers: int
    writers: int
    seconds: float

    @property
    def takes_s(self) -> float:
        return self.seconds + PARK_S + ALL_WITHIN_S

    async def run(self) -> Calm:
        writers = await askers(self.port, self.writers)
        requests = [
            _parked(target, (await writers[0].ask(http_request("GET", target))).index)
            for target in self.targets
        ]
        crowd = _Crowd()
        crowd.connections = await connect(self.port, self.watchers, crowd.answered, crowd.lost)
        await crowd.park(requests)
        end = time.perf_counter() + self.seconds
        counts = await asyncio.gather(
            *(self._change(writer, place, end) for place, writer in enumerate(writers))
        )
        await asyncio.sleep(PARK_S)
        woken = crowd.woken
        await writers[0].ask(numbered(self.own_change, 0))
        await asyncio.sleep(PARK_S)
        crowd.check()
        crowd.close()
        return Calm(woken, sum(counts), crowd.woken - woken)

    async def _change(self, writer: Asker, place: int, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await writer.ask(numbered(self.change, count * self.writers + place))
            count += 1
        return count
