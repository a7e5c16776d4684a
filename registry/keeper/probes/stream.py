"""One connection of one probe, with or without TLS, whose failures come in Go's words."""

import asyncio
import socket
import ssl
from types import TracebackType
from typing import Self

from registry.keeper.probes.dialer import Dialer
from registry.keeper.probes.failure import ProbeFailed, reason
from registry.keeper.probes.target import Target
from registry.keeper.probes.tls import Tls, explain

READ_BYTES = 16 * 1024
"""Most that one read returns; twice as much may be held before the peer has to wait."""


class HandshakeFailed(ProbeFailed):
    """The connection was made, but TLS was not."""


class Stream:
    """Bytes to and from a target.

    Leaving the ``with`` block closes the connection, without waiting for the other side.

    Attributes:
        address: whom it goes to: ``127.0.0.1:80``.
        made: loop time of when it was made.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str, name: str = ""
    ) -> None:
        self.address = where.partition(" ")[2]
        self.made = asyncio.get_running_loop().time()
        self._reader = reader
        self._writer = writer
        self._where = where
        self._name = name

    async def read(self) -> bytes:
        """Return what has come, at most `READ_BYTES`; nothing means that the other side is done.

        Raises:
            ProbeFailed: the connection broke.
        """
        try:
            return await self._reader.read(READ_BYTES)
        except ssl.SSLError as error:
            raise ProbeFailed(explain(error, self._name)) from None
        except OSError as error:
            raise ProbeFailed(f"read {self._where}: read: {reason(error)}") from None

    def write(self, data: bytes) -> None:
        """Send this; what can't be sent yet is kept. A broken connection shows at the next read."""
        self._writer.write(data)

    def close(self) -> None:
        """Close the connection.

        TLS takes its leave, so that the other side has nothing to complain about, but does not wait
        for an answer; plain TCP has no leave to take.
        """
        transport = self._writer.transport
        if self._name:
            self._writer.close()
            asyncio.get_running_loop().call_soon(transport.abort)
        else:
            transport.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.transport.abort()


async def open_stream(dialer: Dialer, target: Target, tls: Tls | None) -> Stream:
    """Connect to a target.

    Raises:
        HandshakeFailed: it does not speak TLS with us, or is not whom it should be.
        ProbeFailed: it can't be connected to.
    """
    sock, where = await dialer.connect(target)
    if tls is None:
        reader, writer = await _wrap(sock)
        return Stream(reader, writer, f"tcp {where}")
    name = tls.server_name or target.host.rstrip(".") or "localhost"
    try:
        reader, writer = await _wrap(sock, tls.context, name)
    except ssl.SSLError as error:
        raise HandshakeFailed(explain(error, name)) from None
    except OSError as error:
        raise HandshakeFailed(f"read tcp {where}: read: {reason(error)}") from None
    except ValueError as error:  # what can't be a name at all
        raise HandshakeFailed(f"x509: certificate is not valid for {name}: {error}") from None
    return Stream(reader, writer, f"tcp {where}", name)


async def open_unix_stream(path: str) -> Stream:
    """Connect to a unix socket.

    Raises:
        ProbeFailed: nothing listens there: ``dial unix /x: connect: no such file or directory``.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=READ_BYTES)
    except OSError as error:
        raise ProbeFailed(f"dial unix {path}: connect: {reason(error)}") from None
    return Stream(reader, writer, f"unix {path}")


async def _wrap(
    sock: socket.socket, context: ssl.SSLContext | None = None, name: str | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name, limit=READ_BYTES)
    except BaseException:
        sock.close()
        raise
