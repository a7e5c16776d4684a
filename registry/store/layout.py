"""The data folder: what lies where, who may read it, and who holds it.

DIR/             0700
  registry.lock  held by the one supervisor of the folder (flock)
  keeper.lock    held by the one keeper
  store/         the LMDB environment (data.mdb, lock.mdb); write.lock, held by who commits; notes that
                 the data has existed (created) and was closed properly (closed)
  warm           requests whose answers are made again at a start
  reserve        bytes given back when the disk is full, so that deletes still work
  run/           a datagram socket a process, a table of heartbeats a worker, named by pid;
                 what the keeper last saw of each check; what each process counted
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from registry.store.errors import StoreInUse

FOLDER_MODE = 0o700
FILE_MODE = 0o600
ORPHANS_LEAVE_WITHIN_S = 12.0
"""How long a start waits for the workers of a killed supervisor; above the drain budget."""


class DataFolder:
    """Paths inside a data folder.

    Attributes:
        root: the folder itself.
        store: the LMDB environment's folder.
        run: where the processes' wake-up sockets lie.
        reserve: the file whose bytes are given back on a full disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = root / "store"
        self.run = root / "run"
        self.reserve = root / "reserve"
        self.lock_file = root / "registry.lock"

    def prepare(self) -> None:
        """Create what is missing and set the modes, whatever the umask.

        Raises:
            OSError: a folder can't be created or is not ours to change.
        """
        for folder in (self.root, self.store, self.run):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(FOLDER_MODE)

    def hold(self) -> int:
        """Take the folder for this process and return the descriptor that holds it.

        The kernel lets go of it when the process ends, however it ends.

        Raises:
            StoreInUse: another process has it.
        """
        fd = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        deadline = time.monotonic() + ORPHANS_LEAVE_WITHIN_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
                # The workers of a supervisor that was killed still hold its lock while they finish.
                if _alive(holder) or time.monotonic() > deadline:
                    os.close(fd)
                    raise StoreInUse(
                        f"the data folder {self.root} is in use by process {holder or 'unknown'}; "
                        "stop that registry or start this one with another --data-dir"
                    ) from None
                time.sleep(0.05)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        return fd

    def held_since(self) -> float:
        """Return when the registry that holds the folder took it, in seconds since the epoch."""
        return self.lock_file.stat().st_mtime

    def clear_sockets(self) -> None:
        """Remove what processes of an earlier start left in ``run/``. Call it while holding the folder."""
        for leftover in self.run.iterdir():
            with contextlib.suppress(OSError):
                leftover.unlink()


def _alive(holder: str) -> bool:
    """Say whether the process whose number the lock file shows still runs.

    One that has ended and waits for its parent to notice does not.
    """
    try:
        stat = Path(f"/proc/{int(holder)}/stat").read_text()
    except (ValueError, OSError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
