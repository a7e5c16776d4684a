"""Recognising damaged and foreign data before the registry opens it.

LMDB maps its file and trusts it: a truncated one is a SIGBUS, an emptied one opens as a new, empty
database, and a flipped bit goes unnoticed. So the file is looked at in two steps. Its header is read as
plain bytes; then a child process, which may crash, opens it and reads every row and every log entry,
whose checksums tell whether they are what was written.
"""

import os
import struct
import traceback
from pathlib import Path

import lmdb

from registry.store.change import unpack_entry, unpack_row
from registry.store.engine import LOG, TABLES
from registry.store.errors import StoreDamaged
from registry.store.layout import DataFolder

_MAGIC = 0xBEEFC0DE
_META_AT = (0, 4096)
"""Offsets of the two meta pages; LMDB's pages are at least 4 KiB."""

_MARKER = "created"
"""A file that says that the store existed, so that an emptied one is not taken for a new one."""

_OK, _DAMAGED = 0, 3


def check(folder: DataFolder) -> None:
    """Make sure that the data can be opened; returns at once when there is none yet.

    Raises:
        StoreDamaged: the text says what is wrong and what to do.
    """
    data = folder.store / "data.mdb"
    marker = folder.store / _MARKER
    if not data.exists():
        if marker.exists():
            raise _damaged(data, "it is missing although the store existed")
        return
    check_header(data)
    _check_in_child(folder, data)
    mark_created(folder)


def mark_created(folder: DataFolder) -> None:
    """Note that the store exists."""
    marker = folder.store / _MARKER
    if not marker.exists():
        marker.touch(mode=0o600)


def check_header(data: Path) -> None:
    """Look at the meta pages: is this an LMDB file of our kind, and is it all there?

    Raises:
        StoreDamaged: it is empty, foreign or truncated.
    """
    size = data.stat().st_size
    with data.open("rb") as file:
        head = file.read(8192)
    if len(head) < 8192:
        raise _damaged(data, f"expected at least 8192 bytes, found {len(head)}")
    newest = (-1, 0, 0)
    for at in _META_AT:
        magic, _ = struct.unpack_from("<II", head, at + 16)
        if magic != _MAGIC:
            raise _damaged(data, "it is not an LMDB file, or its header is damaged")
        page_size = struct.unpack_from("<I", head, at + 16 + 24)[0]
        last_page, transaction = struct.unpack_from("<QQ", head, at + 136)
        newest = max(newest, (transaction, last_page, page_size))
    _, last_page, page_size = newest
    if page_size < 4096 or size < (last_page + 1) * page_size:
        needed = (last_page + 1) * page_size
        raise _damaged(data, f"it is truncated: expected {needed} bytes, found {size}")


def _check_in_child(folder: DataFolder, data: Path) -> None:
    """Read everything in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover (the child's coverage is not collected)
        os.close(reading)
        code = _DAMAGED
        try:
            problem = find_damage(folder.store)
            os.write(writing, problem.encode()[:2000])
            code = _DAMAGED if problem else _OK
        except BaseException:
            os.write(writing, traceback.format_exc(limit=1).encode()[-500:])
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        problem = pipe.read().decode("utf-8", "replace").strip()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        raise _damaged(data, f"reading it ended with signal {-status}")
    if status != _OK:
        raise _damaged(data, problem or f"reading it ended with status {status}")


def find_damage(store: Path) -> str:
    """Open the environment read-only and read every row; return what is wrong, "" for nothing."""
    try:
        env = lmdb.open(
            str(store), readonly=True, max_dbs=len(TABLES) + 1, subdir=True, lock=False, lib_version=0
        )
        with env, env.begin() as txn:
            for name in TABLES:
                problem = _read_table(env, txn, name)
                if problem:
                    return problem
            return _read_log(env, txn)
    except lmdb.Error as error:
        return f"LMDB refuses it: {error}"


def _read_table(env: lmdb.Environment, txn: lmdb.Transaction, name: str) -> str:
    try:
        db = env.open_db(name.encode(), txn=txn, create=False)
    except lmdb.NotFoundError:
        return ""
    for key, stored in txn.cursor(db=db):
        try:
            unpack_row(bytes(stored))
        except ValueError as error:
            return f"row {key!r} of table {name}: {error}"
    return ""


def _read_log(env: lmdb.Environment, txn: lmdb.Transaction) -> str:
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
            unpack_entry(index, bytes(stored))
        except (ValueError, TypeError) as error:
            return f"log entry {index}: {error}"
        expected = index + 1
    return ""


def _damaged(data: Path, problem: str) -> StoreDamaged:
    return StoreDamaged(
        f"{data} can't be used: {problem}; restore the folder from a backup, "
        "or move it away to start with an empty registry"
    )
