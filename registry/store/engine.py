"""The local engine: LMDB holds the tables and the ordered change log, its write lock is the order.

Guarantees
    - A change is one LMDB transaction's part: its rows and its log entry are there together or not
      at all, and after `commit_batch` returns they are on disk (``sync`` and ``metasync`` are on).
    - Indexes are contiguous: the log has an entry for every index from its first to its last, so
      a hole at the head tells a reader that it fell behind. The last entry is never trimmed, so the
      newest index survives everything that the data survives.
    - Guards are checked inside the write transaction, against everything committed before it,
      earlier changes of the same batch included.

Rejected
    - ``writemap``: a full disk is then a SIGBUS. ``metasync=False``: an acknowledged write could be
      lost in a power cut.
    - Resizing the map: concurrent resizing by several processes is unsafe. One large reservation
      costs nothing; what is refused beyond is decided by ``max_size``.
    - LMDB's own mutex as the only order of writers: see `registry.store.write_lock`.
    - A separate row for the newest index: it is the key of the last log entry.

Cost at worst
    A commit holds the write lock for its sync (0.3 ms on the rig, 10 ms on slow disks) and a batch of
    512 changes for about 5 ms of Python. Trimming is bounded per commit.
"""

import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lmdb

from registry.store.change import (
    ABSENT,
    ROW_HEADER,
    Change,
    Delete,
    LogEntry,
    LoggedPut,
    LoggedRefresh,
    PrefixGuard,
    Put,
    Refresh,
    Row,
    entry_time,
    pack_entry,
    pack_row,
    unpack_entry,
    unpack_row,
    unpack_rows,
)
from registry.store.counter import Counter
from registry.store.errors import (
    Conflict,
    LogTrimmed,
    StoreDamaged,
    StoreError,
    StoreFailed,
    StoreFull,
)
from registry.store.layout import FILE_MODE, DataFolder
from registry.store.reserve import RESERVE_BYTES, Reserve
from registry.store.write_lock import WriteLock

LOADED = ("nodes", "services", "checks", "bindings", "tombstones", "meta", "guards")
"""The tables that every process has in memory."""

ASIDE = ("history",)
"""Tables beside those: read row by row, by whoever is asked for one. Writing to them is no change that
anybody follows, so it has no index and no entry in the log."""

TABLES = (*LOADED, *ASIDE)
"""Every table there is. A new one is created at the next start."""

FORMAT = b"1"
"""Version of rows and log; written to ``meta/store`` when the data is created."""

IDENTITY_KEY = b"store"
"""Key in ``meta`` of format and identity of the data; its row is readable in every format."""

LOG = "log"
"""The change log: big-endian index to entry, without gaps."""

_INDEX_KEY = struct.Struct(">Q")
_TRIM_PER_COMMIT = 256
_MAX_READERS = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the store.

    Attributes:
        map_size: bytes of address space reserved; never changed at run time.
        max_size: bytes of live data past which changes that grow the store are refused.
        log_max_entries: changes kept in the log, at least 1.
        log_max_age_s: seconds after which a change leaves the log.
    """

    map_size: int = 64 << 30
    max_size: int = 16 << 30
    log_max_entries: int = 100_000
    log_max_age_s: float = 3600.0


class Engine:
    """One process's handle on the data. Open it after fork; a path can be opened once a process.

    Reading and committing may happen in different threads.

    Raises:
        StoreDamaged: LMDB does not accept the files, or they have another format.
        StoreFailed: the files can't be opened or created.
    """

    def __init__(
        self, folder: DataFolder, limits: Limits, *, now_ms: Callable[[], int] | None = None
    ) -> None:
        self._limits = limits
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._reserve = Reserve(folder.reserve)
        try:
            self._lock = WriteLock(folder.store / "write.lock")
            with self._lock.held():
                self._open(folder, limits)
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError, ValueError) as error:
            raise StoreDamaged(
                f"{folder.store}/data.mdb is not a usable store ({error}); restore it from a backup"
            ) from error
        except (lmdb.Error, OSError) as error:
            raise StoreFailed(f"can't open the store in {folder.store}: {error}") from error
        self._page_size = int(self._env.stat()["psize"])
        self.read_counter = self._counter.read

    def _open(self, folder: DataFolder, limits: Limits) -> None:
        self._env = lmdb.open(
            str(folder.store),
            map_size=limits.map_size,
            max_dbs=len(TABLES) + 1,
            max_readers=_MAX_READERS,
            mode=FILE_MODE,
            subdir=True,
            writemap=False,
            sync=True,
            metasync=True,
            lib_version=0,
        )
        self._env.reader_check()
        self._dbs: dict[str, Any] = {name: self._env.open_db(name.encode()) for name in TABLES}
        self._log = self._env.open_db(LOG.encode())
        self.store_id = self._identify()
        self._counter = Counter(self._env, self._dbs["meta"], folder.store / "lock.mdb")

    @property
    def counter(self) -> int:
        """The number of the last committed transaction of any process; 40 ns, no lock."""
        return self.read_counter()

    def close(self) -> None:
        """Close the environment; no transaction may be running."""
        self._env.close()
        self._counter.close()
        self._lock.close()

    # Reading

    def clear_dead_readers(self) -> None:
        """Free the slots of processes that died while reading; their pages could not be reused."""
        self._env.reader_check()

    def load(self) -> tuple[int, Iterator[Row]]:
        """See `registry.store.protocol.Store.load`."""
        txn = self._env.begin(buffers=False)
        return self._newest(txn), self._rows(txn)

    def _rows(self, txn: Any) -> Iterator[Row]:
        with txn:
            for table in LOADED:
                yield from self._rows_of(txn, table)

    def _rows_of(self, txn: Any, table: str) -> Iterator[Row]:
        try:
            yield from unpack_rows(table, txn.cursor(db=self._dbs[table]))
        except ValueError as error:
            raise StoreDamaged(f"{error} of table {table}; restore from a backup") from error

    def read(self, table: str, key: bytes) -> bytes | None:
        """See `registry.store.protocol.Store.read`."""
        with self._env.begin() as txn:
            stored = txn.get(key, db=self._dbs[table])
        try:
            return None if stored is None else unpack_row(key, stored)[2]
        except ValueError as error:
            raise StoreDamaged(f"row {key!r} of table {table}: {error}; restore from a backup") from error

    def scan(self, table: str) -> Iterator[Row]:
        """See `registry.store.protocol.Store.scan`."""
        with self._env.begin() as txn:
            yield from self._rows_of(txn, table)

    def changes_since(self, index: int, limit: int) -> list[LogEntry]:
        """See `registry.store.protocol.Store.changes_since`."""
        entries: list[LogEntry] = []
        with self._env.begin() as txn, txn.cursor(db=self._log) as cursor:
            if not cursor.set_range(_INDEX_KEY.pack(index + 1)):
                return entries
            for key, stored in cursor:
                found = _INDEX_KEY.unpack(key)[0]
                if found != index + 1 + len(entries):
                    raise LogTrimmed(f"change {index + 1} has left the log, which begins at {found}")
                try:
                    entries.append(unpack_entry(found, stored))
                except ValueError as error:
                    raise StoreDamaged(f"log entry {found} is damaged: {error}") from error
                if len(entries) == limit:
                    break
        return entries

    def facts(self) -> dict[str, str | int | bool]:
        """Return figures for people: bytes used and on disk, newest index, log length, full or not."""
        with self._env.begin() as txn:
            first, newest = self._log_bounds(txn)
            return {
                "engine": "local",
                "id": self.store_id,
                "index": newest,
                "log_entries": newest - first + 1 if newest else 0,
                "bytes_used": self._bytes_used(txn),
                "bytes_on_disk": self._bytes_on_disk(),
                "full": self._full(txn) is not None,
            }

    def _newest(self, txn: Any) -> int:
        return self._log_bounds(txn)[1]

    def _log_bounds(self, txn: Any) -> tuple[int, int]:
        with txn.cursor(db=self._log) as cursor:
            if not cursor.last():
                return 0, 0
            newest = _INDEX_KEY.unpack(cursor.key())[0]
            cursor.first()
            return _INDEX_KEY.unpack(cursor.key())[0], newest

    def _bytes_used(self, txn: Any) -> int:
        pages = 0
        for db in (*self._dbs.values(), self._log):
            stat = txn.stat(db)
            pages += stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
        return int(pages) * self._page_size

    def _bytes_on_disk(self) -> int:
        return (int(self._env.info()["last_pgno"]) + 1) * self._page_size

    # Committing

    def commit_batch(self, changes: Sequence[Change]) -> list[int | StoreError]:
        """Commit changes in order in one transaction, synced; return an index or the reason for each.

        When the transaction as a whole fails, each change is tried alone, so that one that has no
        room does not take the others with it.
        """
        try:
            return self._commit_together(changes)
        except (lmdb.Error, OSError) as error:
            if len(changes) > 1:
                return [self.commit_batch((change,))[0] for change in changes]
            return [self._retry_or_explain(changes[0], error)]

    def _commit_together(self, changes: Sequence[Change]) -> list[int | StoreError]:
        results: list[int | StoreError] = []
        with self._lock.held(), self._env.begin(write=True) as txn:
            first, newest = self._log_bounds(txn)
            self._reserve.fill()
            full = self._full(txn)
            now = self._now_ms()
            for change in changes:
                if full and not change.shrinks:
                    results.append(full)
                    continue
                failed = self._broken_guard(txn, change)
                if failed:
                    results.append(failed)
                    continue
                if not _is_aside(change):
                    newest += 1
                self._write(txn, change, newest, now)
                results.append(newest)
            self._trim(txn, first, newest, now)
        return results

    def _full(self, txn: Any) -> StoreFull | None:
        """Return why changes that grow the store are refused, None when they are not.

        Without the reserve on disk, as much room among the free pages of the file does as well: that is
        what deregistering leaves behind, as the file itself never shrinks.
        """
        used = self._bytes_used(txn)
        # Deletes need pages too, so the last part of the map is theirs.
        most = min(self._limits.max_size, self._limits.map_size // 8 * 7)
        if used > most:
            return StoreFull(
                f"the store is full: expected at most {most} bytes (max_size or seven eighths of map_size), "
                f"found {used}; deregister services, or raise it"
            )
        if self._reserve.held or self._reserve.affordable():
            return None
        free = self._bytes_on_disk() - used
        if free >= RESERVE_BYTES:
            return None
        return StoreFull(
            f"the disk of the data folder is full: expected room for {2 * RESERVE_BYTES} bytes, found "
            f"{self._reserve.disk_bytes()}; free some, or deregister services"
        )

    def _broken_guard(self, txn: Any, change: Change) -> Conflict | None:
        for guard in change.guards:
            if isinstance(guard, PrefixGuard):
                if self._summary(txn, guard.table, guard.prefix) != (guard.rows, guard.newest):
                    return Conflict(f"the rows under {guard.prefix!r} of {guard.table} have changed")
            elif self._modify(txn, guard.table, guard.key) != guard.expect:
                return Conflict(f"row {guard.key!r} of {guard.table} has changed")
        operations: tuple[Put | Delete | Refresh, ...] = (*change.puts, *change.deletes, *change.refreshes)
        for operation in operations:
            expected = operation.expect
            if expected is not None and self._modify(txn, operation.table, operation.key) != expected:
                return Conflict(f"row {operation.key!r} of {operation.table} has changed")
        return None

    def _modify(self, txn: Any, table: str, key: bytes) -> int:
        stored = txn.get(key, db=self._dbs[table])
        return ABSENT if stored is None else int(ROW_HEADER.unpack_from(stored)[1])

    def _summary(self, txn: Any, table: str, prefix: bytes) -> tuple[int, int]:
        rows = newest = 0
        with txn.cursor(db=self._dbs[table]) as cursor:
            if cursor.set_range(prefix):
                for key, stored in cursor:
                    if not key.startswith(prefix):
                        break
                    rows += 1
                    newest = max(newest, ROW_HEADER.unpack_from(stored)[1])
        return rows, newest

    def _write(self, txn: Any, change: Change, index: int, now: int) -> None:
        # Deletes come first, here and in every replica: a change may replace what it removes.
        deletes: list[tuple[str, bytes]] = []
        for delete in change.deletes:
            if txn.delete(delete.key, db=self._dbs[delete.table]):
                deletes.append((delete.table, delete.key))
        puts: list[LoggedPut] = []
        for put in change.puts:
            db = self._dbs[put.table]
            old = None if put.expect == ABSENT else txn.get(put.key, db=db)
            create = put.create or (index if old is None else ROW_HEADER.unpack_from(old)[0])
            txn.put(put.key, pack_row(put.key, create, index, put.value), db=db)
            puts.append(LoggedPut(put.table, put.key, create, put.value))
        refreshes: list[LoggedRefresh] = []
        for table, key, value, _ in change.refreshes:
            db = self._dbs[table]
            create, modify, _ = ROW_HEADER.unpack_from(txn.get(key, db=db))
            txn.put(key, pack_row(key, create, modify, value), db=db)
            refreshes.append(LoggedRefresh(table, key, value))
        if _is_aside(change):
            return
        entry = pack_entry(now, puts, deletes, refreshes)
        txn.put(_INDEX_KEY.pack(index), entry, db=self._log, append=True)

    def _trim(self, txn: Any, first: int, newest: int, now: int) -> None:
        """Drop what the bounds on count and age let go of, the last entry never."""
        surplus = newest - first + 1 - self._limits.log_max_entries if first else 0
        oldest_kept_ms = now - int(self._limits.log_max_age_s * 1000)
        with txn.cursor(db=self._log) as cursor:
            for trimmed in range(_TRIM_PER_COMMIT):
                if not cursor.first() or _INDEX_KEY.unpack(cursor.key())[0] >= newest:
                    return
                if trimmed >= surplus and entry_time(cursor.value()) >= oldest_kept_ms:
                    return
                cursor.delete()

    def _retry_or_explain(self, change: Change, error: Exception) -> int | StoreError:
        """Explain a failed commit; one that makes room is tried once more with the reserve given back."""
        if isinstance(error, lmdb.MapFullError):
            return StoreFull(
                f"the store has used up map_size ({self._limits.map_size} bytes); nothing was changed; "
                "raise map_size, and keep max_size well below it"
            )
        no_room = isinstance(error, lmdb.DiskError) or self._reserve.disk_is_full()
        # A quota shows as an I/O error, so whatever the error, a delete is worth a try with more room.
        if no_room or change.shrinks:
            self._reserve.give_back()
        if change.shrinks:
            try:
                return self._commit_together((change,))[0]
            except (lmdb.Error, OSError) as again:
                error = again
        if not no_room:
            return StoreFailed(f"the store could not be written: {error}; nothing was changed")
        return StoreFull(
            f"the disk of the data folder is full ({error}); nothing was changed; "
            "free some room, or deregister services"
        )

    def _identify(self) -> str:
        """Return the identity of the data, drawing one when the data is new."""
        db = self._dbs["meta"]
        with self._env.begin(write=True) as txn:
            stored = txn.get(IDENTITY_KEY, db=db)
            if stored is None:
                value = FORMAT + b" " + uuid.uuid4().hex.encode()
                txn.put(IDENTITY_KEY, pack_row(IDENTITY_KEY, 0, 0, value), db=db)
            else:
                value = unpack_row(IDENTITY_KEY, stored)[2]
        problem = format_problem(value)
        if problem:
            raise StoreDamaged(problem)
        return value.partition(b" ")[2].decode("ascii", "replace")


def _is_aside(change: Change) -> bool:
    """Say whether a change is of nothing but rows that nobody follows."""
    operations: tuple[Put | Delete | Refresh, ...] = (*change.puts, *change.deletes, *change.refreshes)
    return bool(operations) and all(operation.table in ASIDE for operation in operations)


def format_problem(identity: bytes) -> str:
    """Say why this release can't read data with this value in its identity row, "" if it can."""
    version = identity.partition(b" ")[0]
    if version == FORMAT:
        return ""
    return (
        f"the store has format {version.decode('ascii', 'replace')}, this release reads "
        f"{FORMAT.decode()}; run the release that wrote it"
    )
