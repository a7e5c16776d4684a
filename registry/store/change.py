"""Rows and changes: what the store keeps and what it commits.

A row is ``(table, key) -> value``; the store adds two numbers to it, the index of the change that
created it and of the one that last wrote it, which are Consul's CreateIndex and ModifyIndex.
A change is a set of puts and deletes that happens as a whole or not at all.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

ABSENT = 0
"""Guard value: the row must not exist. Indexes start at 1, so no row has it as ModifyIndex."""

ROW_HEADER = struct.Struct("<QQI")
"""In front of every stored value: create index, modify index, CRC-32 of key, indexes and value."""


class Put(NamedTuple):
    """Writes a row. ``expect`` guards it: None anything, `ABSENT`, or the row's ModifyIndex.

    ``create`` is for a row that goes on under another key: the CreateIndex that it keeps, 0 for none.
    """

    table: str
    key: bytes
    value: bytes
    expect: int | None = None
    create: int = 0


class Refresh(NamedTuple):
    """Gives a row another value that does not count as a change of it: its ModifyIndex stays.

    ``expect`` is the row's ModifyIndex: a row that has been written since or is gone is not refreshed.
    A change that refreshes a row neither puts nor deletes it.
    """

    table: str
    key: bytes
    value: bytes
    expect: int


class Delete(NamedTuple):
    """Removes a row; an absent one is not an error unless ``expect`` says otherwise."""

    table: str
    key: bytes
    expect: int | None = None


class Guard(NamedTuple):
    """Requires that a row has the ModifyIndex ``expect`` (or is `ABSENT`) and leaves it alone."""

    table: str
    key: bytes
    expect: int


class PrefixGuard(NamedTuple):
    """Requires that the rows under a key prefix are still those that were seen.

    ``rows`` of them with ``newest`` as highest ModifyIndex (0 for none) identify the set: any put
    raises ``newest``, and without a put any delete lowers ``rows``.
    """

    table: str
    prefix: bytes
    rows: int
    newest: int


class Change(NamedTuple):
    """Rows put, deleted and refreshed by one atomic commit, and the guards checked in the same transaction.

    ``shrinks`` marks a change made to remove things: it is let through when the store is full.
    """

    puts: tuple[Put, ...] = ()
    deletes: tuple[Delete, ...] = ()
    guards: tuple[Guard | PrefixGuard, ...] = ()
    shrinks: bool = False
    refreshes: tuple[Refresh, ...] = ()


class LoggedPut(NamedTuple):
    """A put as the log keeps it: the result, with the create index the store determined."""

    table: str
    key: bytes
    create: int
    value: bytes


class LoggedRefresh(NamedTuple):
    """A refresh as the log keeps it."""

    table: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One committed change. ``time_ms`` is the committing process's wall clock, for people only."""

    index: int
    time_ms: int
    puts: list[LoggedPut]
    deletes: list[tuple[str, bytes]]
    refreshes: list[LoggedRefresh]


class Row(NamedTuple):
    """A stored row as `load` yields it."""

    table: str
    key: bytes
    create: int
    modify: int
    value: bytes


_INDEXES = struct.Struct("<QQ")
_CHECKSUM = struct.Struct("<I")
_ENTRY_HEADER = struct.Struct("<IQ")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[LoggedPut], list[tuple[str, bytes]], list[LoggedRefresh]]).decode


def pack_row(key: bytes, create: int, modify: int, value: bytes) -> bytes:
    """Return the stored form of a row: header and value."""
    indexes = _INDEXES.pack(create, modify)
    return b"".join((indexes, _CHECKSUM.pack(_checksum(key, indexes, value)), value))


def unpack_row(key: bytes, stored: bytes) -> tuple[int, int, bytes]:
    """Return ``(create, modify, value)`` of the row stored under ``key``.

    Raises:
        ValueError: the row is shorter than its header or its checksum does not match.
    """
    if len(stored) < ROW_HEADER.size:
        raise ValueError(f"expected at least {ROW_HEADER.size} bytes, found {len(stored)}")
    create, modify, checksum = ROW_HEADER.unpack_from(stored)
    value = stored[ROW_HEADER.size :]
    if _checksum(key, stored[: _INDEXES.size], value) != checksum:
        raise ValueError("its checksum does not match its content")
    return create, modify, value


def unpack_rows(table: str, stored: Iterable[tuple[bytes, bytes]]) -> Iterator[Row]:
    """Yield the rows of a table from its stored pairs: `unpack_row` without a call for each.

    A start goes through all rows there are, and this is a third of what it costs.

    Raises:
        ValueError: as `unpack_row`, with the key in front.
    """
    crc32, unpack_from, header = zlib.crc32, ROW_HEADER.unpack_from, ROW_HEADER.size
    new, indexes = tuple.__new__, _INDEXES.size
    for key, value in stored:
        if len(value) < header:
            unpack_row(key, value)
        create, modify, checksum = unpack_from(value)
        content = value[header:]
        if crc32(content, crc32(value[:indexes], crc32(key))) != checksum:
            raise ValueError(f"row {key!r} is damaged")
        yield new(Row, (table, key, create, modify, content))


def _checksum(key: bytes, indexes: bytes, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(indexes, zlib.crc32(key)))


def pack_entry(
    time_ms: int,
    puts: list[LoggedPut],
    deletes: list[tuple[str, bytes]],
    refreshes: list[LoggedRefresh],
) -> bytes:
    """Return the stored form of a log entry: CRC-32, time, then msgpack ``[puts, deletes, refreshes]``."""
    body = _encode((puts, deletes, refreshes))
    return _ENTRY_HEADER.pack(zlib.crc32(body), time_ms) + body


def unpack_entry(index: int, stored: bytes) -> LogEntry:
    """Return the log entry kept under ``index``.

    Raises:
        ValueError: the checksum does not match, or the content is not a log entry.
    """
    if len(stored) < _ENTRY_HEADER.size:
        raise ValueError(f"expected at least {_ENTRY_HEADER.size} bytes, found {len(stored)}")
    checksum, time_ms = _ENTRY_HEADER.unpack_from(stored)
    body = memoryview(stored)[_ENTRY_HEADER.size :]
    if zlib.crc32(body) != checksum:
        raise ValueError("its checksum does not match its content")
    try:
        puts, deletes, refreshes = _decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is not a log entry: {error}") from error
    return LogEntry(index, time_ms, puts, deletes, refreshes)


def entry_time(stored: bytes) -> int:
    """Return the wall-clock milliseconds of a stored log entry without decoding it."""
    return int(_ENTRY_HEADER.unpack_from(stored)[1])
