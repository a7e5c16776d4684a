"""What the tests of processes share: signals, starts that must fail, and looks behind a port."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crash.connection import Connection, serving_process
from harness.process import alive, children, wait_until
from harness.server import START_SECONDS, STOP_SECONDS, RegistryServer

START_FAILS_WITHIN_S = 30.0


class Server(RegistryServer):
    """A server that takes signals, and that is started when all of its workers are.

    Its port stays its own while it is down: other programs that look for a free one don't get it.
    """

    def __init__(self, root: Path, **options: Any) -> None:
        super().__init__(root, **options)
        self._port_held = socket.socket()
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            self._port_held.setsockopt(socket.SOL_SOCKET, option, 1)
        self._port_held.bind(("127.0.0.1", self.port))

    def close(self) -> None:
        """Kill what still runs of it, and let go of its port."""
        self.client.close()
        self._port_held.close()
        if self.running:
            self.kill()

    def start(self, timeout: float = START_SECONDS) -> "Server":
        """Start it and return when it has announced itself; until then the death of a worker ends it."""
        before = self._announcements()
        super().start(timeout)
        wait_until(lambda: self._announcements() > before, timeout, "the announcement")
        return self

    def _announcements(self) -> int:
        log = self._process.log
        return log.read_text(errors="replace").count("answers on") if log.exists() else 0

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def stop_with(self, number: signal.Signals) -> None:
        """Stop it with a signal; it has to end with code 0 within ten seconds and leave no process."""
        self._process.stop(STOP_SECONDS, number)

    def wait_for_end(self) -> int:
        """Wait until it has ended after a signal, for which it has ten seconds; return its exit code."""
        process = self._process._process
        assert process is not None
        return process.wait(STOP_SECONDS)

    def start_without_waiting(self) -> None:
        """Start the process and return at once."""
        self._process.start(lambda: True, 1)

    def kill_supervisor(self) -> None:
        """Kill the supervisor alone, with SIGKILL."""
        self.send(signal.SIGKILL)
        self.wait_for_end()

    def wait_for_workers(self, count: int, *, without: Sequence[int] = ()) -> list[int]:
        """Wait until so many workers run, none of them one of ``without``, and return them."""

        def replaced() -> list[int]:
            pids = self.worker_pids()
            return pids if len(pids) == count and not set(pids) & set(without) else []

        return wait_until(replaced, 20.0, f"{count} workers other than {list(without)}")

    def keepers(self) -> list[int]:
        """Return the keepers that run: one, or none while it is being replaced."""
        workers = self.worker_pids()
        return [pid for pid in children(self.pid) if pid not in workers]

    def listeners(self) -> int:
        """Return how many sockets listen on its port."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        local = f"0100007F:{self.port:04X}"
        return sum(fields[1] == local and fields[3] == "0A" for fields in map(str.split, lines))

    def listening(self, pids: Sequence[int]) -> set[int]:
        """Return which of these processes listen on its port."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        local = f"0100007F:{self.port:04X}"
        rows = [fields for fields in map(str.split, lines) if fields[1] == local and fields[3] == "0A"]
        sockets = {f"socket:[{fields[9]}]" for fields in rows}
        return {pid for pid in pids if sockets & set(open_files(pid))}

    def unread_bytes(self) -> int:
        """Return how many bytes clients have sent that no worker has read."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        local = f"0100007F:{self.port:04X}"
        queues = (fields[4] for fields in map(str.split, lines) if fields[1] == local and fields[3] == "01")
        return sum(int(queue.partition(":")[2], 16) for queue in queues)


def refused_start(data_dir: Path, port: int, *args: str) -> str:
    """Run a start that has to fail, and return what it says: one line, with exit code 1 and no more."""
    command = [sys.executable, "-m", "registry", "serve", "--http-addr", f"127.0.0.1:{port}"]
    command += ["--data-dir", str(data_dir), "--workers", "2", "--node", "node-b", *args]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=START_FAILS_WITHIN_S, check=False)
    assert ended.returncode == 1, f"expected code 1, found {ended.returncode}: {ended.stderr}"
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, f"expected one line, found: {ended.stderr}"
    assert lines[0].startswith("registry: ")
    return lines[0]


def open_files(pid: int) -> list[str]:
    """Return what the descriptors of a process stand for, nothing when it is gone."""
    found: list[str] = []
    with contextlib.suppress(OSError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(fd.readlink()))
    return found


def all_ended(pids: Sequence[int]) -> bool:
    """Say whether none of the processes runs."""
    return not any(alive(pid) for pid in pids)


async def connection_to(server: Server, wanted: int) -> Connection:
    """Return a connection that the process ``wanted`` serves; the kernel deals connections out by chance."""
    for _ in range(200):
        connection = await Connection.open(server.port)
        assert (await connection.request("GET", "/v1/status/leader")).status == 200
        if serving_process([connection], server.port, [wanted]):
            return connection
        connection.close()
    raise AssertionError(f"worker {wanted} was given none of 200 connections")
