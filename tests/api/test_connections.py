"""Ten thousand idle connections and five thousand waiting queries on one worker."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.process import wait_until
from harness.server import RegistryServer
from served import register, serving

IDLE, PARKED, RESERVE = 10_000, 5_000, 1_500
WATCHED = "/v1/health/service/watched"
QUIET = "/v1/coordinate/nodes?index=1&wait=1ms"
KIB_PER_CONNECTION = 24
"""More than an idle or a waiting connection takes in the worker."""


@contextmanager
def crowd(server: RegistryServer, target: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the connections; see `crowd.py`."""
    script = Path(__file__).with_name("crowd.py")
    command = [sys.executable, str(script), str(server.port), str(IDLE), str(PARKED), target]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def resident_kib(worker: int) -> int:
    """Memory of a process in KiB."""
    return int(Path(f"/proc/{worker}/status").read_text().partition("VmRSS:")[2].split()[0])


def test_a_crowd(tmp_path_factory: pytest.TempPathFactory) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < IDLE + PARKED + RESERVE:
        pytest.skip(f"the limit on open files is below {IDLE + PARKED + RESERVE}")
    with serving(tmp_path_factory, "--max-waiters", str(PARKED)) as server:
        api = server.client
        register(api, "n", "watched")
        register(api, "n", {"Service": "looked-up", "Port": 8080})
        known = api.get(WATCHED)
        answer = api.get("/v1/health/service/looked-up").body
        (worker,) = server.worker_pids()
        before = resident_kib(worker)
        with crowd(server, f"{WATCHED}?index={known.index}&wait=5m") as process:
            assert told(process) == "held"
            # All wait when no other may.
            wait_until(lambda: api.get(QUIET).status == 429, timeout=20, what="all queries to wait")
            assert resident_kib(worker) - before < (IDLE + PARKED) * KIB_PER_CONNECTION
            for number in range(100):
                assert api.get(f"/v1/health/service/looked-up?{number % 10}").body == answer
            register(api, "n", {"Service": "watched", "Port": 1})
            # While five thousand are being woken, lookups and writes go on.
            for _ in range(100):
                assert api.get("/v1/health/service/looked-up").body == answer
            register(api, "n", "another")
            assert told(process) == f"answered {PARKED}"
            assert process.poll() is None
        wait_until(lambda: open_files(worker) < 500, timeout=20, what="the connections to be given back")
        assert api.get(QUIET).status == 200
        assert api.get("/v1/health/service/looked-up").body == answer


def open_files(worker: int) -> int:
    return len(list(Path(f"/proc/{worker}/fd").iterdir()))
