"""The servers that are compared: the registry, the bare server, a real Consul."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from bench.bare import Headers, write_answer
from bench.process import BenchError, Process, free_ports

CONSUL_VARIABLE = "REGISTRY_BENCH_CONSUL"
START_WITHIN_S = 180.0
STOP_WITHIN_S = 12.0

_CONSUL_SETTINGS = """
limits { http_max_conns_per_client = 15000 }
performance { raft_multiplier = 1 }
disable_update_check = true
"""


class Reply:
    """An answer to a single request."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class Server:
    """A server that runs on a port of 127.0.0.1.

    Attributes:
        name: as it is called in results.
        process: the program with all its processes.
        start_s: seconds from its start to its first answer.
    """

    def __init__(self, name: str, port: int, process: Process) -> None:
        self.name = name
        self.port = port
        self.process = process
        self.start_s = 0.0

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask for something; see `send`."""
        return self.send("GET", target, headers=headers)

    def send(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request with a body of JSON, if any.

        Raises:
            OSError, HTTPException: there is no answer.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, target, sent, dict(headers or {}))
            response = connection.getresponse()
            received = [(name.lower().encode(), value.encode()) for name, value in response.getheaders()]
            return Reply(response.status, received, response.read())
        finally:
            connection.close()

    def instances(self, target: str) -> int:
        """Return how many elements the list at ``target`` has, -1 while there is no such answer."""
        try:
            reply = self.get(target)
            return len(reply.json) if reply.status == 200 else -1
        except (OSError, HTTPException):
            return -1

    def await_answer(self, target: str, least: int) -> float:
        """Wait until a list has so many elements; return and keep the seconds since the start."""
        self.start_s = self.process.wait_for(lambda: self.instances(target) >= least, START_WITHIN_S)
        return self.start_s


def registry(folder: Path, data_dir: Path, workers: int, args: Sequence[str] = ()) -> Server:
    """Start a registry; it may not answer yet."""
    (port,) = free_ports(1)
    command = [
        *(sys.executable, "-m", "registry", "serve", "--http-addr", f"127.0.0.1:{port}"),
        *("--data-dir", str(data_dir), "--workers", str(workers), "--node", "bench", *args),
    ]
    return Server("registry", port, Process(command, folder / "registry.log"))


def bare(folder: Path, like: Reply, workers: int) -> Server:
    """Start the bare server on an answer like this one; it may not answer yet."""
    (port,) = free_ports(1)
    answer = folder / "answer"
    write_answer(answer, like.headers, like.body)
    command = [sys.executable, "-m", "bench.bare", str(port), str(workers), str(answer)]
    return Server("bare server", port, Process(command, folder / "bare.log"))


def consul(folder: Path, binary: Path) -> Server:
    """Start one durable Consul; it may not answer yet."""
    port, rpc_port, serf_port = free_ports(3)
    command = [
        *(str(binary), "agent", "-server", "-bootstrap-expect=1", f"-data-dir={folder / 'consul'}"),
        *("-bind=127.0.0.1", "-client=127.0.0.1", f"-http-port={port}", f"-server-port={rpc_port}"),
        *(f"-serf-lan-port={serf_port}", "-serf-wan-port=-1", "-dns-port=-1", "-grpc-port=-1"),
        *("-node=bench", "-log-level=warn", "-hcl", _CONSUL_SETTINGS),
    ]
    return Server("Consul", port, Process(command, folder / "consul.log"))


def consul_binary() -> Path | None:
    """Return the Consul that the environment names, None if it names none.

    Raises:
        BenchError: it names something that can't be run.
    """
    named = os.environ.get(CONSUL_VARIABLE)
    if not named:
        return None
    path = Path(named)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise BenchError(f"{CONSUL_VARIABLE} must name a Consul binary; what it names can't be run")
    return path


def consul_version(binary: Path) -> str:
    """Return the version line of a Consul."""
    shown = subprocess.run([binary, "version"], capture_output=True, text=True, check=True, timeout=10)
    return shown.stdout.splitlines()[0].replace("Consul v", "")
