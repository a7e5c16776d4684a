"""Room kept back for the day the disk is full, so that deletes can still be committed.

LMDB writes new pages even to delete. A file of a few megabytes lies beside the store; when a commit
finds no room its blocks are given back to the file system, which is enough for thousands of deletes.
It is filled again once the disk has room for it twice over, so that filling it never takes what was
just given back. All processes of a data folder see through its size whether it is held.
"""

import contextlib
import os
from pathlib import Path

RESERVE_BYTES = 4 << 20


class Reserve:
    """The reserve file of one data folder, filled if there is room for it."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size
        self.fill()

    @property
    def held(self) -> bool:
        """Whether the room is kept back at the moment."""
        try:
            return os.stat(self._path).st_size >= self._size
        except OSError:
            return False

    def disk_bytes(self) -> int:
        """Return how many bytes the file system can still take; 0 when it does not say."""
        try:
            free = os.statvfs(self._path.parent)
        except OSError:
            return 0
        return free.f_bavail * free.f_frsize

    def affordable(self) -> bool:
        """Say whether the disk has room for the reserve and as much again."""
        return self.disk_bytes() >= 2 * self._size

    def fill(self) -> bool:
        """Fill the reserve if it is not held and affordable; return whether it is held now."""
        if self.held:
            return True
        if not self.affordable():
            return False
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(fd, 0, self._size)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
        finally:
            os.close(fd)
        return self.held

    def give_back(self) -> None:
        """Return the reserved blocks to the file system."""
        with contextlib.suppress(OSError):
            os.truncate(self._path, 0)

    def disk_is_full(self) -> bool:
        """Say whether the file system reports less free room than the reserve takes."""
        return self.disk_bytes() < self._size
