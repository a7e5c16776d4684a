"""Open loop: requests go out by the clock, whether or not earlier ones have been answered.

The latency of a request counts from the moment at which it was due. When all connections are busy it
waits, and so it counts what a client would have felt that came at that moment; in a closed loop the
stalled clients would simply have asked less.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

from bench.load.call import Call
from bench.load.connection import Connection, connect, numbered
from bench.load.record import Record
from bench.load.sample import Sample
from bench.load.ticker import Ticker

ANSWERED_WITHIN_S = 5.0
"""How long answers are waited for after the last request."""


@dataclass(frozen=True)
class Open:
    """Load at a rate.

    Attributes:
        port: of the server.
        calls: what to send, in turn, over and over.
        rate: requests a second, evenly spread.
        connections: how many requests can be under way.
        seconds: how long.
        first: number of the first request.
        trace: keep when each request was due, and its latency.
    """

    port: int
    calls: tuple[Call, ...]
    rate: float
    connections: int
    seconds: float
    first: int = 0
    trace: bool = False

    @property
    def takes_s(self) -> float:
        return self.seconds + ANSWERED_WITHIN_S

    async def run(self) -> Sample:
        return await _Timetable(self).run()

    def __str__(self) -> str:
        return f"{self.rate:,.0f} requests/s on {self.connections} connections for {self.seconds:g} s"


class _Timetable:
    def __init__(self, job: Open) -> None:
        self._job = job
        self._gap = 1 / job.rate
        self._total = int(job.rate * job.seconds)
        self._due = 0
        self._began = 0.0
        self._idle: deque[Connection] = deque()
        self._waiting: deque[int] = deque()
        self._record = Record(job.calls)
        self._done = asyncio.Event()

    async def run(self) -> Sample:
        job, record = self._job, self._record
        connections = await connect(job.port, job.connections, self._answered, self._lost)
        self._idle.extend(connections)
        cpu, self._began = time.process_time(), time.perf_counter()
        with Ticker(asyncio.get_running_loop(), self._tick):
            try:
                await asyncio.wait_for(self._done.wait(), job.takes_s)
            except TimeoutError:
                for _ in range(self._total - record.answers - record.errors):
                    record.wrong("a request was not answered")
        cpu = time.process_time() - cpu
        self._done.set()
        for connection in connections:
            connection.close()
        return record.sum_up(self._began, job.seconds, cpu, job.first, trace=job.trace)

    def _tick(self) -> None:
        """Send what is due; with every connection busy, put it in line."""
        now = time.perf_counter()
        while self._due < self._total:
            due = self._began + self._due * self._gap
            if due > now:
                return
            if self._idle:
                self._record.late.append(now - due)
                self._send(self._idle.popleft(), self._due)
            else:
                self._waiting.append(self._due)
            self._due += 1

    def _send(self, connection: Connection, number: int) -> None:
        connection.number = number
        connection.due = self._began + number * self._gap
        request = self._job.calls[number % len(self._job.calls)].request
        connection.send(numbered(request, self._job.first + number))

    def _answered(self, connection: Connection) -> None:
        self._record.judge(connection)
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        else:
            self._idle.append(connection)
        if self._record.answers + self._record.errors >= self._total:
            self._done.set()

    def _lost(self, _: Connection) -> None:
        if not self._done.is_set():
            self._record.wrong("the server closed a connection")
