"""The store as the rest of the program sees it, whatever engine orders the changes."""

from collections.abc import Callable, Iterator
from typing import Protocol

from registry.store.change import Change, LogEntry, Row


class Store(Protocol):
    """A durable, ordered store of rows, shared by several processes.

    All methods belong to the event loop's thread. ``counter`` is cheap enough for every request:
    whenever it differs from what a reader saw last, there may be new changes to read.
    """

    @property
    def counter(self) -> int:
        """A number that differs after every commit of any process."""

    @property
    def store_id(self) -> str:
        """Identity of this data: drawn when it was created, kept across restarts and copies."""

    def load(self) -> tuple[int, Iterator[Row]]:
        """Return the index of the newest change and all rows of the catalog's tables as of it.

        The iterator holds a read transaction: consume it at once.

        Raises:
            StoreDamaged: a row cannot be read.
        """

    def read(self, table: str, key: bytes) -> bytes | None:
        """Return the value of one row as of now, None if there is none; a microsecond or two.

        Raises:
            StoreDamaged: the row cannot be read.
        """

    def scan(self, table: str) -> Iterator[Row]:
        """Return the rows of one table as of now, by key.

        The iterator holds a read transaction: consume it at once.

        Raises:
            StoreDamaged: a row cannot be read.
        """

    def changes_since(self, index: int, limit: int) -> list[LogEntry]:
        """Return the changes after ``index`` in order, at most ``limit`` of them.

        Raises:
            LogTrimmed: the change after ``index`` has left the log.
            StoreDamaged: an entry cannot be read.
        """

    async def commit(self, change: Change) -> int:
        """Make a change durable and return its index.

        A change of nothing but rows that are kept aside has none, and nobody learns of it; the index
        of the newest change is returned then.

        Raises:
            Conflict: a guard did not hold.
            StoreFull: there is no room for it.
            StoreFailed: the disk refused it.
        """

    def on_commit_elsewhere(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called on the loop when another process may have committed."""

    def facts(self) -> dict[str, str | int | bool]:
        """Figures for people: size, index, log length, whether it is full."""

    def close(self) -> None:
        """Finish running commits and let go of the files."""
