"""A server process under measurement: started, asked for its processor time and memory, ended."""

import contextlib
import functools
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from registry.serve.process import die_with_parent

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
POLL_S = 0.005

_ESTABLISHED, _LISTENING = "01", "0A"
"""States of sockets in /proc/net/tcp."""


class BenchError(Exception):
    """Something kept a measurement from being made.

    Args:
        text: what, and what to do; it becomes part of the results.
        output: what a program said about it; only for who sits in front, as it may name their files.
    """

    def __init__(self, text: str, output: str = "") -> None:
        super().__init__(text)
        self.output = output


class Process:
    """A command and everything that it starts, in a session of its own.

    It is told to end when this process ends, however that happens. The environment has no settings for it.

    Args:
        command: what to run.
        log: where its output goes.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._name = Path(command[0]).name
        self._log = log
        self.started = time.perf_counter()
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")},
                start_new_session=True,
                preexec_fn=functools.partial(die_with_parent, os.getpid()),
            )

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> float:
        """Return the seconds from the start of the process until the condition holds.

        Raises:
            BenchError: the process ended, or ``timeout_s`` passed, before that.
        """
        while not condition():
            if self._popen.poll() is not None:
                raise BenchError(f"{self._name} ended with status {self._popen.returncode}", self.output())
            if time.perf_counter() - self.started > timeout_s:
                raise BenchError(f"{self._name} was not ready within {timeout_s:g} s", self.output())
            time.sleep(POLL_S)
        return time.perf_counter() - self.started

    def pids(self) -> list[int]:
        """Return the process and its descendants, itself first."""
        found = [self._popen.pid]
        for pid in found:
            for listing in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in listing.read_text().split()]
        return found

    def cpu_s(self) -> float:
        """Return the seconds of processor time that it and its descendants have taken so far."""
        return sum(cpu_s(pid) for pid in self.pids())

    def memory_bytes(self) -> dict[int, int]:
        """Return the memory that it and each of its descendants have to themselves, by process id.

        Pages of files, such as those of the data that all processes map, are not counted.
        """
        found = {}
        for pid in self.pids():
            kib = re.search(r"^RssAnon:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            found[pid] = int(kib[1]) * 1024 if kib else 0
        return found

    def shared_memory_bytes(self) -> dict[str, int]:
        """Return the proportional set size of it and each of its descendants, by name and process id.

        What several processes share counts for each in part (PSS), so that the sum is what they take.
        """
        found = {}
        for pid in self.pids():
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                kib = re.search(r"^Pss:\s*(\d+) kB", rollup, re.MULTILINE)
                found[f"{name} {pid}"] = int(kib[1]) * 1024 if kib else 0
        return found

    def output(self) -> str:
        """Return the last lines that it printed."""
        lines = self._log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join(lines)

    def end(self, *, graceful_s: float = 0.0) -> None:
        """End it, after asking it to for ``graceful_s`` seconds, with everything it has started."""
        if graceful_s and self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(graceful_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait(10)


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has taken so far, 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 on which nothing listens at the moment."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in sockets]


def accepted_by(port: int, pids: Sequence[int]) -> dict[int, int]:
    """Return for each open connection to a port which process accepted it: client port to process id."""
    sockets = dict(_sockets(port, _ESTABLISHED))
    return {sockets[inode]: pid for inode, pid in _holders(pids) if inode in sockets}


def listening_on(port: int, pids: Sequence[int]) -> set[int]:
    """Return which of the processes listen on a port."""
    sockets = {inode for inode, _ in _sockets(port, _LISTENING)}
    return {pid for inode, pid in _holders(pids) if inode in sockets}


def _sockets(port: int, state: str) -> Iterator[tuple[str, int]]:
    """Yield the inode and the other end's port of our sockets on a local port."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == state:
            yield f"socket:[{fields[9]}]", int(fields[2].rpartition(":")[2], 16)


def _holders(pids: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield what the processes have open."""
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(entry), pid
