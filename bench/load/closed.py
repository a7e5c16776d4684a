"""Closed loop: every connection sends its next request when the answer to the last one has come in."""

import asyncio
import time
from dataclasses import dataclass

from bench.load.call import Call
from bench.load.connection import Connection, connect, numbered
from bench.load.record import Record
from bench.load.sample import Sample


@dataclass(frozen=True)
class Closed:
    """Load for a time.

    Attributes:
        port: of the server.
        calls: what to send, in turn, over and over.
        connections: how many.
        seconds: how long.
        first: number of the first request.
    """

    port: int
    calls: tuple[Call, ...]
    connections: int
    seconds: float
    first: int = 0

    @property
    def takes_s(self) -> float:
        return self.seconds

    async def run(self) -> Sample:
        return await _Loop(self).run()

    def __str__(self) -> str:
        return f"{self.connections} connections for {self.seconds:g} s"


class _Loop:
    def __init__(self, job: Closed) -> None:
        self._job = job
        self._sent = 0
        self._record = Record(job.calls)
        self._over = False

    async def run(self) -> Sample:
        job = self._job
        connections = await connect(job.port, job.connections, self._answered, self._lost)
        cpu, began = time.process_time(), time.perf_counter()
        for connection in connections:
            self._send(connection)
        await asyncio.sleep(job.seconds)
        self._over = True
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        for connection in connections:
            connection.close()
        return self._record.sum_up(began, seconds, cpu, job.first, trace=False)

    def _send(self, connection: Connection) -> None:
        connection.number = self._sent
        request = self._job.calls[self._sent % len(self._job.calls)].request
        self._sent += 1
        connection.due = time.perf_counter()
        connection.send(numbered(request, self._job.first + connection.number))

    def _answered(self, connection: Connection) -> None:
        if not self._over:
            self._record.judge(connection)
            self._send(connection)

    def _lost(self, _: Connection) -> None:
        if not self._over:
            self._record.wrong("the server closed a connection")
