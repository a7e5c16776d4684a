"""Our own server as a process: `registry serve` on a free port with a data folder of its own."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from harness.client import Client
from harness.process import ServerProcess, children, free_ports

START_SECONDS = 20.0
STOP_SECONDS = 10.0


class RegistryServer:
    """A `registry serve` that can be stopped, killed and started again on the same data and port.

    Attributes:
        port: where it listens on 127.0.0.1.
        url: the same as a URL, without a trailing slash.
        data_dir: its data folder.
        node: the name of its own node in the catalog.
        client: a client that stays usable across restarts.
    """

    def __init__(
        self,
        root: Path,
        *,
        workers: int = 1,
        node: str = "node-a",
        port: int | None = None,
        data_dir: Path | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a server under the folder ``root`` (data in ``data``, output in ``server.log``).

        ``args`` are appended to the command line, ``env`` is laid over the environment of the tests.
        """
        self.port = port or free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir or root / "data"
        self.node = node
        command = [
            *(sys.executable, "-m", "registry", "serve"),
            *("--http-addr", f"127.0.0.1:{self.port}", "--data-dir", str(self.data_dir)),
            *("--workers", str(workers), "--node", node, *args),
        ]
        self._process = ServerProcess(command, root / "server.log", env)
        self.client = Client(self.url)

    @property
    def pid(self) -> int:
        """Process id of the supervisor, the process that was started."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the supervisor runs."""
        return self._process.running

    def start(self, timeout: float = START_SECONDS) -> "RegistryServer":
        """Start it and return when it answers; see `ServerProcess.start` for what can go wrong."""
        self._process.start(self.ready, timeout)
        return self

    def ready(self) -> bool:
        """Say whether it has a leader, as clients of Consul ask before they start, and its keeper runs."""
        try:
            answer = httpx.get(f"{self.url}/v1/status/leader", timeout=1, trust_env=False)
        except httpx.HTTPError:
            return False
        leads = answer.status_code == 200 and len(answer.content) > len('""')
        return leads and any(_name(pid) == "registry-keeper" for pid in children(self.pid))

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop it with SIGTERM and check that it ends with code 0 in time and leaves no process."""
        self._process.stop(timeout)

    def kill(self) -> None:
        """End the supervisor and all workers with SIGKILL."""
        self._process.kill()

    def restart(self) -> None:
        """Stop it properly if it runs, and start it again on the same data and port."""
        if self.running:
            self.stop()
        self.start()

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers that live now, in ascending order."""
        return [pid for pid in children(self.pid) if _name(pid) == "registry-worker"]

    def keeper_pid(self) -> int:
        """Return the process id of the keeper; ValueError while there is none."""
        (pid,) = [pid for pid in children(self.pid) if _name(pid) == "registry-keeper"]
        return pid

    def output(self) -> str:
        """Return the last lines it printed, of all starts so far."""
        return self._process.output()

    def close(self) -> None:
        """Stop it properly if it runs, and close the client."""
        self.client.close()
        if self.running:
            self.stop()


def _name(pid: int) -> str:
    """Return the name that a process has given itself, "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
