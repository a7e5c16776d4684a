"""A server process in a session of its own: bounded start, exact kill, its output kept in a file."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

POLL_SECONDS = 0.02

T = TypeVar("T")


class ServerFailed(AssertionError):
    """A server process did not start or stop as it must; the text ends with its last output."""


def free_ports(count: int) -> list[int]:
    """Return different TCP ports of 127.0.0.1 that nothing listens on at the moment."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in sockets]


def wait_until(
    probe: Callable[[], T], timeout: float = 10.0, what: str = "the condition", interval: float = POLL_SECONDS
) -> T:
    """Call ``probe`` until it returns something true, and return that.

    Raises:
        AssertionError: nothing true came within ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}; the last value was {value!r}")
        time.sleep(interval)


def children(pid: int) -> list[int]:
    """Return the processes started by any thread of ``pid`` that still run, in order of their ids."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in listing.read_text().split()]
        except OSError:
            continue
    return sorted(child for child in found if alive(child))


def alive(pid: int) -> bool:
    """Say whether the process exists and is not a zombie that waits for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def tree(pid: int) -> list[int]:
    """Return ``pid`` and everything that descends from it."""
    found = [pid]
    for parent in found:
        found += children(parent)
    return found


class ServerProcess:
    """One command that can be started again and again, each time as the leader of a new session."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.command = list(command)
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the command; fails when it was not started."""
        assert self._process is not None, f"{self.command[0]} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the command was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], timeout: float) -> None:
        """Start the command and return when ``ready`` says so.

        Raises:
            ServerFailed: it ended, or ``timeout`` seconds passed, before it was ready. Nothing of it
                is left running then.
        """
        assert not self.running, f"process {self.pid} still runs"
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not ready():
            code = self._process.poll()
            if code is not None:
                raise ServerFailed(self._told(f"ended with code {code} before it was ready"))
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(self._told(f"was not ready within {timeout} s"))
            time.sleep(POLL_SECONDS)

    def stop(self, timeout: float, signum: signal.Signals = signal.SIGTERM) -> None:
        """Ask the command to end, and check that it did so with code 0 in time, leaving nothing behind.

        Raises:
            ServerFailed: it took longer than ``timeout`` seconds, ended with another code, or left
                children behind. Nothing of it is left running then.
        """
        family = tree(self.pid)
        assert self._process is not None
        os.kill(self.pid, signum)
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(self._told(f"had not ended {timeout} s after {signum.name}")) from None
        orphans = [pid for pid in family if alive(pid)]
        self._kill_all(family)
        if code != 0:
            raise ServerFailed(self._told(f"ended with code {code} after {signum.name}; 0 was expected"))
        if orphans:
            raise ServerFailed(self._told(f"left processes {orphans} behind after {signum.name}"))

    def kill(self) -> None:
        """End the command and everything it started with SIGKILL, and wait until all are gone."""
        assert self._process is not None, "nothing was started"
        self._kill_all(tree(self.pid))
        self._process.wait(10)

    def output(self, lines: int = 60) -> str:
        """Return the last lines of what the command wrote to stdout and stderr."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _kill_all(self, family: list[int]) -> None:
        # The group first, in one call, so that nobody sees part of the family dead; then whoever left it.
        for target in (-self.pid, *family):
            try:
                if target < 0:
                    os.killpg(-target, signal.SIGKILL)
                elif alive(target):
                    os.kill(target, signal.SIGKILL)
            except ProcessLookupError:
                continue
        wait_until(lambda: not any(alive(pid) for pid in family), what=f"the end of processes {family}")

    def _told(self, what: str) -> str:
        return f"{' '.join(self.command)} {what}; its output:\n{self.output()}"
