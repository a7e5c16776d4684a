"""Watchers: many at one thing, one in another process, and quiet ones beside a lot of change."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.ask import Asker, askers
from bench.load.connection import Connection, connect, http_request, numbered
from bench.load.sample import quantile
from bench.process import BenchError, accepted_by

PARK_S = 1.0
"""How long watchers get to be parked before the change."""

ALL_WITHIN_S = 20.0
WAIT = "wait=60s"


def _parked(target: str, index: int) -> bytes:
    return http_request("GET", f"{target}{'&' if '?' in target else '?'}index={index}&{WAIT}")


@dataclass(frozen=True)
class Wave:
    """One change and its watchers: milliseconds from sending the change.

    Attributes:
        acknowledged_ms: until the writer had its answer.
        first_ms, median_ms, last_ms: until the watchers had theirs.
    """

    acknowledged_ms: float
    first_ms: float
    median_ms: float
    last_ms: float


@dataclass(frozen=True)
class FanOut:
    """Watchers of one thing, which changes again and again.

    Attributes:
        target: what they watch.
        change: a numbered request that changes it.
    """

    port: int
    target: str
    change: bytes
    watchers: int
    rounds: int

    @property
    def takes_s(self) -> float:
        return self.rounds * (PARK_S + ALL_WITHIN_S)

    async def run(self) -> list[Wave]:
        (writer,) = await askers(self.port, 1)
        crowd = _Crowd()
        crowd.connections = await connect(self.port, self.watchers, crowd.answered, crowd.lost)
        waves = []
        for number in range(self.rounds):
            index = (await writer.ask(http_request("GET", self.target))).index
            await crowd.park([_parked(self.target, index)])
            began = time.perf_counter()
            acknowledged = await writer.ask(numbered(self.change, number))
            arrivals = await crowd.all_answered()
            times = [1000 * (arrived - began) for arrived in arrivals]
            waves.append(
                Wave(1000 * (acknowledged.arrived - began), min(times), quantile(times, 0.5), max(times))
            )
        crowd.close()
        return waves


class _Crowd:
    """Parked connections and when they were answered."""

    connections: list[Connection]

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self._missing = 0
        self._all: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def park(self, requests: Sequence[bytes]) -> None:
        """Send each connection one of the requests, in turn, and give the server time to park them."""
        self.arrivals.clear()
        self._missing = len(self.connections)
        self._all = asyncio.get_running_loop().create_future()
        for number, connection in enumerate(self.connections):
            connection.send(requests[number % len(requests)])
        await asyncio.sleep(PARK_S)
        if self.arrivals:
            raise BenchError(f"{len(self.arrivals)} of {len(self.connections)} watchers were not parked")

    async def all_answered(self) -> list[float]:
        """Return when each answer came.

        Raises:
            BenchError: one did not come, or was none.
        """
        try:
            await asyncio.wait_for(self._all, ALL_WITHIN_S)
        except TimeoutError:
            raise BenchError(f"{self._missing} watchers were not woken within {ALL_WITHIN_S:g} s") from None
        return self.arrivals

    def answered(self, connection: Connection) -> None:
        if connection.status != 200:
            self._fail(f"a watcher was answered {connection.status} {connection.body[:200]!r}")
        self.arrivals.append(connection.arrived)
        self._missing -= 1
        if not self._missing and not self._all.done():
            self._all.set_result(None)

    def lost(self, _: Connection) -> None:
        self._fail("the server closed a watcher's connection")

    def close(self) -> None:
        self._all.cancel()
        for connection in self.connections:
            connection.close()

    def _fail(self, text: str) -> None:
        if not self._all.done():
            self._all.set_exception(BenchError(text))


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
        woken = len(crowd.arrivals)
        await writers[0].ask(numbered(self.own_change, 0))
        await asyncio.sleep(PARK_S)
        crowd.close()
        return Calm(woken, sum(counts), len(crowd.arrivals) - woken)

    async def _change(self, writer: Asker, place: int, end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await writer.ask(numbered(self.change, count * self.writers + place))
            count += 1
        return count
