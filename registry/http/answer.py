"""A finished response to a read: prebuilt headers and body, its index, and what it was made from."""

import zlib
from typing import Final

Headers = list[tuple[bytes, bytes]]

GZIP_FROM_BYTES: Final = 1400
"""Consul's threshold: smaller bodies are sent as they are."""

STREAM_FROM_BYTES: Final = 1 << 20
"""Larger bodies are sent in pieces, so that a slow reader does not hold a copy of the whole."""

_OVERHEAD: Final = 1500
"""Bytes that an answer occupies besides its bodies: objects, headers, cache entries."""


class Result:
    """What a read handler returns.

    Attributes:
        body: the response body.
        topics: what it was made from; its index is the highest of theirs.
        status, content_type, headers: of the response.
        digest: content hash, for endpoints that block on it.
    """

    __slots__ = ("body", "content_type", "digest", "headers", "status", "topics")

    def __init__(
        self,
        body: bytes,
        topics: tuple[str, ...],
        *,
        status: int = 200,
        content_type: bytes = b"application/json",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        digest: str = "",
    ) -> None:
        self.body = body
        self.topics = topics
        self.status = status
        self.content_type = content_type
        self.headers = headers
        self.digest = digest


class Answer:
    """A response ready to be sent any number of times. Its parts are shared and never changed.

    Attributes:
        status, headers, body: of the response; `headers` has no request id and no content encoding.
        etag: value of the ETag header, b"" for none.
        index: the X-Consul-Index that it shows, 0 for none.
        large: whether the body is sent in pieces.
        topics, digest: as in `Result`.
        used: asked for since the cache last looked.
    """

    __slots__ = (
        "_gzip",
        "body",
        "body_event",
        "digest",
        "etag",
        "headers",
        "index",
        "large",
        "status",
        "topics",
        "used",
    )

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: bytes,
        *,
        index: int = 0,
        etag: bytes = b"",
        topics: tuple[str, ...] = (),
        digest: str = "",
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.body_event = {"type": "http.response.body", "body": body}
        self.large = len(body) > STREAM_FROM_BYTES
        self.index = index
        self.etag = etag
        self.topics = topics
        self.digest = digest
        self.used = False
        self._gzip: Answer | None = None

    @property
    def size(self) -> int:
        """Bytes of memory that keeping the answer takes, its compressed form included."""
        own = len(self.body) + _OVERHEAD
        return own + self._gzip.size if self._gzip else own

    def gzipped(self) -> "Answer":
        """Return the answer compressed, itself when that does not pay; computed once."""
        if self._gzip is None:
            if len(self.body) < GZIP_FROM_BYTES:
                return self
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            body = packer.compress(self.body) + packer.flush()
            headers = [*self.headers, (b"content-encoding", b"gzip")]
            self._gzip = Answer(self.status, headers, body, index=self.index, etag=self.etag)
        return self._gzip
