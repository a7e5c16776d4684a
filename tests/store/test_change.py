"""The stored form of rows and log entries."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.store.change import (
    ROW_HEADER,
    LogEntry,
    LoggedPut,
    LoggedRefresh,
    entry_time,
    pack_entry,
    pack_row,
    unpack_entry,
    unpack_row,
)

INDEXES = st.integers(0, 2**64 - 1)
KEYS = st.binary(min_size=1, max_size=511)


@given(KEYS, INDEXES, INDEXES, st.binary(max_size=300))
def test_rows_come_back(key: bytes, create: int, modify: int, value: bytes) -> None:
    assert unpack_row(key, pack_row(key, create, modify, value)) == (create, modify, value)


@given(
    INDEXES,
    st.integers(0, 2**48),
    st.lists(st.builds(LoggedPut, st.text(max_size=9), KEYS, INDEXES, st.binary(max_size=99)), max_size=4),
    st.lists(st.tuples(st.text(max_size=9), KEYS), max_size=4),
    st.lists(st.builds(LoggedRefresh, st.text(max_size=9), KEYS, st.binary(max_size=99)), max_size=4),
)
def test_log_entries_come_back(
    index: int,
    time_ms: int,
    puts: list[LoggedPut],
    deletes: list[tuple[str, bytes]],
    refreshes: list[LoggedRefresh],
) -> None:
    stored = pack_entry(time_ms, puts, deletes, refreshes)
    assert unpack_entry(index, stored) == LogEntry(index, time_ms, puts, deletes, refreshes)
    assert entry_time(stored) == time_ms


@given(st.data())
def test_any_flipped_bit_of_a_row_or_its_key_is_noticed(data: st.DataObject) -> None:
    key = b"node\0web"
    whole = bytearray(key + pack_row(key, 3, 9, b"some value"))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="checksum does not match"):
        unpack_row(bytes(whole[: len(key)]), bytes(whole[len(key) :]))


@given(st.data())
def test_any_flipped_bit_of_an_entry_is_noticed_but_in_its_time(data: st.DataObject) -> None:
    whole = bytearray(pack_entry(1234, [LoggedPut("nodes", b"a", 1, b"some value")], [("checks", b"b")], []))
    time_at = range(4 * 8, 12 * 8)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1).filter(lambda bit: bit not in time_at))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="checksum does not match"):
        unpack_entry(1, bytes(whole))


@pytest.mark.parametrize("length", [0, 1, ROW_HEADER.size - 1])
def test_a_row_shorter_than_its_header_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"expected at least {ROW_HEADER.size} bytes, found {length}"):
        unpack_row(b"key", bytes(length))


def test_an_entry_shorter_than_its_header_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 12 bytes, found 11"):
        unpack_entry(1, bytes(11))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x94\x90\x90\x90\x90", b"\x92\x90\x90", b"\x92\x01\x90"])
def test_an_entry_that_is_none_is_refused_though_its_checksum_matches(body: bytes) -> None:
    stored = zlib.crc32(body).to_bytes(4, "little") + bytes(8) + body
    with pytest.raises(ValueError, match="not a log entry"):
        unpack_entry(1, stored)
