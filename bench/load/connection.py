"""A keep-alive HTTP/1.1 connection with as little parsing as a load generator can do with."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import cast

from bench.process import BenchError

HOST = "127.0.0.1"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]+)\r\n")
_INDEX = re.compile(rb"\r\nx-consul-index: *(\d+)", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_CHUNKED_SIZE = -1

NUMBER = b"@@@@@@@@"
"""In a request, stands for a number of eight digits."""

TENTH = b"#######"
"""In a request, stands for a tenth of that number, in seven digits."""


def http_request(method: str, target: str, body: bytes = b"", headers: str = "") -> bytes:
    """Return the bytes of a request; placeholders in target and body keep their length.

    Args:
        method, target, body: what to ask.
        headers: further lines, each with its end.
    """
    head = f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{headers}"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def numbered(template: bytes, number: int) -> bytes:
    """Return the request with the placeholders filled in."""
    return template.replace(NUMBER, b"%08d" % number).replace(TENTH, b"%07d" % (number // 10))


class Connection(asyncio.Protocol):
    """One connection: a request out, an answer in, and so on.

    Args:
        answered: called with the connection when an answer is complete.
        lost: called when the other side closes the connection.

    Attributes:
        raw: the last answer as it came in, head and body.
        arrived: `time.perf_counter` of its last byte.
        due, number: when its request should have gone out, and its number; kept by whoever sends.
    """

    __slots__ = (
        "_answered",
        "_lost",
        "_need",
        "_parts",
        "_size",
        "arrived",
        "due",
        "number",
        "raw",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(
        self, answered: "Callable[[Connection], None]", lost: "Callable[[Connection], None]"
    ) -> None:
        self._answered = answered
        self._lost = lost
        self._parts: list[bytes] = []
        self._size = self._need = 0
        self.raw = b""
        self.arrived = self.due = 0.0
        self.number = 0

    @property
    def port(self) -> int:
        """Our end of the connection."""
        return int(self.transport.get_extra_info("sockname")[1])

    @property
    def status(self) -> int:
        """Status of the last answer."""
        return int(self.raw[9:12])

    @property
    def index(self) -> int:
        """X-Consul-Index of the last answer, 0 for none."""
        found = _INDEX.search(self.raw)
        return int(found[1]) if found else 0

    @property
    def body(self) -> bytes:
        """Body of the last answer."""
        head, _, body = self.raw.partition(b"\r\n\r\n")
        if not _CHUNKED.search(head):
            return body
        pieces, at = [], 0
        while (chunk := _CHUNK.match(body, at)) and (size := int(chunk[1], 16)):
            pieces.append(body[chunk.end() : chunk.end() + size])
            at = chunk.end() + size + 2
        return b"".join(pieces)

    def send(self, request: bytes) -> None:
        """Send a request; the answer to the one before must have come in."""
        self.transport.write(request)

    def close(self) -> None:
        """Close the connection from our side."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass

    def connection_lost(self, error: Exception | None) -> None:
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._parts:
            self._size += len(data)
            self._parts.append(data)
            if self._size < self._need:
                return
            data = b"".join(self._parts)
        need = self._length(data)
        complete = data.endswith(_LAST_CHUNK) if need == _CHUNKED_SIZE else len(data) >= need > 0
        if complete:
            self._parts = []
            self._need = 0
            self.arrived = now
            self.raw = data
            self._answered(self)
        else:
            self._parts = [data]
            self._size = len(data)
            self._need = max(need, 0)

    def _length(self, data: bytes) -> int:
        """Return the bytes that the whole answer has, 0 if that is not known yet."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        found = _LENGTH.search(data, 0, end + 2)
        if found:
            return end + 4 + int(found[1])
        if _CHUNKED.search(data, 0, end + 2):
            return _CHUNKED_SIZE
        raise BenchError(f"expected an answer with a length, found {data[:end]!r}")


async def connect(
    port: int, count: int, answered: Callable[[Connection], None], lost: Callable[[Connection], None]
) -> list[Connection]:
    """Open connections, a few at a time so that none is refused."""
    loop = asyncio.get_running_loop()
    made: list[Connection] = []
    while len(made) < count:
        batch = [
            loop.create_connection(lambda: Connection(answered, lost), HOST, port)
            for _ in range(min(100, count - len(made)))
        ]
        made += [protocol for _, protocol in await asyncio.gather(*batch)]
    return made
