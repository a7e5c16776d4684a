"""The store of one machine: the LMDB engine, its writer thread and the wake-ups between processes."""

import asyncio
from collections.abc import Callable, Iterator

from registry.store.change import Change, LogEntry, Row
from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder
from registry.store.wake import WakeSocket
from registry.store.writer import GroupCommit


class LocalStore:
    """`registry.store.protocol.Store` on a data folder of this machine.

    Open it in the process that uses it, after fork, with its loop running.

    Raises:
        StoreDamaged: the files are not usable.
        StoreFailed: the files can't be opened.
    """

    def __init__(
        self, folder: DataFolder, limits: Limits, batch_max: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._loop = loop
        self._engine = Engine(folder, limits)
        self._wake = WakeSocket(folder.run)
        self._writer = GroupCommit(self._engine, loop, batch_max, self._wake.wake_others)

    @property
    def counter(self) -> int:
        """See `Store.counter`."""
        return self._engine.counter

    @property
    def store_id(self) -> str:
        """See `Store.store_id`."""
        return self._engine.store_id

    @property
    def read_counter(self) -> Callable[[], int]:
        """The function behind ``counter``, for the path where a property is too dear."""
        return self._engine.read_counter

    def load(self) -> tuple[int, Iterator[Row]]:
        """See `Store.load`."""
        return self._engine.load()

    def read(self, table: str, key: bytes) -> bytes | None:
        """See `Store.read`."""
        return self._engine.read(table, key)

    def scan(self, table: str) -> Iterator[Row]:
        """See `Store.scan`."""
        return self._engine.scan(table)

    def changes_since(self, index: int, limit: int) -> list[LogEntry]:
        """See `Store.changes_since`."""
        return self._engine.changes_since(index, limit)

    async def commit(self, change: Change) -> int:
        """See `Store.commit`."""
        return await self._writer.commit(change)

    def on_commit_elsewhere(self, callback: Callable[[], None]) -> None:
        """See `Store.on_commit_elsewhere`."""
        self._wake.listen(self._loop, callback)

    def clear_dead_readers(self) -> None:
        """Give back what processes held that died while reading; see `Engine.clear_dead_readers`."""
        self._engine.clear_dead_readers()

    def facts(self) -> dict[str, str | int | bool]:
        """See `Store.facts`."""
        return self._engine.facts()

    def close(self) -> None:
        """See `Store.close`."""
        self._writer.close()
        self._wake.close(self._loop)
        self._engine.close()
