"""Sending each of some requests once."""

import asyncio
import time
from dataclasses import dataclass

from bench.load.connection import Connection, connect
from bench.process import BenchError


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
