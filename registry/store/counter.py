"""The number of the last committed transaction, read from shared memory in 40 ns.

LMDB keeps it in its lock file at a place that is not documented, so it is believed only if it says what
`lmdb.Environment.info` says, after a commit too; otherwise that slower function is asked each time.

LMDB also holds fcntl locks on that file, by which processes know of each other, and the kernel drops
them as soon as a process closes any descriptor of it. The next process to open the environment would
then take it for unused and lay out the lock file anew, write lock and readers included, while others
use it. What is opened here is therefore closed after the environment and not before.
"""

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb

from registry.store.change import pack_row

_SLOT = 6
"""Offset 48 of lock.mdb, in 8-byte words: the last committed transaction (LMDB 0.9, x86-64 and arm64)."""

_PROBES = 20
_PROBE_KEY = b"probe"


class Counter:
    """The counter of one open environment.

    Args:
        env: the environment.
        meta: its table for the probe row.
        lock_file: its lock file.

    Attributes:
        read: returns the number; not to be called after `close`.
    """

    def __init__(self, env: Any, meta: Any, lock_file: Path) -> None:
        self._env = env
        self._fd = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
        self._map: mmap.mmap | None = None
        self._words: memoryview | None = None
        self.read: Callable[[], int] = self._ask
        if os.fstat(self._fd).st_size < (_SLOT + 1) * 8:
            return
        self._map = mmap.mmap(self._fd, 0, prot=mmap.PROT_READ)
        self._words = words = memoryview(self._map).cast("Q")
        if self._agrees(words, meta):
            self.read = lambda: words[_SLOT]

    def close(self) -> None:
        """Let go of the lock file; the environment must have been closed before."""
        if self._words is not None:
            self._words.release()
        if self._map is not None:
            self._map.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _ask(self) -> int:
        return int(self._env.info()["last_txnid"])

    def _agrees(self, words: memoryview, meta: Any) -> bool:
        """Say whether the slot follows what LMDB says, a commit included."""
        for _ in range(_PROBES):
            try:
                with self._env.begin(write=True) as txn:
                    before = words[_SLOT]
                    agrees = before == self._ask()
                    txn.put(_PROBE_KEY, pack_row(_PROBE_KEY, 0, 0, os.urandom(8)), db=meta)
            except lmdb.Error:
                return False  # a full disk is no reason not to start: reading goes on without the slot
            # Another process may commit in between; only a quiet moment proves anything.
            after = words[_SLOT]
            if agrees and after == self._ask() == words[_SLOT] and after > before:
                return True
        return False
