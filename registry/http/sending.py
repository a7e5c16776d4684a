"""Sending answers, responses and errors: headers, entity tags, compression, and bodies in pieces."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from itertools import count, repeat
from typing import Any

from registry.http.answer import STREAM_FROM_BYTES, Answer, Headers
from registry.http.cache import AnswerCache, Key
from registry.http.errors import HttpError, NoEndpoint, SlowClient
from registry.http.reads import COMMON, FAILED_META, NOSNIFF
from registry.http.request import Response

Send = Callable[[dict[str, Any]], Awaitable[None]]

PIECE_BYTES = 1 << 18
REQUEST_ID, REQUEST_ID_MAX = b"x-request-id", 128
MEMO_MAX, MEMO_VALUE_MAX = 1024, 256
TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Sender:
    """What one worker sends.

    Args:
        answers: the cache, which is told when an answer grows by its compressed form.
        write_timeout_s: seconds after which a client that takes nothing of a large body is let go.

    Attributes:
        fresh_ids: headers with an ID for a request that came without one; each is this worker's next.
    """

    def __init__(self, answers: AnswerCache, write_timeout_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._answers = answers
        self._write_timeout_s = write_timeout_s
        self._loop = loop
        self._gzip_memo: dict[bytes, bool] = {}
        # Put together in C: every cached lookup takes one.
        numbered = f"{os.urandom(6).hex()}-%x".encode().__mod__
        self.fresh_ids: Iterator[tuple[bytes, bytes]] = zip(
            repeat(REQUEST_ID), map(numbered, count(1)), strict=False
        )

    async def answer(
        self, send: Send, answer: Answer, key: Key, headers: dict[bytes, bytes], request_id: bytes
    ) -> None:
        """Send an answer: whole, compressed, or as "not modified", as the request's headers ask for."""
        known = headers.get(b"if-none-match", b"")
        if known and answer.etag and _matches(known, answer.etag):
            kept = [pair for pair in answer.headers if pair[0] != b"content-type"]
            await self._parts(send, 304, kept, b"", request_id)
            return
        if self.accepts_gzip(headers.get(b"accept-encoding", b"")):
            if answer.large:
                # zlib lets go of the GIL, so a large body is compressed beside the loop.
                await asyncio.to_thread(answer.gzipped)
            answer = self.gzipped(answer, key)
        await self._parts(send, answer.status, answer.headers, answer.body, request_id)

    async def response(self, send: Send, response: Response, request_id: bytes) -> None:
        """Send what a write has made."""
        headers: Headers = [*COMMON, *response.headers]
        if response.content_type:
            headers.append((b"content-type", response.content_type))
        await self._parts(send, response.status, headers, response.body, request_id)

    async def error(self, send: Send, error: HttpError, request_id: bytes) -> None:
        """Send a refusal."""
        common = [NOSNIFF] if isinstance(error, NoEndpoint) else COMMON
        headers: Headers = [*error.headers, *common]
        if error.meta:
            headers += FAILED_META
        if error.text and error.status != 301:
            headers.append(TEXT)
        await self._parts(send, error.status, headers, error.text.encode(), request_id)

    async def _parts(self, send: Send, status: int, headers: Headers, body: bytes, request_id: bytes) -> None:
        start = {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (REQUEST_ID, request_id)],
        }
        if len(body) <= STREAM_FROM_BYTES:
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        view = memoryview(body)
        try:
            async with asyncio.timeout(self._write_timeout_s) as deadline:
                await send(start)
                for at in range(0, len(body), PIECE_BYTES):
                    more = at + PIECE_BYTES < len(body)
                    piece = view[at : at + PIECE_BYTES]
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
                    deadline.reschedule(self._loop.time() + self._write_timeout_s)
        except TimeoutError:
            # Raising makes the server cut the connection: the client must not take half for the whole.
            raise SlowClient(
                f"a client took no data for {self._write_timeout_s:g} s; its connection is closed"
            ) from None

    def gzipped(self, answer: Answer, key: Key) -> Answer:
        """Return the compressed form of the answer under a key, the answer itself when that does not pay."""
        size = answer.size
        compressed = answer.gzipped()
        if answer.size != size:
            self._answers.grew(key)
        return compressed

    def accepts_gzip(self, value: bytes) -> bool:
        """Say whether an Accept-Encoding header takes gzip."""
        known = self._gzip_memo.get(value)
        if known is None:
            known = _accepts_gzip(value.decode("latin-1"))
            if len(self._gzip_memo) < MEMO_MAX and len(value) <= MEMO_VALUE_MAX:
                self._gzip_memo[value] = known
        return known

    def request_id(self, given: bytes) -> bytes:
        """Return the ID that a request is known by: the client's own, if it is short and printable."""
        if given and len(given) <= REQUEST_ID_MAX and given.isascii() and given.decode().isprintable():
            return given
        return next(self.fresh_ids)[1]


def _matches(if_none_match: bytes, etag: bytes) -> bool:
    """Compare entity tags weakly (RFC 9110, section 13.1.2)."""
    if if_none_match.strip() == b"*":
        return True
    opaque = etag.removeprefix(b"W/")
    return any(tag.strip().removeprefix(b"W/") == opaque for tag in if_none_match.split(b","))


def _accepts_gzip(value: str) -> bool:
    """Say whether an Accept-Encoding header takes gzip (RFC 9110, section 12.5.3); ``*`` does not count."""
    for item in value.lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() == "gzip":
            digits = weight.strip().removeprefix("q=").strip()
            return not digits or digits.strip("0.") != ""
    return False
