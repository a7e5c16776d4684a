"""Open loop: requests go out by the clock, whether or not earlier ones have been answered.

The latency of a request counts from the moment at which it was due. When all connections are busy it
waits, and so it counts what a client would have felt that came at that moment; in a closed loop the
stalled clients would simply have asked less.
"""

import asyncio
import time
from array import array
from collections import deque
from dataclasses import dataclass

from bench.load.connection import Connection, connect
from bench.load.sample import Sample, sample
from bench.load.ticker import Ticker

ANSWERED_WITHIN_S = 5.0
"""How long answers are waited for after the last request."""


@dataclass(frozen=True)
class Open:
    """Load at a rate.

    Attributes:
        port: of the server.
        request: what to send.
        rate: requests a second, evenly spread.
        connections: how many requests can be under way.
        seconds: how long.
        body: what every answer must end with.
    """

    port: int
    request: bytes
    rate: float
    connections: int
    seconds: float
    body: bytes

    @property
    def takes_s(self) -> float:
        return self.seconds + ANSWERED_WITHIN_S

    async def run(self) -> Sample:
        return await _Timetable(self).run()


class _Timetable:
    def __init__(self, job: Open) -> None:
        self._job = job
        self._gap = 1 / job.rate
        self._total = int(job.rate * job.seconds)
        self._due = 0
        self._began = 0.0
        self._idle: deque[Connection] = deque()
        self._waiting: deque[float] = deque()
        self._latencies, self._arrivals, self._late = array("d"), array("d"), array("d")
        self._errors = 0
        self._done = asyncio.Event()

    async def run(self) -> Sample:
        job = self._job
        connections = await connect(job.port, job.connections, self._answered, self._lost)
        self._idle.extend(connections)
        cpu, self._began = time.process_time(), time.perf_counter()
        with Ticker(asyncio.get_running_loop(), self._tick):
            try:
                await asyncio.wait_for(self._done.wait(), job.takes_s)
            except TimeoutError:
                self._errors = self._total - len(self._latencies)
        cpu = time.process_time() - cpu
        self._done.set()
        for connection in connections:
            connection.close()
        return sample(
            self._arrivals,
            self._latencies,
            errors=self._errors,
            began=self._began,
            seconds=job.seconds,
            cpu_s=cpu,
            late=self._late,
        )

    def _tick(self) -> None:
        """Send what is due; with every connection busy, put it in line."""
        now = time.perf_counter()
        while self._due < self._total:
            due = self._began + self._due * self._gap
            if due > now:
                return
            self._due += 1
            if self._idle:
                self._late.append(now - due)
                self._send(self._idle.popleft(), due)
            else:
                self._waiting.append(due)

    def _send(self, connection: Connection, due: float) -> None:
        connection.due = due
        connection.send(self._job.request)

    def _answered(self, connection: Connection) -> None:
        raw = connection.raw
        if raw.startswith(b"HTTP/1.1 200 ") and raw.endswith(self._job.body):
            self._latencies.append(connection.arrived - connection.due)
            self._arrivals.append(connection.arrived)
        else:
            self._errors += 1
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)
        if len(self._latencies) + self._errors >= self._total:
            self._done.set()

    def _lost(self, _: Connection) -> None:
        if not self._done.is_set():
            self._errors += 1
