"""A note that the data was closed properly, which spares the next start the long look at all of it.

Written by the supervisor when everybody has ended as told, and taken away by the next start before
anything else. It says what the data file was like: the same file, size, time of change and newest
transaction mean that nobody has touched it since. Rows are checked one by one when they are loaded all
the same, so what this leaves out is damage by the disk itself in pages that a start does not read.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from registry.store.layout import FILE_MODE, DataFolder

_NOTE = "closed"


class _Note(msgspec.Struct, frozen=True, array_like=True):
    """What the data file was like; ``newest`` is the transaction that its header shows."""

    device: int
    inode: int
    size: int
    changed_ns: int
    newest: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Note).decode


def note_closed(folder: DataFolder, newest: int) -> None:
    """Note that the data is at rest; a note that can't be written is not missed."""
    with contextlib.suppress(OSError):
        fd = os.open(folder.store / _NOTE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            os.write(fd, _encode(_note(folder.store / "data.mdb", newest)))
        finally:
            os.close(fd)


def take_note(folder: DataFolder, newest: int) -> bool:
    """Take the note away and say whether the data is as it was left, and ``newest`` its transaction.

    Raises:
        OSError: it can't be taken away, and must not be believed another time.
    """
    path = folder.store / _NOTE
    try:
        known = _decode(path.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, msgspec.MsgspecError):
        path.unlink(missing_ok=True)
        return False
    path.unlink()
    return known == _note(folder.store / "data.mdb", newest)


def _note(data: Path, newest: int) -> _Note:
    found = data.stat()
    return _Note(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, newest)
