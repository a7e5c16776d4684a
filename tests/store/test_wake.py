"""Wake-ups between processes: hints that reach everybody, cost nobody anything and never fail."""

import asyncio
import os
import resource
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.store.layout import DataFolder
from registry.store.wake import WakeSocket
from store.conftest import Neighbours


@pytest.fixture
def own(folder: DataFolder) -> Iterator[WakeSocket]:
    """Return this process's socket."""
    made = WakeSocket(folder.run)
    yield made
    loop = asyncio.new_event_loop()
    made.close(loop)
    loop.close()


def sockets(folder: DataFolder) -> set[str]:
    return {entry.name for entry in folder.run.iterdir()}


def test_every_other_process_is_woken_and_not_oneself(
    folder: DataFolder, own: WakeSocket, neighbours: Neighbours
) -> None:
    listeners = [neighbours("listen") for _ in range(3)]
    for listener in listeners:
        assert listener.line() == "listening"
    assert sockets(folder) == {f"{pid}.sock" for pid in (os.getpid(), *(other.pid for other in listeners))}
    for _ in range(3):
        own.wake_others()
        for listener in listeners:
            assert listener.line() == "woken"
    with pytest.raises(BlockingIOError):
        own._socket.recv(16)
    for listener in listeners:
        assert listener.finish() == []
    assert sockets(folder) == {f"{os.getpid()}.sock"}, "a process that ended has left its socket"


def test_many_hints_are_one_call(folder: DataFolder, own: WakeSocket) -> None:
    calls: list[int] = []

    async def run() -> None:
        own.listen(asyncio.get_running_loop(), lambda: calls.append(1))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            for _ in range(5):
                sender.sendto(b"", str(folder.run / f"{os.getpid()}.sock"))
        while not calls:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert calls == [1]

    asyncio.run(run())


def test_sockets_are_for_this_user_alone(folder: DataFolder) -> None:
    before = os.umask(0)
    try:
        made = WakeSocket(folder.run)
    finally:
        os.umask(before)
    assert (folder.run / f"{os.getpid()}.sock").stat().st_mode & 0o777 == 0o600
    loop = asyncio.new_event_loop()
    made.close(loop)
    loop.close()


def test_the_socket_of_a_killed_process_is_removed(
    folder: DataFolder, own: WakeSocket, neighbours: Neighbours
) -> None:
    listener, survivor = neighbours("listen"), neighbours("listen")
    assert (listener.line(), survivor.line()) == ("listening", "listening")
    listener.kill()
    assert f"{listener.pid}.sock" in sockets(folder)
    own.wake_others()
    assert survivor.line() == "woken"
    assert f"{listener.pid}.sock" not in sockets(folder)


def test_a_process_that_does_not_listen_delays_nobody(own: WakeSocket, neighbours: Neighbours) -> None:
    queue_length = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    deaf = neighbours("be_deaf")
    assert deaf.line() == "deaf"
    for _ in range(queue_length * 3):
        own.wake_others()
    deaf.go_on()
    assert deaf.finish() == ["woken"]


def test_a_process_that_comes_in_the_same_tick_of_the_clock_is_found(
    folder: DataFolder, own: WakeSocket, neighbours: Neighbours
) -> None:
    own.wake_others()
    seen = folder.run.stat().st_mtime_ns
    listener = neighbours("listen")
    assert listener.line() == "listening"
    os.utime(folder.run, ns=(seen, seen))
    own.wake_others()
    assert listener.line() == "woken"


def test_waking_goes_on_without_free_files(own: WakeSocket, neighbours: Neighbours) -> None:
    first = neighbours("listen")
    assert first.line() == "listening"
    own.wake_others()
    assert first.line() == "woken"
    second = neighbours("listen")
    assert second.line() == "listening"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        own.wake_others()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert first.line() == "woken"


def test_waking_survives_the_loss_of_its_folder(folder: DataFolder, own: WakeSocket) -> None:
    shutil.rmtree(folder.run)
    own.wake_others()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    deep = DataFolder(tmp_path / ("x" * 100) / ("y" * 100))
    deep.prepare()
    made = WakeSocket(deep.run)
    assert sockets(deep) == {f"{os.getpid()}.sock"}
    loop = asyncio.new_event_loop()
    made.close(loop)
    loop.close()


def test_a_socket_left_under_the_own_number_is_replaced(folder: DataFolder) -> None:
    (folder.run / f"{os.getpid()}.sock").write_bytes(b"left by a process of the same number")
    made = WakeSocket(folder.run)
    assert (folder.run / f"{os.getpid()}.sock").is_socket()
    loop = asyncio.new_event_loop()
    made.close(loop)
    loop.close()


def test_what_else_lies_in_the_folder_is_left_alone(folder: DataFolder, own: WakeSocket) -> None:
    (folder.run / "1.beats").write_bytes(b"of somebody else")
    own.wake_others()
    assert (folder.run / "1.beats").read_bytes() == b"of somebody else"
