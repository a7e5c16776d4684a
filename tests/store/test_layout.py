"""The data folder: who may read it, and that one registry at a time holds it."""

import os
import stat
import threading
from pathlib import Path

import pytest

from registry.store import layout
from registry.store.engine import Engine, Limits
from registry.store.errors import StoreInUse
from registry.store.integrity import check, mark_created
from registry.store.layout import DataFolder
from store.conftest import Neighbours


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077, 0o177])
def test_nobody_else_may_read_it_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    folder = DataFolder(tmp_path / "parent" / "data")
    before = os.umask(umask)
    try:
        folder.prepare()
        os.close(folder.hold())
        check(folder)
        Engine(folder, Limits()).close()
        mark_created(folder)
    finally:
        os.umask(before)
    folders = {path for path in (folder.root, *folder.root.rglob("*")) if path.is_dir()}
    files = set(folder.root.rglob("*")) - folders
    assert {path.name for path in folders} == {"data", "store", "run"}
    assert {path.name for path in files} == {
        *("registry.lock", "reserve", "data.mdb", "lock.mdb", "write.lock", "created")
    }
    assert {mode(path) for path in folders} == {0o700}
    assert {mode(path) for path in files} == {0o600}


def test_a_folder_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    DataFolder(tmp_path).prepare()
    assert mode(tmp_path) == 0o700


def test_it_is_held_by_one_process(folder: DataFolder, neighbours: Neighbours) -> None:
    holder = neighbours("hold")
    assert holder.line() == "held"
    with pytest.raises(StoreInUse) as refused:
        folder.hold()
    text = str(refused.value)
    assert str(folder.root) in text
    assert f"process {holder.pid}" in text
    assert "--data-dir" in text
    assert "\n" not in text
    holder.finish()
    os.close(folder.hold())


def test_letting_go_of_the_descriptor_lets_go_of_the_folder(
    folder: DataFolder, neighbours: Neighbours
) -> None:
    os.close(folder.hold())
    other = neighbours("hold")
    assert other.line() == "held"
    assert folder.lock_file.read_text() == f"{other.pid}\n"


def test_a_killed_process_holds_nothing(folder: DataFolder, neighbours: Neighbours) -> None:
    for _ in range(3):
        holder = neighbours("hold")
        assert holder.line() == "held"
        holder.kill()
        os.close(folder.hold())


@pytest.mark.parametrize("noticed", [True, False], ids=["buried", "zombie"])
def test_the_workers_of_a_killed_supervisor_are_waited_for(
    folder: DataFolder, neighbours: Neighbours, noticed: bool
) -> None:
    holder = neighbours("hold_with_worker")
    assert holder.line() == "held"
    if noticed:
        holder.kill()
    else:
        holder.kill_unnoticed()
    held: list[int] = []
    waiting = threading.Thread(target=lambda: held.append(folder.hold()))
    waiting.start()
    assert held == []
    (folder.root / "release").write_bytes(b"")
    waiting.join(10)
    assert held, "the folder was not given when the last worker had gone"
    os.close(held[0])


def test_workers_that_do_not_go_are_not_waited_for_for_ever(
    folder: DataFolder, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "ORPHANS_LEAVE_WITHIN_S", 0.1)
    holder = neighbours("hold_with_worker")
    assert holder.line() == "held"
    holder.kill()
    with pytest.raises(StoreInUse, match=f"process {holder.pid}"):
        folder.hold()
    (folder.root / "release").write_bytes(b"")


def test_what_a_lock_file_says_is_not_believed_without_a_lock(folder: DataFolder) -> None:
    for content in (b"1\n", b"", b"not a number\n", b"\xff" * 100):
        folder.lock_file.write_bytes(content)
        os.close(folder.hold())
        assert folder.lock_file.read_text() == f"{os.getpid()}\n"


def test_sockets_that_were_left_are_cleared(folder: DataFolder) -> None:
    (folder.run / "123.sock").touch()
    (folder.run / "sub").mkdir()
    folder.clear_sockets()
    assert [path.name for path in folder.run.iterdir()] == ["sub"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with pytest.raises(OSError, match="file"):
        DataFolder(in_the_way / "data").prepare()
    with pytest.raises(FileExistsError):
        DataFolder(in_the_way).prepare()
