"""Targets for probes, as they should be and as they should not."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from ssl import SSLContext
from typing import Any, TypeVar

import uvloop

from registry.keeper.probes import Options, Outcome, Tools, prober

TIMEOUT = 300_000_000
"""Nanoseconds that a check may take where it is to run out of time."""

T = TypeVar("T")
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run on the loop that the keeper uses, for half a minute at most."""

    async def bounded() -> T:
        async with asyncio.timeout(30):
            return await main

    return uvloop.run(bounded())


async def probe(definition: dict[str, Any], **options: Any) -> Outcome:
    """Run a check once, with tools of its own."""
    async with Tools(Options(**options)) as tools:
        return await prober(definition, tools).run()


class Target:
    """A TCP server on 127.0.0.1 that does as it is told with each connection.

    Attributes:
        port: where it listens.
        heads: the request heads that `answer` and the like have read.
        connections: how many were made.
        open: how many are open now.
        peak: the most that were open at the same time.
    """

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self.port = 0
        self.connections = 0
        self.open = 0
        self.peak = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._behave(reader, writer)
                writer.close()
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def target(behave: Behaviour, tls: SSLContext | None = None) -> AsyncIterator[Target]:
    """Serve on a free port."""
    made = Target(behave)
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0, ssl=tls, backlog=1024)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def unix_target(behave: Behaviour, path: Path) -> AsyncIterator[Target]:
    """Serve on a unix socket."""
    made = Target(behave)
    server = await asyncio.start_unix_server(made.handle, path)
    try:
        yield made
    finally:
        server.close()
        await made.stop()
        await server.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def answer(*pieces: bytes) -> Behaviour:
    """Read a request's head, then send this."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return behave


def answer_and_stay(*pieces: bytes) -> Behaviour:
    """Do the same, and leave it to the other side to end the connection."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(*pieces)(reader, writer)
        await hang(reader, writer)

    return behave


def recording(heads: list[bytes], *pieces: bytes) -> Behaviour:
    """Read a request's head, keep it, and send this."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"".join(pieces) or OK)

    return behave


def trickling(head: bytes, endless: bytes) -> Behaviour:
    """Read a request's head, send one, and then for ever a little more from time to time."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(head)
        while True:
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(0.02)

    return behave


def flooding(head: bytes, endless: bytes) -> Behaviour:
    """Read a request's head, send one, and then for ever as much more as the connection takes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(head)
        while True:
            writer.write(endless)
            await writer.drain()

    return behave


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything, say nothing."""
    while await reader.read(65536):
        pass


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request's head, then break the connection off with RST."""
    await read_head(reader)
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def redirect(location: str, status: str = "302 Found") -> bytes:
    return f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def closed_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def deaf_port() -> Any:
    """Give a port of 127.0.0.1 that no connection to is ever completed, as its queue is full."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = held.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def open_sockets() -> set[str]:
    """Return the sockets that this process holds."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            name = str(link.readlink())
            if name.startswith("socket:"):
                found.add(name)
    return found
