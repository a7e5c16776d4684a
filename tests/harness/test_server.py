"""Starting, stopping and killing a real server the way tests rely on."""

import sys
from pathlib import Path

import pytest

from harness.process import ServerFailed, ServerProcess, alive, tree
from harness.server import RegistryServer

SERVICES = "/v1/catalog/services"
REGISTER = "/v1/catalog/register"


def node(name: str) -> dict[str, str]:
    return {"Node": name, "Address": "10.0.0.1"}


def test_stop_restart_and_kill_keep_the_data(tmp_path: Path) -> None:
    server = RegistryServer(tmp_path, workers=2).start()
    try:
        assert len(server.worker_pids()) == 2
        assert server.client.put(REGISTER, node("one")).json is True
        server.restart()
        assert server.client.put(REGISTER, node("two")).json is True
        family = tree(server.pid)
        server.kill()
        assert not any(alive(pid) for pid in family)
        assert not server.running
        server.start()
        assert {entry["Node"] for entry in server.client.get("/v1/catalog/nodes").json} >= {"one", "two"}
    finally:
        server.close()


def test_watch_is_answered_by_a_change(server: RegistryServer) -> None:
    client = server.client
    watch = client.watch("/v1/catalog/nodes", client.get("/v1/catalog/nodes").index)
    client.put(REGISTER, node("late"))
    assert "late" in watch.result().text


def test_watch_can_be_given_up(server: RegistryServer) -> None:
    client = server.client
    watch = client.watch("/v1/catalog/nodes", client.get("/v1/catalog/nodes").index)
    watch.cancel()
    with pytest.raises(ConnectionError):  # before or after the request went out
        watch.result()


def test_raw_requests_go_out_as_they_are(server: RegistryServer) -> None:
    reply = server.client.raw(b"GET /v1/status/leader HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")


def test_a_failed_start_tells_the_output(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no luck'); raise SystemExit(3)"]
    process = ServerProcess(command, tmp_path / "log")
    with pytest.raises(ServerFailed, match=r"ended with code 3(.|\n)*no luck"):
        process.start(lambda: False, 10)


@pytest.mark.parametrize(
    ("program", "seconds", "complaint"),
    [
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))", 10, "ended with code 5"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0.1, "had not ended 0.1 s after SIGTERM"),
    ],
)
def test_a_bad_stop_is_noticed(tmp_path: Path, program: str, seconds: float, complaint: str) -> None:
    ready = tmp_path / "ready"
    code = (
        f"import pathlib, signal, sys, time; {program}; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    process = ServerProcess([sys.executable, "-c", code], tmp_path / "log")
    process.start(ready.exists, 10)
    with pytest.raises(ServerFailed, match=complaint):
        process.stop(seconds)
    assert not alive(process.pid)
