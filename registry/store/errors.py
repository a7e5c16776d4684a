"""What can go wrong in the store, grouped by when it can happen.

StoreError
+-- StoreDamaged    opening: a file is corrupt, truncated or not ours
+-- StoreInUse      opening: another process serves this data folder
+-- Conflict        committing: a guard did not hold; nothing was written
+-- StoreFull       committing: no room (disk, map or configured size); nothing was written
+-- StoreFailed     committing: the disk refused the write; nothing was written
+-- LogTrimmed      reading: the changes asked for have left the log; load the tables again
"""


class StoreError(Exception):
    """Base of all errors of the store."""


class StoreDamaged(StoreError):
    """A data file is corrupt, truncated or foreign; the text names the file and the way out."""


class StoreInUse(StoreError):
    """Another process holds the data folder; the text names the folder and that process."""


class Conflict(StoreError):
    """A guard of the change did not hold inside the transaction; nothing was written."""


class StoreFull(StoreError):
    """The change needs room that the disk, the map or ``max_size`` does not give; nothing was written."""


class StoreFailed(StoreError):
    """The commit failed for a reason other than room, an I/O error for example; nothing was written."""


class LogTrimmed(StoreError):
    """Entries asked for are older than the log; the reader has to load the tables anew."""
