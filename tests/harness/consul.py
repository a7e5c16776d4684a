"""A real Consul as a process: one durable server on loopback, ACLs off, for side-by-side tests."""

import os
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from harness.client import Client
from harness.process import ServerProcess, free_ports

BINARY_VARIABLE = "REGISTRY_TEST_CONSUL"
START_SECONDS = 30.0

_SETTINGS = """
limits { http_max_conns_per_client = 15000 }
performance { raft_multiplier = 1 }
disable_update_check = true
"""


def consul_binary() -> Path:
    """Return the Consul binary that REGISTRY_TEST_CONSUL names, or skip the test if it names none.

    Raises:
        pytest.UsageError: the variable names something that is not an executable file.
    """
    named = os.environ.get(BINARY_VARIABLE)
    if not named:
        pytest.skip(f"{BINARY_VARIABLE} is not set: it names the Consul binary to compare with")
    path = Path(named)
    if not os.access(path, os.X_OK) or not path.is_file():
        raise pytest.UsageError(f"{BINARY_VARIABLE}={named}: expected the path of an executable Consul")
    return path


class ConsulServer:
    """A Consul server; same attributes and methods as `RegistryServer` where the tests use both.

    It is ready when it leads, has given its own node its addresses and has written its own service:
    from then on its catalog does not change by itself.
    """

    def __init__(self, binary: Path, root: Path, node: str = "node-a", *, args: Sequence[str] = ()) -> None:
        """Prepare a server under the folder ``root``; ``args`` are appended to the command line."""
        self.port, rpc_port, serf_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.node = node
        command = [
            *(str(binary), "agent", "-server", "-bootstrap-expect=1", f"-data-dir={root / 'data'}"),
            *("-bind=127.0.0.1", "-client=127.0.0.1", f"-http-port={self.port}"),
            *(f"-server-port={rpc_port}", f"-serf-lan-port={serf_port}", "-serf-wan-port=-1"),
            *("-dns-port=-1", "-grpc-port=-1", f"-node={node}", "-log-level=warn", "-hcl", _SETTINGS),
            *args,
        ]
        self._process = ServerProcess(command, root / "consul.log")
        self.client = Client(self.url)

    def start(self, timeout: float = START_SECONDS) -> "ConsulServer":
        """Start it and return when it is ready; see `ServerProcess.start` for what can go wrong."""
        self._process.start(self.ready, timeout)
        return self

    def ready(self) -> bool:
        """Say whether its own node, service and check are complete in the catalog."""
        try:
            view = httpx.get(f"{self.url}/v1/catalog/node/{self.node}", timeout=1, trust_env=False)
            checks = httpx.get(f"{self.url}/v1/health/node/{self.node}", timeout=1, trust_env=False)
        except httpx.HTTPError:
            return False
        if view.status_code != 200 or checks.status_code != 200:
            return False
        shown = view.json() or {}
        return bool(
            shown.get("Services", {}).get("consul")
            and shown["Node"]["TaggedAddresses"]
            and any(check["CheckID"] == "serfHealth" for check in checks.json())
        )

    def output(self) -> str:
        """Return the last lines it printed."""
        return self._process.output()

    def close(self) -> None:
        """End it at once: its data is thrown away, so there is nothing to finish."""
        self.client.close()
        if self._process.running:
            self._process.kill()
