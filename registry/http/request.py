"""What handlers are given and what they give back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from registry.http.options import Options
from registry.wire.encode import pretty

W = TypeVar("W")
"""The world that handlers work on: what `registry.api` makes available to them."""


class Read(Generic[W]):
    """A read: the argument, the parameters and the world; the same read always means the same answer.

    Attributes:
        world: what the handler reads from.
        argument: rest of the path behind the route's prefix.
        params: query parameters with all their values.
        options: the parameters that all reads share.
        accept_text: the Accept header begins with text/plain.
    """

    __slots__ = ("accept_text", "argument", "options", "params", "world")

    def __init__(
        self,
        world: W,
        argument: str,
        params: Mapping[str, list[str]],
        options: Options,
        *,
        accept_text: bool = False,
    ) -> None:
        self.world = world
        self.argument = argument
        self.params = params
        self.options = options
        self.accept_text = accept_text

    def first(self, name: str) -> str:
        """Return the first value of a parameter, "" when it is absent."""
        values = self.params.get(name)
        return values[0] if values else ""


class Request(Generic[W]):
    """A request that is handled once: its body can be read, and it may change things.

    Attributes:
        world, argument, params: as in `Read`.
        headers: first value of each header, names in lower case.
        body: reads the whole body. Raises HttpError 413 past the limit, 408 when it takes too long.
    """

    __slots__ = ("argument", "body", "headers", "params", "world")

    def __init__(
        self,
        world: W,
        argument: str,
        params: Mapping[str, list[str]],
        headers: Mapping[bytes, bytes],
        body: Callable[[], Awaitable[bytes]],
    ) -> None:
        self.world = world
        self.argument = argument
        self.params = params
        self.headers = headers
        self.body = body

    def first(self, name: str) -> str:
        """Return the first value of a parameter, "" when it is absent."""
        values = self.params.get(name)
        return values[0] if values else ""


class Response:
    """What a write answers: 200 with an empty body unless said otherwise."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        content_type: bytes = b"",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = headers

    def laid_out(self) -> "Response":
        """Return the same with a JSON body as ``?pretty`` asks for."""
        if self.content_type != b"application/json":
            return self
        return Response(
            pretty(self.body), status=self.status, content_type=self.content_type, headers=self.headers
        )


TRUE = Response(b"true", content_type=b"application/json")
"""The answer of catalog writes."""

EMPTY = Response()
"""The answer of agent writes."""
