"""Servers to be killed: small processes, each with a port of its own that it answers on."""

import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from registry.serve.process import die_with_parent

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwell"


class Mortals:
    """Forks this process so many times; those that are left are ended in the end.

    Attributes:
        ports: of all of them.
        pids: of their processes, 0 for those that were killed.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.pids: list[int] = []
        self.ports: Sequence[int] = ()

    def __enter__(self) -> Self:
        listeners = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(self._count)]
        self.ports = [int(listener.getsockname()[1]) for listener in listeners]
        parent = os.getpid()
        for mine in listeners:
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(BaseException):
                    die_with_parent(parent)
                    for other in listeners:
                        if other is not mine:
                            other.close()
                    _serve(mine)
                os._exit(1)
            self.pids.append(pid)
        for listener in listeners:
            listener.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self.pids:
            _end(pid)

    def kill(self, number: int) -> None:
        """End one of them with SIGKILL; nothing listens on its port when this returns."""
        _end(self.pids[number])
        self.pids[number] = 0


def _serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(_ANSWER)


def _end(pid: int) -> None:
    if pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
