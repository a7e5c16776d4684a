"""Damaged, foreign and unfinished data: refused with a reason, and never taken for something else."""

import os
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import lmdb
import pytest

from registry.store.change import Change, Delete, Put
from registry.store.engine import IDENTITY_KEY, Engine, Limits
from registry.store.errors import StoreDamaged
from registry.store.integrity import check, check_header, mark_created, note_closed
from registry.store.layout import DataFolder

PAGE = 4096
NEEDLE = b"the value that is looked for"
OVERFLOWING = b"a value that needs pages of its own " * 200

Content = tuple[list[Any], list[Any]]


def data_file(folder: DataFolder) -> Path:
    return folder.store / "data.mdb"


def content(folder: DataFolder) -> Content:
    """Return all rows and all log entries, as a registry would load them."""
    engine = Engine(folder, Limits())
    try:
        _, stored = engine.load()
        rows = [row for row in stored if row.key != b"probe"]
        log = [(entry.index, entry.puts, entry.deletes) for entry in engine.changes_since(0, 10_000)]
    finally:
        engine.close()
    return rows, log


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """Return a folder with rows over several pages, one that is long, and a log; do not write to it."""
    folder = DataFolder(tmp_path_factory.mktemp("sound"))
    folder.prepare()
    engine = Engine(folder, Limits())
    for number in range(60):
        value = OVERFLOWING if number == 30 else NEEDLE if number == 31 else os.urandom(150)
        puts = (
            Put("services", b"row-%03d" % number, value),
            Put("checks", b"check-%03d" % number, b"passing"),
        )
        engine.commit_batch([Change(puts)])
    engine.commit_batch([Change(deletes=(Delete("checks", b"check-%03d" % number),)) for number in range(20)])
    engine.close()
    mark_created(folder)
    check(folder)
    return folder


@pytest.fixture
def copy(sound: DataFolder, tmp_path: Path) -> DataFolder:
    """Return a copy of that folder, to be damaged."""
    shutil.copytree(sound.root, tmp_path / "copy")
    (tmp_path / "copy" / "store" / "lock.mdb").unlink()
    return DataFolder(tmp_path / "copy")


def refusal(folder: DataFolder) -> str:
    """Check a folder that must be refused; return the reason, which names the file and the way out."""
    with pytest.raises(StoreDamaged) as refused:
        check(folder)
    text = str(refused.value)
    assert str(data_file(folder)) in text
    assert "restore the folder from a backup" in text
    return text


def content_without_writing(folder: DataFolder) -> Content:
    """Return the same without opening the folder's own file for writing."""
    aside = DataFolder(folder.root.parent / f"{folder.root.name}-aside")
    aside.prepare()
    shutil.copyfile(data_file(folder), data_file(aside))
    return content(aside)


def flip(folder: DataFolder, at: int, bit: int = 0) -> None:
    with data_file(folder).open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


def places(folder: DataFolder, wanted: bytes) -> list[int]:
    """Return where the file has these bytes; old versions of pages count too."""
    whole, found, at = data_file(folder).read_bytes(), [], -1
    while (at := whole.find(wanted, at + 1)) >= 0:
        found.append(at)
    return found


def test_sound_data_is_accepted_and_left_as_it_is(sound: DataFolder, copy: DataFolder) -> None:
    before = data_file(copy).read_bytes()
    check(copy)
    assert data_file(copy).read_bytes() == before
    assert content(copy) == content(sound)


def test_there_may_be_no_data_yet(folder: DataFolder) -> None:
    check(folder)
    Engine(folder, Limits()).close()
    check(folder)


@pytest.mark.parametrize("size", [0, 1, 100, PAGE, 2 * PAGE - 1])
def test_a_file_too_short_for_a_header_is_refused(copy: DataFolder, size: int) -> None:
    os.truncate(data_file(copy), size)
    assert f"expected at least {2 * PAGE} bytes, found {size}" in refusal(copy)


@pytest.mark.parametrize("size", [0, 100, PAGE])
def test_a_first_start_that_was_cut_off_is_begun_again(folder: DataFolder, size: int) -> None:
    check(folder)
    data_file(folder).write_bytes(bytes(size))
    check(folder)
    Engine(folder, Limits()).close()
    mark_created(folder)
    os.truncate(data_file(folder), size)
    refusal(folder)


def test_a_file_that_was_restored_empty_is_refused(folder: DataFolder) -> None:
    data_file(folder).touch()
    refusal(folder)


def test_a_missing_file_is_refused_where_there_was_one(copy: DataFolder) -> None:
    data_file(copy).unlink()
    assert "missing although the store existed" in refusal(copy)


@pytest.mark.parametrize(
    "foreign",
    [b"SQLite format 3\0".ljust(4 * PAGE), b"\0" * (8 * PAGE), b"\xff" * (8 * PAGE), b"text\n" * 5000],
)
def test_a_foreign_file_is_refused(folder: DataFolder, foreign: bytes) -> None:
    data_file(folder).write_bytes(foreign)
    assert "not an LMDB file" in refusal(folder)
    assert data_file(folder).read_bytes() == foreign


def test_an_environment_of_another_program_is_refused(folder: DataFolder) -> None:
    with lmdb.open(str(folder.store), max_dbs=2, lib_version=0) as env:
        env.open_db(b"theirs")
    assert "unknown tables: theirs" in refusal(folder)


def test_data_of_another_format_is_refused(copy: DataFolder) -> None:
    engine = Engine(copy, Limits())
    engine.commit_batch([Change((Put("meta", IDENTITY_KEY, b"9 abc"),))])
    engine.close()
    assert "has format 9, this release reads 1; run the release that wrote it" in refusal(copy)


@pytest.mark.parametrize("page", [0, 1])
@pytest.mark.parametrize("what", [b"\0" * PAGE, b"\xa5" * PAGE])
def test_garbage_in_either_header_is_refused(copy: DataFolder, page: int, what: bytes) -> None:
    with data_file(copy).open("r+b") as file:
        file.seek(page * PAGE)
        file.write(what)
    assert "its header is damaged" in refusal(copy)


def test_a_truncated_file_is_refused(sound: DataFolder, copy: DataFolder) -> None:
    """At whatever page it ends: what is missing is either noticed or was not in use."""
    expected, refused = content(sound), 0
    pages = data_file(copy).stat().st_size // PAGE
    for kept in range(pages - 1, 1, -1):
        os.truncate(data_file(copy), kept * PAGE + 100)
        try:
            check(copy)
        except StoreDamaged:
            refused += 1
            continue
        assert refused == 0, "a shorter file was accepted than one that was refused"
        assert content(copy) == expected
        shutil.copyfile(data_file(sound), data_file(copy))
    assert refused > pages // 2


def test_a_truncated_file_that_crashes_its_reader_is_refused(sound: DataFolder, copy: DataFolder) -> None:
    """A header that agrees with the truncation gets past the first look, and the file kills its reader."""
    whole = data_file(sound).read_bytes()
    reasons = []
    for kept in range(2, len(whole) // PAGE):
        part = bytearray(whole[: kept * PAGE])
        for header in (0, PAGE):
            struct.pack_into("<Q", part, header + 136, kept - 1)
        data_file(copy).write_bytes(part)
        try:
            check(copy)
        except StoreDamaged as error:
            reasons.append(str(error))
    assert any("reading it ended with signal 7" in reason for reason in reasons), set(reasons)
    assert any("LMDB refuses it" in reason for reason in reasons), set(reasons)


def ends_early(file: Path) -> bool:
    """Say whether a file is shorter than its newest header says."""
    head = file.read_bytes()[: 2 * PAGE]
    last_page, _ = max(
        (struct.unpack_from("<QQ", head, page + 136) for page in (0, PAGE)), key=lambda it: it[1]
    )
    return file.stat().st_size < (int(last_page) + 1) * PAGE


def test_a_file_that_lacks_only_free_pages_is_sound(folder: DataFolder) -> None:
    """A transaction that takes pages from the end of the file and gives them up leaves it so."""
    for seed in range(39, 1000):  # 39 does it with the layout of the rows as of today
        rng = random.Random(seed)
        values = [rng.randbytes(rng.choice([300, 3000])) for _ in range(200)]
        engine = Engine(folder, Limits())
        puts = [Change((Put("services", b"%d" % row, value),)) for row, value in enumerate(values)]
        deletes = [Change(deletes=(Delete("services", b"%d" % row),)) for row in range(199, 4, -1)]
        engine.commit_batch([*puts, *deletes])
        engine.close()
        if ends_early(data_file(folder)):
            break
        shutil.rmtree(folder.store)
        folder.prepare()
    check(folder)
    rows, log = content(folder)
    assert {row.key: row.value for row in rows if row.table == "services"} == {
        b"%d" % row: values[row] for row in range(5)
    }
    assert len(log) == 395


def test_a_flipped_bit_in_a_value_names_its_row(sound: DataFolder, copy: DataFolder) -> None:
    reasons = []
    for at in places(sound, NEEDLE):
        shutil.copyfile(data_file(sound), data_file(copy))
        flip(copy, at + 5, 3)
        try:
            check(copy)
        except StoreDamaged as error:
            reasons.append(str(error))
    assert any("row b'row-031' of table services: its checksum" in reason for reason in reasons), reasons
    assert any("log entry 32: its checksum" in reason for reason in reasons), reasons


def test_a_flipped_bit_in_a_long_value_names_its_row(sound: DataFolder, copy: DataFolder) -> None:
    reasons = []
    for at in places(sound, OVERFLOWING):
        shutil.copyfile(data_file(sound), data_file(copy))
        flip(copy, at + 5000, 7)
        with pytest.raises(StoreDamaged) as refused:
            check(copy)
        reasons.append(str(refused.value))
    assert any("row b'row-030' of table services: its checksum" in reason for reason in reasons), reasons


def test_a_flipped_bit_in_a_key_is_noticed(sound: DataFolder, copy: DataFolder) -> None:
    reasons = []
    for at in places(sound, b"row-045"):
        shutil.copyfile(data_file(sound), data_file(copy))
        flip(copy, at + 6, 1)
        try:
            check(copy)
        except StoreDamaged as error:
            reasons.append(str(error))
    assert any("table services: its checksum" in reason for reason in reasons), reasons


def flipped_positions(folder: DataFolder) -> dict[str, list[tuple[int, int]]]:
    """Return bits to flip by class of position, drawn the same in every run."""
    size = data_file(folder).stat().st_size
    rng = random.Random(7)
    pages = range(0, size, PAGE)
    classes = {
        "page headers": [(page + byte, rng.randrange(8)) for page in pages for byte in range(16)],
        "offsets in pages": [
            (page + rng.randrange(16, 64), rng.randrange(8)) for page in pages for _ in range(3)
        ],
        "file headers": [(page + byte, rng.randrange(8)) for page in (0, PAGE) for byte in range(16, 152)],
        "anywhere": [(rng.randrange(size), rng.randrange(8)) for _ in range(300)],
    }
    return {name: rng.sample(bits, FLIPS) for name, bits in classes.items()}


FLIPS = 40
CLASSES = ["page headers", "offsets in pages", "file headers", "anywhere"]


@pytest.mark.parametrize("positions", CLASSES)
def test_a_flipped_bit_is_noticed_or_changes_nothing(
    sound: DataFolder, copy: DataFolder, positions: str
) -> None:
    """Whatever bit it is: the data is refused, or it reads as it was."""
    expected = content_without_writing(sound)
    refused = 0
    for at, bit in flipped_positions(sound)[positions]:
        shutil.copyfile(data_file(sound), data_file(copy))
        flip(copy, at, bit)
        try:
            check(copy)
        except StoreDamaged:
            refused += 1
            continue
        assert content(copy) == expected, f"bit {bit} of byte {at} changed the data unnoticed"
    assert refused > 0


def synthetic(page_size: int, transactions: tuple[int, int], last_page: int = 9) -> bytes:
    """Return a file with two headers as LMDB writes them, for another page size than this machine's."""
    pages = bytearray(page_size * (last_page + 1))
    for page, transaction in enumerate(transactions):
        struct.pack_into("<II", pages, page * page_size + 16, 0xBEEFC0DE, 1)
        struct.pack_into("<I", pages, page * page_size + 40, page_size)
        struct.pack_into("<QQ", pages, page * page_size + 136, last_page, transaction)
    return bytes(pages)


@pytest.mark.parametrize("page_size", [4096, 16384, 32768])
def test_headers_are_found_for_any_page_size(tmp_path: Path, page_size: int) -> None:
    file = tmp_path / "data.mdb"
    file.write_bytes(synthetic(page_size, (4, 5)))
    check_header(file)
    file.write_bytes(synthetic(page_size, (4, 9)))
    with pytest.raises(StoreDamaged):
        check_header(file)


@pytest.mark.parametrize("transactions", [(0, 0), (0, 1), (2, 1), (2, 3)])
def test_headers_of_neighbouring_transactions_are_sound(
    tmp_path: Path, transactions: tuple[int, int]
) -> None:
    (tmp_path / "data.mdb").write_bytes(synthetic(PAGE, transactions))
    check_header(tmp_path / "data.mdb")


@pytest.mark.parametrize("transactions", [(0, 3), (8, 5), (2**40, 1)])
def test_headers_of_distant_transactions_are_refused(tmp_path: Path, transactions: tuple[int, int]) -> None:
    (tmp_path / "data.mdb").write_bytes(synthetic(PAGE, transactions))
    with pytest.raises(StoreDamaged, match="not neighbours"):
        check_header(tmp_path / "data.mdb")


@pytest.mark.parametrize("compact", [False, True])
def test_a_backup_is_accepted(sound: DataFolder, tmp_path: Path, compact: bool) -> None:
    restored = DataFolder(tmp_path / "restored")
    restored.prepare()
    with lmdb.open(str(sound.store), readonly=True, lock=False, lib_version=0) as env:
        env.copy(str(restored.store), compact=compact)
    check(restored)
    assert content(restored) == content_without_writing(sound)
    data_file(restored).unlink()
    refusal(restored)


def test_data_that_was_closed_properly_is_not_looked_through_again(copy: DataFolder) -> None:
    assert check(copy)
    note_closed(copy)
    assert not check(copy)
    assert check(copy), "a note counts once"


def test_a_note_about_other_data_is_not_believed(copy: DataFolder) -> None:
    note_closed(copy)
    found = places(copy, NEEDLE)
    for at in found:
        flip(copy, at)
    assert "does not match" in refusal(copy)

    for at in found:
        flip(copy, at)
    note_closed(copy)
    aside = data_file(copy).with_name("aside")
    shutil.copy2(data_file(copy), aside)
    aside.replace(data_file(copy))
    assert check(copy), "a copy is another file, whatever its times say"

    note_closed(copy)
    times = data_file(copy).stat()
    engine = Engine(copy, Limits())
    engine.commit_batch([Change((Put("services", b"row-000", b"new"),))])
    engine.close()
    os.utime(data_file(copy), ns=(times.st_atime_ns, times.st_mtime_ns))
    assert check(copy), "its newest transaction is another one"


@pytest.mark.parametrize("text", [b"", b"\x95\x01", b"no note"])
def test_a_note_that_can_not_be_read_is_not_believed(copy: DataFolder, text: bytes) -> None:
    note = copy.store / "closed"
    note.write_bytes(text)
    assert check(copy)
    assert not note.exists()
