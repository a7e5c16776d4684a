"""What checks ask: a server that is always well and notes when each of them came."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from bench.load.connection import http_request

END = http_request("GET", "/-/end")
"""Ends the target."""

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwell"
_BACKLOG = 4096

Visits = Mapping[str, list[float]]
"""By path, `time.perf_counter` of each request, which is one clock for all processes."""


@dataclass(frozen=True)
class Target:
    """Answer on a port until `END` is asked for; returns the visits."""

    port: int
    takes_s: float = 600.0

    async def run(self) -> Visits:
        over = asyncio.Event()
        visits: dict[bytes, list[float]] = defaultdict(list)
        server = await asyncio.get_running_loop().create_server(
            lambda: _Answering(visits, over), "127.0.0.1", self.port, backlog=_BACKLOG
        )
        async with server:
            await asyncio.wait_for(over.wait(), self.takes_s)
        return {path.decode(): times for path, times in visits.items()}


@dataclass
class _Answering(asyncio.Protocol):
    """One connection; requests come in one piece."""

    visits: dict[bytes, list[float]]
    over: asyncio.Event
    transport: asyncio.Transport = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(_ANSWER)
        if data == END:
            self.over.set()
            return
        self.visits[data.split(b" ", 2)[1]].append(time.perf_counter())
        if b"connection: close" in data.lower():
            self.transport.close()
