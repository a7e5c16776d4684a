"""One request at a time on a connection, awaited."""

import asyncio

from bench.load.connection import Connection, connect
from bench.process import BenchError

ANSWERED_WITHIN_S = 20.0


class Asker:
    """A connection whose answers are awaited.

    Attributes:
        connection: what it asks on; holds the last answer.
    """

    connection: Connection

    def __init__(self) -> None:
        self._waiting: asyncio.Future[Connection] | None = None

    def start(self, request: bytes) -> "asyncio.Future[Connection]":
        """Send a request; the future is resolved with the connection that then holds the answer."""
        self._waiting = asyncio.get_running_loop().create_future()
        self.connection.send(request)
        return self._waiting

    async def ask(self, request: bytes) -> Connection:
        """Send a request and wait for its answer.

        Raises:
            BenchError: it is not a 200, or does not come.
        """
        try:
            answered = await asyncio.wait_for(self.start(request), ANSWERED_WITHIN_S)
        except TimeoutError:
            raise BenchError(f"no answer within {ANSWERED_WITHIN_S:g} s to {request[:80]!r}") from None
        if answered.status != 200:
            raise BenchError(f"{request[:80]!r} was answered {answered.status} {answered.body[:200]!r}")
        return answered

    def answered(self, connection: Connection) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(connection)

    def lost(self, _: Connection) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(BenchError("the server closed a connection"))


async def askers(port: int, count: int) -> list[Asker]:
    """Open connections to ask on."""
    made = []
    for _ in range(count):
        asker = Asker()
        (asker.connection,) = await connect(port, 1, asker.answered, asker.lost)
        made.append(asker)
    return made
