"""Following the log: how one process's catalog comes to know of every change, its own included.

There is one way in. A commit does not touch the catalog; when it is durable the process reads the log
from where it stopped, like every other process. Reads call `catch_up` whenever the store's counter has
moved, which is what makes a reader see its own write in whichever process it lands.
"""

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import NamedTuple

from registry.catalog.rows import CHECKS, split_key
from registry.catalog.state import Catalog
from registry.store.change import Change, LogEntry
from registry.store.errors import Conflict, LogTrimmed, StoreError, StoreFailed
from registry.store.protocol import Store

logger = logging.getLogger(__name__)

READ_AT_ONCE = 1000
"""Log entries read in one transaction while catching up."""

DRAFTS_MAX = 100
"""How often a write is drafted anew after a conflict. Every conflict is another writer's success."""

DRAFTS_AT_ONCE = 3
"""Drafts after which a write takes turns with the others of this process that met as many conflicts.

Those that write the same row would else be drafted on the same state again and again, of which one gets
through each time. In turns each meets only the writers of other processes.
"""

Listener = Callable[[set[str] | None], None]
"""Told the topics that changes have touched; None stands for all of them."""


class CheckWritten(NamedTuple):
    """A check's row that was written or removed.

    Attributes:
        key: of the row.
        before: the check's status until then, "" when there was no such check.
        packed: the row, None when it was removed.
        change: index of the change that did it.
        time_ms: when that was committed, in milliseconds since the epoch.
    """

    key: bytes
    before: str
    packed: bytes | None
    change: int
    time_ms: int


class Replica:
    """The catalog of this process and the store it follows.

    Attributes:
        catalog: the state as of ``seen``; replaced by a new object when it has to be reloaded.
        seen: the store's counter as of the last catch-up.
    """

    def __init__(self, store: Store, listener: Listener) -> None:
        self._store = store
        self._listener = listener
        self.catalog = Catalog()
        self.seen = -1
        self._turns = asyncio.Lock()
        self._on_checks: Callable[[list[CheckWritten]], None] | None = None
        self._on_refresh: Callable[[set[str]], None] | None = None

    def on_refresh(self, callback: Callable[[set[str]], None]) -> None:
        """Have ``callback`` called with the topics whose answers show text that was refreshed.

        Their indexes stay where they are; see `registry.store.change.Refresh`.
        """
        self._on_refresh = callback

    def on_checks(self, callback: Callable[[list[CheckWritten]], None]) -> None:
        """Have ``callback`` called after a catch-up with the check rows written or removed, in order."""
        self._on_checks = callback

    def load(self) -> None:
        """Load the tables into a new catalog.

        Raises:
            StoreDamaged: a row can't be read.
        """
        seen = self._store.counter
        catalog = Catalog()
        # Before and not after: loading leaves no garbage, and a million instances to walk.
        gc.collect()
        gc.disable()
        try:
            catalog.load(*self._store.load())
        finally:
            gc.enable()
        old, self.catalog, self.seen = self.catalog, catalog, seen
        old.forget()
        # What is loaded stays: walking it again in every full collection would stall the loop.
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)

    def catch_up(self) -> None:
        """Apply what has been committed since the last call, and tell the listener.

        The news of a commit often comes when a read has been quicker: then there is nothing to ask the store.
        """
        counter = self._store.counter
        if counter == self.seen:
            return
        touched: set[str] = set()
        refreshed: set[str] = set()
        checks: list[CheckWritten] = []
        catalog = self.catalog
        try:
            while entries := self._store.changes_since(catalog.index, READ_AT_ONCE):
                for entry in entries:
                    if self._on_checks:
                        checks += _checks_written(catalog, entry)
                    touched |= catalog.apply(entry.index, entry.puts, entry.deletes)
                    if entry.refreshes:
                        refreshed |= catalog.refresh(entry.refreshes)
                if len(entries) < READ_AT_ONCE:
                    break
        except LogTrimmed as reason:
            logger.warning("fell behind the log (%s); loading the tables again", reason)
            self._reload()
            return
        except StoreError:
            raise
        except Exception:
            # The entry may have been applied by half: what is in memory is worth nothing now.
            logger.exception("the log could not be followed past %d; loading the tables again", catalog.index)
            self._reload()
            return
        self.seen = counter
        if refreshed and self._on_refresh:
            self._on_refresh(refreshed)
        if touched:
            self._listener(touched)
        if checks and self._on_checks:
            self._on_checks(checks)

    def _reload(self) -> None:
        self.load()
        self._listener(None)

    async def write(self, draft: Callable[[Catalog], Change | None]) -> int:
        """Commit what ``draft`` makes of the current catalog; draft again when that has changed.

        Returns the catalog's index as of which the write is visible here.

        Raises:
            StoreFull, StoreFailed: as `Store.commit`; nothing was written.
            Whatever ``draft`` raises.
        """
        for _ in range(DRAFTS_AT_ONCE):
            index = await self._try_to_write(draft)
            if index is not None:
                return index
        async with self._turns:
            for _ in range(DRAFTS_MAX - DRAFTS_AT_ONCE):
                index = await self._try_to_write(draft)
                if index is not None:
                    return index
        raise StoreFailed(
            f"the write met {DRAFTS_MAX} conflicting ones in a row; nothing was changed, send it again"
        )

    async def _try_to_write(self, draft: Callable[[Catalog], Change | None]) -> int | None:
        """Draft and commit once; return the index, None after a conflict."""
        self.catch_up()
        change = draft(self.catalog)
        if change is None:
            return self.catalog.index
        try:
            index = await self._store.commit(change)
        except Conflict:
            return None
        if self.catalog.index < index:
            self.catch_up()
        return index


def _checks_written(catalog: Catalog, entry: LogEntry) -> list[CheckWritten]:
    """Return what an entry does to checks, from the catalog before it; deletes come first there too."""
    found = [
        CheckWritten(key, _status(catalog, key), None, entry.index, entry.time_ms)
        for table, key in entry.deletes
        if table == CHECKS
    ]
    gone = {written.key for written in found}
    found += [
        CheckWritten(
            put.key,
            "" if put.key in gone else _status(catalog, put.key),
            put.value,
            entry.index,
            entry.time_ms,
        )
        for put in entry.puts
        if put.table == CHECKS
    ]
    return found


def _status(catalog: Catalog, key: bytes) -> str:
    node_key, check_key = split_key(key)
    node = catalog.nodes.get(node_key)
    check = node.checks.get(check_key) if node else None
    return check.status if check else ""
