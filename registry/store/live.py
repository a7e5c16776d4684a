"""What the keeper last saw of each check: a table in memory that it alone writes and workers read.

When a check ran, how long that took and when it runs next changes with every probe, so it must not
touch the disk, and nothing is lost when it is gone. The keeper has one file under ``run/``, mapped into
memory. Entries are found by `registry.store.beats.beat_hash` of the check's key, open addressing.

Guarantees
    - An entry is read as it was written, never half of one and half of the next: it is there twice, and
      its mark says which of the two holds. The keeper writes the other, then counts the mark up; it may
      be stopped or killed at any moment.
    - The table has room for every check. When three quarters of its places have been used, a larger
      one (or one without the places of checks that have gone) takes its name; readers see by the file
      that it is another.
    - Its room on the disk is taken when it is made, so that writing to it can't end the keeper with
      SIGBUS. While there is no room, what does not fit is not published.

Rejected
    - A lock: a reader that is stopped in the middle would stop the keeper.
    - Starting over with each keeper: what a killed one saw is still true, so the next one takes it over.

Cost
    64 bytes for each place: 2 MiB for 20,000 checks, 128 MiB for a million. Two microseconds to write.
    Growing copies all entries, a second for a million.

Times are CLOCK_BOOTTIME nanoseconds, as those of heartbeats.
"""

import contextlib
import logging
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

FILE = "checks.live"
"""The table's name in the folder ``run/``."""

FIRST_PLACES = 1 << 10
"""Places of a table without entries; always a power of two."""

RETRY_NS = 1_000_000_000
"""How long the keeper waits before it tries again to make a table that there was no room for."""

STATUSES = ("", "passing", "warning", "critical")
"""What an entry can say of the last result; "" for none."""

_MAGIC = int.from_bytes(b"chklive1", "little")
_WORDS = 8
"""Of a place: the check's number, the mark, and twice what was seen of it in three words."""

_HEADER_WORDS = 8
_GONE = (1 << 64) - 1
"""The number in a place whose check has gone; it is not given out again, as others lie behind it."""

_TRIES = 1000
"""How often an entry is read again because it was written twice in the meantime."""

_RUNS_BIT, _STATUS_BIT = 32, 30
"""Where those begin in the third word; below them are microseconds, up to 17 minutes of them."""

_MOST_US, _MOST_RUNS = (1 << _STATUS_BIT) - 1, (1 << 32) - 1


class Seen(NamedTuple):
    """What the keeper last saw of a check.

    Attributes:
        last: when it ran last, 0 if it has not.
        next: when it is due, 0 when it follows others and has no time of its own.
        took_us: how long the last run took, in microseconds.
        status: the last run's result, one of `STATUSES`.
        runs: how often it ran since the registry was started.
    """

    last: int = 0
    next: int = 0
    took_us: int = 0
    status: str = ""
    runs: int = 0


class _Table:
    """A mapped file of places.

    Raises:
        OSError: there is no room for it, or no such file.
        ValueError: it is not a table.
    """

    def __init__(self, path: Path, places: int = 0) -> None:
        """Open a table for reading, or make one with so many places."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC if places else os.O_RDONLY
        fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            if places:
                os.posix_fallocate(fd, 0, (_HEADER_WORDS + places * _WORDS) * 8)
            facts = os.fstat(fd)
            self.identity = (facts.st_dev, facts.st_ino)
            protection = mmap.PROT_READ | mmap.PROT_WRITE if places else mmap.PROT_READ
            self._map = mmap.mmap(fd, facts.st_size, prot=protection)
        except OSError:
            if places:
                path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        if facts.st_size < _HEADER_WORDS * 8 or facts.st_size % 8:
            self._map.close()
            raise ValueError(f"{path} is not a table of checks")
        self._words = memoryview(self._map).cast("Q")
        if places:
            self._words[0], self._words[1] = _MAGIC, places
        self.places = self._words[1] if self._words[0] == _MAGIC else 0
        if not self.places or facts.st_size != (_HEADER_WORDS + self.places * _WORDS) * 8:
            self.close()
            raise ValueError(f"{path} is not a table of checks")
        self.used = 0

    def find(self, number: int) -> int:
        """Return where a check's entry begins, 0 if it has none."""
        words, most = self._words, self.places - 1
        for place in range(number & most, (number & most) + self.places):
            at = _HEADER_WORDS + (place & most) * _WORDS
            found = words[at]
            if found == number:
                return at
            if not found:
                break
        return 0

    def free(self, number: int) -> int:
        """Return where the entry of a check that has none may be put; the number itself comes last."""
        words, most = self._words, self.places - 1
        place = number & most
        while words[_HEADER_WORDS + place * _WORDS]:
            place = (place + 1) & most
        self.used += 1
        return _HEADER_WORDS + place * _WORDS

    def add(self, number: int, seen: Seen) -> None:
        """Add the entry of a check that has none."""
        at = self.free(number)
        self.write(at, seen)
        self._words[at] = number

    def write(self, at: int, seen: Seen) -> None:
        """Write an entry."""
        words = self._words
        mark = words[at + 1] + 1
        to = at + (5 if mark & 1 else 2)
        words[to] = seen.last
        words[to + 1] = seen.next
        words[to + 2] = (
            min(seen.runs, _MOST_RUNS) << _RUNS_BIT
            | STATUSES.index(seen.status) << _STATUS_BIT
            | min(seen.took_us, _MOST_US)
        )
        words[at + 1] = mark

    def read(self, at: int) -> Seen:
        """Return an entry."""
        words = self._words
        for _ in range(_TRIES):
            mark = words[at + 1]
            of = at + (5 if mark & 1 else 2)
            last, due, rest = words[of], words[of + 1], words[of + 2]
            if words[at + 1] == mark:
                break
        status = STATUSES[(rest >> _STATUS_BIT) & 3]
        return Seen(last, due, rest & _MOST_US, status, rest >> _RUNS_BIT)

    def remove(self, at: int) -> None:
        """Forget an entry."""
        self._words[at] = _GONE

    def take_over(self, other: "_Table") -> None:
        """Add all entries of another table."""
        mine, theirs = self._words, other._words
        for at in range(_HEADER_WORDS, _HEADER_WORDS + other.places * _WORDS, _WORDS):
            if theirs[at] not in (0, _GONE):
                to = self.free(theirs[at])
                mine[to + 1 : to + _WORDS] = theirs[at + 1 : at + _WORDS]
                mine[to] = theirs[at]

    def close(self) -> None:
        """Unmap the table."""
        self._words.release()
        self._map.close()


class LiveTable:
    """The keeper's side.

    Args:
        run: the folder of the table.
        clock: the time of heartbeats, in nanoseconds.
    """

    def __init__(self, run: Path, clock: Callable[[], int]) -> None:
        self._path = run / FILE
        self._clock = clock
        self._table: _Table | None = None
        self._count = 0
        self._try_at = 0
        self._earlier = _existing(self._path)
        self._renew(FIRST_PLACES)

    def seen(self, number: int) -> Seen:
        """Return what was last published about a check, be it by an earlier keeper."""
        for table in (self._table, self._earlier):
            at = table.find(number) if table else 0
            if at and table:
                return table.read(at)
        return Seen()

    def publish(self, number: int, seen: Seen) -> None:
        """Publish what was seen of the check with this `registry.store.beats.beat_hash`."""
        table = self._table
        at = table.find(number) if table else 0
        if not at:
            table = self._with_room()
            if table is None:
                return
            table.add(number, seen)
            self._count += 1
        elif table is not None:
            table.write(at, seen)

    def forget(self, number: int) -> None:
        """Take back what was published about a check."""
        at = self._table.find(number) if self._table else 0
        if at and self._table:
            self._table.remove(at)
            self._count -= 1

    def forget_earlier(self) -> None:
        """Let go of what an earlier keeper saw; what was asked for and published anew stays."""
        if self._earlier is not None:
            self._earlier.close()
            self._earlier = None

    def close(self) -> None:
        """Unmap the table; its file stays for readers and for the next keeper."""
        self.forget_earlier()
        if self._table is not None:
            self._table.close()
            self._table = None

    def _with_room(self) -> _Table | None:
        """Return a table with a place to give out, None while there is no room for one."""
        table = self._table
        if table is not None and table.used < table.places // 4 * 3:
            return table
        if self._clock() < self._try_at:
            return None
        places = FIRST_PLACES
        while self._count >= places // 2:
            places *= 2
        return self._renew(places)

    def _renew(self, places: int) -> _Table | None:
        """Put a table of so many places, with the entries there are, in the place of this one."""
        draft = self._path.with_suffix(".draft")
        try:
            fresh = _Table(draft, places)
        except (OSError, ValueError) as error:
            logger.warning("there is no room for the table of what checks do; it is not shown: %s", error)
            self._try_at = self._clock() + RETRY_NS
            return None
        if self._table is not None:
            fresh.take_over(self._table)
            self._table.close()
        draft.replace(self._path)
        self._table = fresh
        return fresh


class LiveReader:
    """A worker's side; costs a look at the file for each `refresh` and nothing before the first.

    Args:
        run: the folder of the table.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / FILE
        self._table: _Table | None = None

    def refresh(self) -> None:
        """Turn to the table that has the name now."""
        if self._table is not None:
            with contextlib.suppress(FileNotFoundError):
                facts = os.stat(self._path)
                if self._table.identity == (facts.st_dev, facts.st_ino):
                    return
        fresh = _existing(self._path)
        if fresh is not None:
            self.close()
            self._table = fresh

    def seen(self, number: int) -> Seen | None:
        """Return what the keeper last saw of a check, None when it does not look after it."""
        if self._table is None:
            return None
        at = self._table.find(number)
        return self._table.read(at) if at else None

    def close(self) -> None:
        """Unmap the table."""
        if self._table is not None:
            self._table.close()
            self._table = None


def _existing(path: Path) -> _Table | None:
    try:
        return _Table(path)
    except (OSError, ValueError):
        return None  # nobody has made one yet
