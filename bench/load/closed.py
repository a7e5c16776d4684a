"""Closed loop: every connection sends its next request when the answer to the last one has come in."""

import asyncio
import time
from array import array
from dataclasses import dataclass

from bench.load.connection import NUMBER, Connection, connect, numbered
from bench.load.sample import Sample, sample
from bench.process import BenchError


@dataclass(frozen=True)
class Closed:
    """Load for a time.

    Attributes:
        port: of the server.
        request: what to send; with placeholders, every request has the next number.
        connections: how many.
        seconds: how long.
        first: number of the first request.
        body: what every answer must end with; None for anything.
    """

    port: int
    request: bytes
    connections: int
    seconds: float
    first: int = 0
    body: bytes | None = None

    @property
    def takes_s(self) -> float:
        return self.seconds

    async def run(self) -> Sample:
        return await _Loop(self).run()


class _Loop:
    def __init__(self, job: Closed) -> None:
        self._job = job
        self._next = job.first
        self._counts = NUMBER in job.request
        self._latencies, self._arrivals, self._numbers = array("d"), array("d"), array("L")
        self._errors = 0
        self._over = False

    async def run(self) -> Sample:
        connections = await connect(self._job.port, self._job.connections, self._answered, self._lost)
        cpu, began = time.process_time(), time.perf_counter()
        for connection in connections:
            self._send(connection)
        await asyncio.sleep(self._job.seconds)
        self._over = True
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        for connection in connections:
            connection.close()
        return sample(
            self._arrivals,
            self._latencies,
            errors=self._errors,
            began=began,
            seconds=seconds,
            cpu_s=cpu,
            numbers=self._numbers,
        )

    def _send(self, connection: Connection) -> None:
        request = self._job.request
        if self._counts:
            request = numbered(request, self._next)
            connection.number = self._next
            self._next += 1
        connection.due = time.perf_counter()
        connection.send(request)

    def _answered(self, connection: Connection) -> None:
        if self._over:
            return
        right = self._job.body is None or connection.raw.endswith(self._job.body)
        if right and connection.raw.startswith(b"HTTP/1.1 200 "):
            self._latencies.append(connection.arrived - connection.due)
            self._arrivals.append(connection.arrived)
            if self._counts:
                self._numbers.append(connection.number)
        else:
            self._errors += 1
        self._send(connection)

    def _lost(self, _: Connection) -> None:
        if not self._over:
            self._errors += 1


@dataclass(frozen=True)
class Deliver:
    """Send each of some requests once; returns the seconds it took.

    Raises:
        BenchError: one was not answered with 200.
    """

    port: int
    requests: tuple[bytes, ...]
    connections: int = 32
    takes_s: float = 120.0

    async def run(self) -> float:
        waiting = list(reversed(self.requests))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        missing = len(waiting)

        def answered(connection: Connection) -> None:
            nonlocal missing
            missing -= 1
            if done.done():
                return
            if connection.status != 200:
                done.set_exception(
                    BenchError(f"a request was refused: {connection.status} {connection.body!r}")
                )
            elif not missing:
                done.set_result(None)
            elif waiting:
                connection.send(waiting.pop())

        def lost(_: Connection) -> None:
            if not done.done():
                done.set_exception(BenchError("the server closed a connection"))

        began = time.perf_counter()
        connections = await connect(self.port, min(self.connections, missing), answered, lost)
        for connection in connections:
            connection.send(waiting.pop())
        try:
            await asyncio.wait_for(done, self.takes_s)
        finally:
            for connection in connections:
                connection.close()
        return time.perf_counter() - began

    def __str__(self) -> str:
        return f"the delivery of {len(self.requests)} requests"
