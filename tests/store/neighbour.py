"""A second process on a data folder, in one of several roles, that tells what it does line by line.

It goes on with each line that it is sent, and ends when its input is closed.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lmdb

from registry.store.change import Change, Delete, Put
from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder
from registry.store.wake import WakeSocket

WAIT_S = 30.0


class Neighbour:
    """The process as the test sees it."""

    def __init__(self, role: str, root: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, role, str(root), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def line(self) -> str:
        """Wait for the next thing it says; "" when it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let it take its next step."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def finish(self) -> list[str]:
        """Tell it to end, and return the rest of what it said; it must end well."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        said = self._process.stdout.read().splitlines()
        code = self._process.wait(WAIT_S)
        assert code == 0, f"the neighbour ended with {code}"
        return said

    def kill_unnoticed(self) -> None:
        """Kill it with SIGKILL and leave it a zombie."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def kill(self) -> None:
        """Kill it with SIGKILL, if it runs, and let go of its pipes."""
        self._process.kill()
        self._process.wait(WAIT_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def say(text: object) -> None:
    print(text, flush=True)


def wait() -> bool:
    """Wait for the word to go on; False when there is none to come."""
    return bool(sys.stdin.readline())


def hold(folder: DataFolder) -> None:
    """Hold the folder."""
    folder.hold()
    say("held")
    wait()


def hold_with_worker(folder: DataFolder) -> None:
    """Hold the folder, and have a child that goes on holding it until ``release`` is written to."""
    folder.hold()
    release = folder.root / "release"
    os.mkfifo(release)
    if os.fork() == 0:
        signal.alarm(int(WAIT_S))
        for fd in (0, 1):
            os.close(fd)
        release.read_bytes()
        os._exit(0)
    say("held")
    wait()


def lock(folder: DataFolder) -> None:
    """Hold the write lock of the environment."""
    env = lmdb.open(
        str(folder.store), max_dbs=16, map_size=Limits().map_size, max_readers=1024, lib_version=0
    )
    with env.begin(write=True):
        say("locked")
        wait()
    env.close()


def commit(folder: DataFolder, name: str, count: str) -> None:
    """Commit changes one by one, each of two rows with the same value, and say each index."""
    engine = Engine(folder, Limits())
    say("open")
    wait()
    for number in range(int(count)):
        value = b"%s %d" % (name.encode(), number)
        puts = tuple(
            Put(table, b"%s-%d" % (name.encode(), number % 50), value) for table in ("nodes", "checks")
        )
        say(engine.commit_batch([Change(puts)])[0])
    engine.close()


def churn(folder: DataFolder, count: str) -> None:
    """Write and delete the same rows again and again, then say the newest index."""
    engine = Engine(folder, Limits())
    say("open")
    wait()
    for number in range(int(count)):
        engine.commit_batch([Change(tuple(Put("nodes", b"%d" % row, b"x" * 500) for row in range(50)))])
        engine.commit_batch(
            [Change(deletes=tuple(Delete("nodes", b"%d" % row) for row in range(number % 50)))]
        )
    say(engine.facts()["index"])
    engine.close()


def read_slowly(folder: DataFolder) -> None:
    """Take a snapshot, wait, and only then read it: say how many rows it has of which index."""
    engine = Engine(folder, Limits())
    index, rows = engine.load()
    say("reading")
    wait()
    found = {(row.modify, row.value) for row in rows if row.table == "nodes"}
    say(f"{index} {sorted(found)}")
    engine.close()


def open_and_close(folder: DataFolder, count: str) -> None:
    """Open the store again and again."""
    for _ in range(int(count)):
        Engine(folder, Limits()).close()
    say("done")


def listen(folder: DataFolder) -> None:
    """Say each wake-up."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        socket = WakeSocket(folder.run)
        socket.listen(loop, lambda: say("woken"))
        say("listening")
        await loop.run_in_executor(None, wait)
        socket.close(loop)

    asyncio.run(run())


def be_deaf(folder: DataFolder) -> None:
    """Have a wake-up socket and do not read from it; on the word to go on, read what has come."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        socket = WakeSocket(folder.run)
        say("deaf")
        wait()
        heard = asyncio.Event()
        socket.listen(loop, heard.set)
        await heard.wait()
        say("woken")
        socket.close(loop)

    asyncio.run(run())


ROLES: dict[str, Callable[..., None]] = {
    role.__name__: role
    for role in (
        hold,
        hold_with_worker,
        lock,
        commit,
        churn,
        read_slowly,
        open_and_close,
        listen,
        be_deaf,
    )
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](DataFolder(Path(sys.argv[2])), *sys.argv[3:])
