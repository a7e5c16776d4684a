"""Reading a request body within its limits: Granian bounds neither its size nor its time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from registry.http.errors import ClientGone, HttpError


class Body:
    """The body of one request.

    Args:
        headers, receive: of the request.
        bytes_max, timeout_s: how large it may be, and how long it may take.
    """

    __slots__ = ("_bytes_max", "_headers", "_receive", "_timeout_s", "_touched")

    def __init__(
        self,
        headers: Mapping[bytes, bytes],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        bytes_max: int,
        timeout_s: float,
    ) -> None:
        self._headers = headers
        self._receive = receive
        self._bytes_max = bytes_max
        self._timeout_s = timeout_s
        self._touched = False

    async def read(self) -> bytes:
        """Return the whole body; call it once. Errors as `read_body`."""
        self._touched = True
        return await read_body(self._headers, self._receive, self._bytes_max, self._timeout_s)

    async def pass_over(self) -> None:
        """Take everything in that belongs to the body, so that only the client's going can still be received.

        Errors as `read_body`.
        """
        self._touched = True
        await read_body(self._headers, self._receive, self._bytes_max, self._timeout_s, to_the_end=True)

    async def finish(self) -> None:
        """Take in what nobody has read, as Go's server does.

        The server under us cuts a connection on which a body is still to come when the answer has been
        sent, without a word; the client then loses its next request.
        """
        declared = self._headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in self._headers
        if declared and not self._touched:
            with contextlib.suppress(HttpError, ClientGone):
                await self.read()


async def read_body(
    headers: Mapping[bytes, bytes],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    bytes_max: int,
    timeout_s: float,
    *,
    to_the_end: bool = False,
) -> bytes:
    """Return the whole body.

    Behind its declared length only an empty event follows, whose round trip through the loop is saved
    unless it is wanted ``to_the_end``.

    A declared length past the limit is refused before anything is read, so that a client which waits
    for ``100 Continue`` never sends it; a chunked body is refused as soon as it passes the limit.

    Raises:
        HttpError: 413 past ``bytes_max``, 408 past ``timeout_s``.
        ClientGone: the connection closed, or the chunks were malformed.
    """
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > bytes_max:
        raise _too_large(bytes_max, int(declared))
    expected = int(declared) if declared.isdigit() and not to_the_end else -1
    chunks: list[bytes] = []
    size = 0
    with _Deadline(timeout_s) as deadline:
        try:
            while True:
                event = await receive()
                if event["type"] != "http.request":
                    raise ClientGone
                chunk = event.get("body", b"")
                size += len(chunk)
                if size > bytes_max:
                    raise _too_large(bytes_max, size)
                if size == expected and not chunks:
                    return bytes(chunk)
                chunks.append(chunk)
                if size == expected or not event.get("more_body"):
                    return b"".join(chunks)
        except asyncio.CancelledError:
            if not deadline.passed():
                raise
    raise HttpError(
        408, f"Request body took longer than {timeout_s:g} s to arrive; {size} bytes were received"
    )


class _Deadline:
    """Cancels the task that enters it when its time is up: `asyncio.timeout` at a third of its price.

    Every write pays for this, and all that it needs is one timer.
    """

    __slots__ = ("_task", "_timer", "_up")

    def __init__(self, seconds: float) -> None:
        self._up = False
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._cancel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def passed(self) -> bool:
        """Say whether a cancellation is this deadline's; it is taken back then."""
        if self._up and self._task is not None:
            return self._task.uncancel() == 0
        return False

    def _cancel(self) -> None:
        self._up = True
        if self._task is not None:
            self._task.cancel()


def _too_large(bytes_max: int, found: int) -> HttpError:
    return HttpError(413, f"Request body too large, max allowed is {bytes_max} bytes, found at least {found}")
