"""Whose turn it is to write: a kernel file lock in front of LMDB's own.

LMDB orders writers by a robust mutex in shared memory. When a process is killed while others wait for
that mutex, a waiter's wake-up can be lost with it: seen under repeated ``kill -9`` with 256 connections
writing, a writer then slept for good while the others went on. A file lock is the kernel's: it is handed
on when its holder ends, however it ends. Taken first, it keeps LMDB's mutex from ever being waited for.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from registry.store.layout import FILE_MODE


class WriteLock:
    """The lock of one process on a store; its threads must take turns by themselves."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waiting for it lets go of the interpreter."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file; harmless when that has been done."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
