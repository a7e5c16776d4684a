"""Recognising damaged and foreign data before the registry opens it.

LMDB maps its file and trusts it: a truncated one is a SIGBUS, an emptied one opens as a new, empty
database, and a flipped bit goes unnoticed. So the file is looked at in two steps. Its header is read as
plain bytes; then two child processes go through all of it at once. One follows every page without
LMDB: pages that are damaged, missing, or at the same time in use and free. The other, which may crash,
opens it and reads every row and every log entry, whose checksums tell whether they are what was written.

Data that was closed properly is spared this; see `registry.store.closing`.

Cost
    Ten milliseconds a megabyte: 1.4 s for 100,000 instances with two cores free.
"""

import contextlib
import faulthandler
import os
import struct
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import lmdb.verify

from registry.store import closing
from registry.store.change import unpack_entry, unpack_row
from registry.store.engine import IDENTITY_KEY, LOG, TABLES, format_problem
from registry.store.errors import StoreDamaged
from registry.store.layout import DataFolder

_MAGIC = 0xBEEFC0DE
_HEADER_BYTES = 8192
"""What the smallest LMDB file has: two meta pages."""

_META = struct.Struct("<I20xI100xQ")
"""A meta page from byte 16: magic, page size, transaction (LMDB 0.9, 64 bits)."""

_MARKER = "created"
"""A file that says that the store existed, so that an emptied one is not taken for a new one."""

_BEGUN = "creating"
"""A file that says that a first start has begun; until the marker is there nobody was told of a write."""

_OK, _DAMAGED = 0, 3


def check(folder: DataFolder) -> bool:
    """Make sure that the data can be opened; returns at once when there is none yet.

    Data that was closed properly and has not been touched since is believed to be sound after a look
    at its header. Returns whether all of it was looked at.

    Raises:
        StoreDamaged: the text says what is wrong and what to do.
        OSError: the files can't be read.
    """
    data, marker, begun = (folder.store / name for name in ("data.mdb", _MARKER, _BEGUN))
    if not data.exists() and marker.exists():
        raise _damaged(data, "it is missing although the store existed")
    if not marker.exists() and begun.exists() and data.exists() and data.stat().st_size < _HEADER_BYTES:
        data.unlink()  # the very first start was cut off before LMDB had laid the file out
    if not data.exists():
        begun.touch(mode=0o600)
        return True
    newest = check_header(data)
    if closing.take_note(folder, newest):
        return False
    readers = [_Reader(look, folder.store) for look in (find_damaged_row, find_damaged_page)]
    problem = next(filter(None, [reader.verdict() for reader in readers]), "")
    if problem:
        raise _damaged(data, problem)
    mark_created(folder)
    return True


def note_closed(folder: DataFolder) -> None:
    """Spare the next start the long look; call it when all that used the data have ended well."""
    with contextlib.suppress(OSError, StoreDamaged):
        closing.note_closed(folder, check_header(folder.store / "data.mdb"))


def mark_created(folder: DataFolder) -> None:
    """Note, for good, that the store exists."""
    marker = folder.store / _MARKER
    if marker.exists():
        return
    marker.touch(mode=0o600)
    for place in (folder.store, folder.root):
        fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    (folder.store / _BEGUN).unlink(missing_ok=True)


def check_header(data: Path) -> int:
    """Look at the two meta pages: is this an LMDB file of our kind? Return its newest transaction.

    How long the file is says little: LMDB never writes a page that one transaction takes from its end
    and gives up again, so a sound file may end before its last pages, which are free.

    Raises:
        StoreDamaged: it is empty, foreign or damaged.
    """
    with data.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _HEADER_BYTES:
            raise _damaged(data, f"expected at least {_HEADER_BYTES} bytes, found {size}")
        first = _META.unpack(os.pread(file.fileno(), _META.size, 16))
        page_size = first[1]
        second_at = page_size + 16 if 256 <= page_size <= size // 2 else 16
        second = _META.unpack(os.pread(file.fileno(), _META.size, second_at))
    for magic, its_page_size, _ in (first, second):
        if magic != _MAGIC or its_page_size != page_size or page_size & (page_size - 1):
            raise _damaged(data, "it is not an LMDB file, or its header is damaged")
    # Commits take turns on the two pages, so their numbers are neighbours.
    if abs(first[2] - second[2]) > 1:
        raise _damaged(data, f"its headers are of transactions {first[2]} and {second[2]}, not neighbours")
    return int(max(first[2], second[2]))


class _Reader:
    """A child process that looks for damage with a function that returns what it finds, "" for nothing."""

    def __init__(self, look: Callable[[Path], str], store: Path) -> None:
        self._pipe, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:  # pragma: no cover (the child's coverage is not collected)
            self._be_child(look, store, writing)
        os.close(writing)

    def _be_child(self, look: Callable[[Path], str], store: Path, pipe: int) -> None:  # pragma: no cover
        code = _DAMAGED
        try:
            faulthandler.disable()  # a crash here is an answer
            problem = look(store)
            os.write(pipe, problem.encode()[:2000])
            code = _DAMAGED if problem else _OK
        except BaseException:
            os.write(pipe, traceback.format_exc(limit=1).encode()[-500:])
        finally:
            os._exit(code)

    def verdict(self) -> str:
        """Wait for the child's end and return what is wrong, "" for nothing."""
        with os.fdopen(self._pipe, "rb") as pipe:
            problem = pipe.read().decode("utf-8", "replace").strip()
        status = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        if status < 0:
            return f"reading it ended with signal {-status}"
        return problem or ("" if status == _OK else f"reading it ended with status {status}")


def find_damaged_page(store: Path) -> str:
    """Follow every page from the newest header; return what is wrong, "" for nothing."""
    try:
        problems: list[str] = lmdb.verify.verify(str(store))  # type: ignore[no-untyped-call]
    except lmdb.verify.VerifyError as error:
        problems = [str(error)]
    # A page that is neither in use nor free is lost room and no lost data.
    return next((problem for problem in problems if "a leak" not in problem), "")


def find_damaged_row(store: Path) -> str:
    """Open the environment read-only and read every row; return what is wrong, "" for nothing."""
    try:
        env = lmdb.open(
            str(store), readonly=True, max_dbs=len(TABLES) + 1, subdir=True, lock=False, lib_version=0
        )
        with env, env.begin() as txn:
            unknown = {bytes(name).decode("utf-8", "replace") for name, _ in txn.cursor()} - {*TABLES, LOG}
            if unknown:
                return f"it has unknown tables: {', '.join(sorted(unknown))}"
            for name in TABLES:
                problem = _read_table(env, txn, name)
                if problem:
                    return problem
            return _read_log(env, txn)
    except lmdb.Error as error:
        return f"LMDB refuses it: {error}"


def _read_table(env: Any, txn: Any, name: str) -> str:
    try:
        db = env.open_db(name.encode(), txn=txn, create=False)
    except lmdb.NotFoundError:
        return ""
    for key, stored in txn.cursor(db=db):
        try:
            value = unpack_row(key, stored)[2]
        except ValueError as error:
            return f"row {key!r} of table {name}: {error}"
        if name == "meta" and key == IDENTITY_KEY and (problem := format_problem(value)):
            return problem
    return ""


def _read_log(env: Any, txn: Any) -> str:
    try:
        db = env.open_db(LOG.encode(), txn=txn, create=False)
    except lmdb.NotFoundError:
        return ""
    expected = 0
    for key, stored in txn.cursor(db=db):
        index = int.from_bytes(key, "big")
        if expected and index != expected:
            return f"log entry {expected} is missing"
        try:
            unpack_entry(index, stored)
        except ValueError as error:
            return f"log entry {index}: {error}"
        expected = index + 1
    return ""


def _damaged(data: Path, problem: str) -> StoreDamaged:
    return StoreDamaged(
        f"{data} can't be used: {problem}; restore the folder from a backup, "
        "or move it away to start with an empty registry"
    )
