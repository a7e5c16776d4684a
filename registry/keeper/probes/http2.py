"""A client's side of an HTTP/2 connection, for the little that probes need of it.

The protocol is h2's, which takes its time with each frame. A probe has its answer after a few frames of
a few hundred bytes, so the other side may not send much more than that.
"""

from collections import deque

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.stream import Stream

MOST_BYTES = 16 * 1024
MOST_EVENTS = 64
"""Most that the other side may send in all: bytes, and frames that mean something."""

HEADER_BYTES = 8 * 1024
"""Most that a block of headers may amount to, as RFC 9113 counts it."""

_PIECE_BYTES = 1024
_TYPE_AT, _SETTINGS = 3, 4
"""Where in a frame its type is, and the one that a server has to begin with."""


class Http2:
    """A connection whose preface has been sent.

    Attributes:
        h2: for what to send; it goes out at `next`.
    """

    def __init__(self, stream: Stream) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.decoder.max_header_list_size = HEADER_BYTES
        self.h2.initiate_connection()
        self._stream = stream
        self._events: deque[h2.events.Event] = deque()
        self._received = 0
        self._seen = 0

    async def next(self) -> h2.events.Event:
        """Send what is to be sent and return what happens next.

        Raises:
            ProbeFailed: the connection ended, or the other side does not speak HTTP/2.
        """
        while not self._events:
            self._flush()
            self._take(await self._stream.read())
        event = self._events.popleft()
        if isinstance(event, h2.events.ConnectionTerminated):
            raise ProbeFailed(f"http2: server sent GOAWAY, error code {event.error_code}")
        return event

    def _take(self, data: bytes) -> None:
        if not data:
            raise ProbeFailed("connection closed")
        if not self._received and len(data) > _TYPE_AT and data[_TYPE_AT] != _SETTINGS:
            raise ProbeFailed("http2: the server does not speak HTTP/2: its first frame is not SETTINGS")
        self._received += len(data)
        if self._received > MOST_BYTES:
            raise ProbeFailed(f"http2: the answer exceeded {MOST_BYTES} bytes; aborted")
        for start in range(0, len(data), _PIECE_BYTES):
            try:
                events = self.h2.receive_data(data[start : start + _PIECE_BYTES])
            except h2.exceptions.ProtocolError as error:
                raise ProbeFailed(f"http2: {error}") from None
            self._events.extend(events)
            self._seen += len(events)
            if self._seen > MOST_EVENTS:
                raise ProbeFailed(f"http2: the answer exceeded {MOST_EVENTS} events; aborted")

    def _flush(self) -> None:
        data = self.h2.data_to_send()
        if data:
            self._stream.write(data)
