"""Errors that become an answer."""


class HttpError(Exception):
    """Ends a request with a status and a plain text, as Consul's errors do.

    Attributes:
        status: HTTP status.
        text: the body, without trailing newline unless Consul's has one.
        headers: further response headers.
        meta: the failed query still carries index headers (a Consul quirk: index 1, no leader).
    """

    def __init__(
        self,
        status: int,
        text: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        *,
        meta: bool = False,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers
        self.meta = meta


class NoEndpoint(HttpError):
    """The path leads to no endpoint, so the answer has none of the headers that endpoints give."""


class ClientGone(Exception):
    """The client closed the connection, or broke the rules of its body; nobody is there to answer."""


class SlowClient(Exception):
    """The client does not take the rest of an answer that has been begun."""
