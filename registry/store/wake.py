"""Telling the other processes that there may be new changes.

Each process that serves a data folder binds a datagram socket ``run/<pid>.sock``; whoever commits
sends an empty datagram to all the others. A datagram is only a hint: the truth is the store's
counter, which every reader also checks by itself, so a lost one costs a fallback tick and no more.

Keyed by pid and not by worker number, because an old worker and its replacement live at the same
time. A shared eventfd was rejected for that reason: the first reader would take the wake-up of both.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".sock"
"""How the names of the sockets end; what else lies in the folder is not ours."""

TICK_NS = 1_000_000_000
"""Above the grain of any file system's times."""


class WakeSocket:
    """This process's socket, and the way to everybody else's."""

    def __init__(self, run: Path) -> None:
        # A path through the descriptor stays below the 108 bytes a socket address may have.
        self._folder = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._name = f"{os.getpid()}{SUFFIX}"
        self._path = run / self._name
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(self._address(self._name))
        self._path.chmod(0o600)
        self._run = run
        self._seen_mtime = -1
        self._others: list[str] = []

    def listen(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once for any number of datagrams that have come in."""

        def drain() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._socket.recv(16)
            callback()

        loop.add_reader(self._socket, drain)

    def wake_others(self) -> None:
        """Send every other process a hint. Callable from any thread; never blocks, never raises."""
        for name in self._listing():
            try:
                self._socket.sendto(b"", self._address(name))
            except BlockingIOError:
                continue  # its queue is full, so it has a wake-up already
            except (ConnectionRefusedError, FileNotFoundError):
                with contextlib.suppress(OSError):
                    (self._run / name).unlink()
            except OSError:
                continue

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop listening and remove the socket."""
        loop.remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        os.close(self._folder)

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self._folder}/{name}"

    def _listing(self) -> list[str]:
        """Return the others' sockets; as last seen when the folder can't be read, for want of files say."""
        with contextlib.suppress(OSError):
            mtime = os.stat(self._folder).st_mtime_ns
            if mtime != self._seen_mtime:
                names = os.listdir(self._folder)
                self._others = [name for name in names if name.endswith(SUFFIX) and name != self._name]
                # File times move in ticks: what came in the same tick as the listing may be missing from it.
                settled = time.time_ns() - mtime > TICK_NS
                self._seen_mtime = mtime if settled else -1
        return self._others
