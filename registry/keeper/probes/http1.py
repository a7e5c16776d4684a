"""One HTTP/1.1 request and its answer over a stream.

The protocol is h11's, which is careful but not fast: thousands of tiny headers or chunks would keep it,
and so every other probe, busy for a tenth of a second. So it is fed in small pieces, and an answer
that consists of too many parts is given up, as is one that is too long. All bounds count what was
received, so a trickle and a flood end alike.
"""

import re

import h11

from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.http_request import HttpRequest
from registry.keeper.probes.stream import Stream

HEAD_BYTES = 32 * 1024
HEAD_LINES = 256
"""Most that an answer's head may consist of."""

FRAMING_BYTES = 2048
"""Most that may come in a body without being a part of it: trailers, mostly."""

INTERIM_ANSWERS = 16
"""Most 1xx answers before the final one."""

SHOWN_BYTES = 256
"""Most that is shown of the words after the status, or of what is no HTTP."""

_PIECE_BYTES = 1024
_BYTES_SHOWN = re.compile(r"bytearray\(b(['\"])(.*)\1\)", re.DOTALL)
_BROKEN = "net/http: HTTP/1.x transport connection broken"


class Exchange:
    """A request that has been sent, and what came back.

    Attributes:
        status: three digits.
        status_text: the same as Go shows it, ``404 Not Found``.
        stream: what it goes over.
    """

    def __init__(self, stream: Stream, request: HttpRequest) -> None:
        self.status = 0
        self.status_text = ""
        self.stream = stream
        self._headers: dict[bytes, bytes] = {}
        self._read = b""
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * HEAD_BYTES)
        self._send(request)

    def _send(self, request: HttpRequest) -> None:
        try:
            events: list[h11.Event] = [request.head]
            if request.body:
                events.append(h11.Data(data=request.body))
            events.append(h11.EndOfMessage())
            self.stream.write(b"".join(self._h11.send(event) or b"" for event in events))
        except h11.LocalProtocolError as error:
            raise ProbeFailed(f"net/http: invalid request: {error}") from None

    def header(self, name: str) -> str:
        """Return a header of the answer, "" if it isn't there; its name in lower case."""
        return self._headers.get(name.encode(), b"").decode("utf-8", "replace")

    async def head(self) -> None:
        """Wait for the answer's head.

        Raises:
            ProbeFailed: the connection broke, or what came is not HTTP.
        """
        for _ in range(INTERIM_ANSWERS + 1):
            event = await self._event(HEAD_BYTES, HEAD_LINES)
            if isinstance(event, h11.Response):
                reason = event.reason[:SHOWN_BYTES].decode("utf-8", "replace")
                self.status, self.status_text = event.status_code, f"{event.status_code} {reason}".strip()
                self._headers = dict(event.headers)
                return
        raise ProbeFailed("net/http: too many 1xx informational responses")

    async def more(self) -> bytes:
        """Return the next piece of the body, nothing at its end.

        Raises:
            ProbeFailed: the connection broke before the end, or the body is not as announced.
        """
        event = await self._event(FRAMING_BYTES, FRAMING_BYTES)
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def _event(self, most_bytes: int, most_lines: int) -> h11.Event | None:
        """Return what comes next, None if nothing will; it may take this much and a piece to complete."""
        fed, lines = 0, 0
        try:
            while (event := self._h11.next_event()) is h11.NEED_DATA:
                if fed > most_bytes or lines > most_lines:
                    most = f"{most_bytes} bytes or {most_lines} lines"
                    raise ProbeFailed(f"{_BROKEN}: server response headers exceeded {most}; aborted")
                piece = await self._piece()
                if not piece and self._h11.their_state is h11.SEND_RESPONSE:
                    raise ProbeFailed(f"{_BROKEN}: unexpected EOF" if fed else "EOF")
                fed += len(piece)
                lines += piece.count(b"\n")
                self._h11.receive_data(piece)
        except h11.RemoteProtocolError as error:
            shown = _BYTES_SHOWN.sub(r'"\2"', str(error))[:SHOWN_BYTES]
            raise ProbeFailed(f"{_BROKEN}: malformed HTTP response: {shown}") from None
        return event if isinstance(event, h11.Event) else None

    async def _piece(self) -> bytes:
        if not self._read:
            self._read = await self.stream.read()
        piece, self._read = self._read[:_PIECE_BYTES], self._read[_PIECE_BYTES:]
        return piece

    @property
    def complete(self) -> bool:
        """Whether the answer has ended, nothing came after it, and the connection can be used again."""
        done = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        return done and not self._read and not self._h11.trailing_data[0]

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()
