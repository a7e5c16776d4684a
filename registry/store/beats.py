"""Heartbeats of TTL checks: a table in memory that workers write, for the keeper and whoever asks.

A heartbeat that changes nothing must not touch the disk, and comes in by the thousand through any
worker. So each worker has a file of its own under ``run/``, mapped into memory: nobody else writes it,
hence no locks, and it outlives the worker until the keeper has read what it says. Entries are found by
the hash of the check's key, open addressing; a table that is crowded at one place drops the heartbeat's
oldest neighbour there, which costs that check nothing but its next heartbeat.

A table's room on the disk is taken when it is made: a page that the disk could not give later would end
the worker with SIGBUS in the middle of a heartbeat. While there is no room for it, heartbeats are lost.

Times are CLOCK_BOOTTIME nanoseconds: the same for all processes of a boot, and not adjusted.
"""

import hashlib
import logging
import mmap
import os
import time
from pathlib import Path

logger = logging.getLogger(__name__)

SLOTS = 1 << 18
"""Entries of a table; a file of 4 MiB."""

RETRY_NS = 1_000_000_000
"""How long a worker without a table waits before it tries to make one again."""

_NEIGHBOURS = 64
_SUFFIX = ".beats"


def beat_clock() -> int:
    """Return the time that heartbeats are stamped with, in nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def beat_hash(key: str) -> int:
    """Return the 64-bit number under which a check's heartbeats are kept; never 0."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") or 1


class BeatTable:
    """One table: the writing side of a worker, or the reading side of the keeper.

    Raises:
        OSError: there is no room for it, or no such table.
    """

    def __init__(self, path: Path, *, write: bool) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT if write else os.O_RDONLY
        fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            if write:
                os.posix_fallocate(fd, 0, SLOTS * 16)
            protection = mmap.PROT_READ | mmap.PROT_WRITE if write else mmap.PROT_READ
            self._map = mmap.mmap(fd, SLOTS * 16, prot=protection)
        except OSError:
            if write:
                path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        self._words = memoryview(self._map).cast("Q")

    def beat(self, number: int, now: int) -> None:
        """Note a heartbeat of the check with this `beat_hash`."""
        words = self._words
        oldest, oldest_at = now, -1
        for step in range(_NEIGHBOURS):
            at = ((number + step) % SLOTS) * 2
            found = words[at]
            if found in (0, number):
                words[at + 1] = now
                words[at] = number
                return
            if words[at + 1] <= oldest:
                oldest, oldest_at = words[at + 1], at
        words[oldest_at + 1] = now
        words[oldest_at] = number

    def last(self, number: int) -> int:
        """Return the time of a check's last heartbeat, 0 if there has been none."""
        words = self._words
        for step in range(_NEIGHBOURS):
            at = ((number + step) % SLOTS) * 2
            if words[at] == number:
                return words[at + 1]
            if not words[at]:
                return 0
        return 0

    def entries(self) -> dict[int, int]:
        """Return all heartbeats by number."""
        words = self._words
        return {words[at]: words[at + 1] for at in range(0, SLOTS * 2, 2) if words[at]}

    def close(self) -> None:
        """Unmap the table."""
        self._words.release()
        self._map.close()


class OwnTable:
    """This process's table, made as soon as there is room for it."""

    def __init__(self, run: Path) -> None:
        self._path = run / f"{os.getpid()}{_SUFFIX}"
        self._table: BeatTable | None = None
        self._try_at = 0
        self._make(beat_clock())

    def beat(self, number: int, now: int) -> None:
        """Note a heartbeat of the check with this `beat_hash`."""
        if self._table is None and now >= self._try_at:
            self._make(now)
        if self._table is not None:
            self._table.beat(number, now)

    def close(self) -> None:
        """Unmap the table."""
        if self._table is not None:
            self._table.close()

    def _make(self, now: int) -> None:
        try:
            self._table = BeatTable(self._path, write=True)
        except OSError as error:
            logger.warning("there is no room for the table of heartbeats, which are lost: %s", error)
            self._try_at = now + RETRY_NS


def own_table(run: Path) -> OwnTable:
    """Open this process's table for writing."""
    return OwnTable(run)


class Beats:
    """All workers' tables, as the keeper reads them.

    Args:
        run: the folder of the tables.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._tables: dict[str, BeatTable] = {}
        self._kept: dict[int, int] = {}
        self._seen_mtime = -1

    def last(self, number: int) -> int:
        """Return the time of a check's last heartbeat through any worker, 0 if there has been none."""
        last = self._kept.get(number, 0)
        for table in self._tables.values():
            last = max(last, table.last(number))
        return last

    def find_new(self) -> None:
        """Open new workers' tables, close those that were removed; costs nothing while there are none."""
        mtime = self._run.stat().st_mtime_ns
        if mtime == self._seen_mtime:
            return
        self._seen_mtime = mtime
        names = {name for name in os.listdir(self._run) if name.endswith(_SUFFIX)}
        for name in self._tables.keys() - names:
            self._tables.pop(name).close()
        for name in names - self._tables.keys():
            try:
                self._tables[name] = BeatTable(self._run / name, write=False)
            except (OSError, ValueError):
                self._seen_mtime = -1  # it is just being made; look again

    def look_around(self) -> None:
        """Open the tables of new workers; keep what dead ones say and remove theirs."""
        self.find_new()
        for name in list(self._tables):
            if not _alive(name.removesuffix(_SUFFIX)):
                self._retire(name)

    def forget_before(self, oldest: int) -> None:
        """Forget what dead workers said before a time."""
        self._kept = {number: last for number, last in self._kept.items() if last >= oldest}

    def close(self) -> None:
        """Unmap all tables."""
        for table in self._tables.values():
            table.close()
        self._tables.clear()

    def _retire(self, name: str) -> None:
        table = self._tables.pop(name, None)
        if table is not None:
            for number, last in table.entries().items():
                self._kept[number] = max(last, self._kept.get(number, 0))
            table.close()
        (self._run / name).unlink(missing_ok=True)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
