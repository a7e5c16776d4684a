"""Room kept back for the day the disk is full, so that deletes can still be committed.

LMDB writes new pages even to delete. A file of a few megabytes lies beside the store; when a commit
finds no room its blocks are given back to the file system, which is enough for thousands of deletes.
The file is filled again as soon as there is room, and until then the store counts as full.
"""

import contextlib
import os
from pathlib import Path

RESERVE_BYTES = 4 << 20


class Reserve:
    """The reserve file of one data folder, shared by all its processes through its size.

    Attributes:
        spent: this process knows that the reserve has been given back and not filled since.
    """

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size
        self.spent = not self.fill()

    def fill(self) -> bool:
        """Fill the reserve if it is not full; return whether it is now."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            self.spent = True
            return False
        try:
            if os.fstat(fd).st_size < self._size:
                os.posix_fallocate(fd, 0, self._size)
            self.spent = False
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
            self.spent = True
        finally:
            os.close(fd)
        return not self.spent

    def give_back(self) -> bool:
        """Return the reserved blocks to the file system; say whether that was possible."""
        self.spent = True
        try:
            os.truncate(self._path, 0)
        except OSError:
            return False
        return True

    def disk_is_full(self) -> bool:
        """Say whether the file system reports less free room than the reserve holds."""
        try:
            free = os.statvfs(self._path.parent)
        except OSError:
            return False
        return free.f_bavail * free.f_frsize < self._size
