"""One HTTP/1.1 connection of a client that keeps it open, with nothing hidden: no pool, no retries."""

import asyncio
import json
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

BROKEN = (OSError, asyncio.IncompleteReadError)
"""What a request raises when the connection ends before the answer."""


@dataclass(frozen=True)
class Answer:
    """Status, headers by lower-cased name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON values."""
        return json.loads(self.body)

    @property
    def index(self) -> int:
        """The number in X-Consul-Index."""
        return int(self.headers["x-consul-index"])


class Connection:
    """A connection on which one request after the other is sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader = reader
        self._writer = writer
        self._port = port

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port of 127.0.0.1; OSError if that is refused."""
        made = cls(*await asyncio.open_connection("127.0.0.1", port), port)
        _opened.get().append(made)
        return made

    @property
    def own_port(self) -> int:
        """The client's port."""
        return int(self._writer.get_extra_info("sockname")[1])

    async def request(self, method: str, target: str, body: object = None) -> Answer:
        """Send a request, with ``body`` as JSON, and read the answer; see `BROKEN` for what it raises."""
        await self.send(method, target, body)
        return await self.answer()

    async def send(self, method: str, target: str, body: object = None) -> None:
        """Send a request without waiting for its answer."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
        head += f"Content-Length: {len(content)}\r\n\r\n" if content else "\r\n"
        await self.send_bytes(head.encode() + content)

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> Answer:
        """Read the next answer."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        return Answer(int(status.split()[1]), headers, await self._body(headers))

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", "0")))
        parts: list[bytes] = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        """Close it without waiting for anything."""
        self._writer.close()


_opened: ContextVar[list[Connection]] = ContextVar("opened")


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario in a loop of its own, and close whatever connections it leaves open."""

    async def main() -> T:
        opened: list[Connection] = []
        _opened.set(opened)
        try:
            return await scenario
        finally:
            for connection in opened:
                connection.close()
            await asyncio.sleep(0)

    return asyncio.run(main())


def serving_process(connections: list[Connection], port: int, workers: list[int]) -> dict[int, int]:
    """Return which of the processes holds the other end of each connection: own port to process id."""
    ends: dict[str, int] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if local == port:
            ends[f"socket:[{fields[9]}]"] = remote
    own_ports = {connection.own_port for connection in connections}
    found: dict[int, int] = {}
    for pid in workers:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                remote = ends.get(str(fd.readlink()), 0)
            except OSError:
                continue
            if remote in own_ports:
                found[remote] = pid
    return found
