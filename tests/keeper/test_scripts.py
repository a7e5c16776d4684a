"""Checks that run programs, on a real server: who may have them run, and what becomes of the others."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from harness.process import wait_until
from harness.server import RegistryServer

from registry.config.scripts import DISABLED_IN_FILES, DISABLED_OVER_API

CHECK = "/v1/agent/check/register"
SERVICE = "/v1/agent/service/register"
LOCAL, ALL = ("--enable-local-script-checks", "true"), ("--enable-script-checks", "true")

Make = Callable[..., RegistryServer]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make servers that are started, with one data folder and one folder of definition files."""
    made: list[RegistryServer] = []
    (tmp_path / "definitions").mkdir()

    def make(*args: str, files: bool = False) -> RegistryServer:
        for server in made:
            if server.running:
                server.stop()
        if files:
            args = (*args, "--definitions-dir", str(tmp_path / "definitions"))
        made.append(RegistryServer(tmp_path, args=args))
        return made[-1].start()

    yield make
    for server in made:
        server.close()


class Program:
    """A program that a check may run, which leaves a line in a file each time that it does."""

    def __init__(self, root: Path, name: str) -> None:
        self._ran = root / f"{name}.ran"
        self.check: dict[str, Any] = {
            "ID": name,
            "Name": name,
            "Args": ["/bin/sh", "-c", f"echo {name} >> {self._ran}; echo {name} ran"],
            "Interval": "1s",
        }

    @property
    def runs(self) -> int:
        """How often it has run."""
        return len(self._ran.read_text().splitlines()) if self._ran.exists() else 0


def define(root: Path, *checks: dict[str, Any]) -> None:
    (root / "definitions" / "checks.json").write_text(json.dumps({"checks": checks}))


def state(server: RegistryServer, check_id: str) -> tuple[str, str]:
    """Return the status and the output of a check."""
    check = server.client.get("/v1/agent/checks").json[check_id]
    return check["Status"], check["Output"]


def becomes(server: RegistryServer, check_id: str, status: str, output: str) -> None:
    wait_until(lambda: state(server, check_id) == (status, output), 15, f"{check_id}, {status}: {output}")


def some_rounds(server: RegistryServer) -> None:
    """Wait until a check with the shortest interval, registered now, has been run twice."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as target:
        target.timeout = 10
        tcp = {"Name": "rounds", "TCP": f"127.0.0.1:{target.server_address[1]}", "Interval": "1s"}
        assert server.client.put(CHECK, tcp).status == 200
        target.handle_request()
        target.handle_request()
    server.client.put("/v1/agent/check/deregister/rounds")


def test_scripts_over_the_api_run_where_they_are_enabled_with_a_warning(make: Make, tmp_path: Path) -> None:
    server, program = make(*ALL), Program(tmp_path, "api")
    assert server.client.put(CHECK, program.check).status == 200
    warns = {"Args": ["/bin/sh", "-c", "echo so-so; exit 1"], "Interval": "1s"}
    assert server.client.put(SERVICE, {"Name": "web", "Check": warns}).status == 200
    becomes(server, "api", "passing", "api ran\n")
    becomes(server, "service:web", "warning", "so-so\n")
    wait_until(lambda: "answers on" in server.output())
    lines = server.output().splitlines()
    logged = [line for line in lines if "WARNING registry: WARNING: enable_script_checks is true." in line]
    assert len(logged) == 1
    announced = lines[lines.index("WARNING: enable_script_checks is true.") :]
    assert announced[1].startswith(f"Whoever reaches 127.0.0.1:{server.port} can run any program")


def test_without_the_setting_nothing_is_taken_run_or_warned_of(make: Make, tmp_path: Path) -> None:
    server, program = make(*LOCAL), Program(tmp_path, "api")
    for body in (program.check, {**program.check, "DockerContainerID": "x"}):
        reply = server.client.put(CHECK, body)
        assert (reply.status, reply.text) == (500, DISABLED_OVER_API)
        reply = server.client.put(SERVICE, {"Name": "web", "Check": body})
        assert (reply.status, reply.text) == (500, DISABLED_OVER_API)
    assert server.client.get("/v1/agent/checks").json == {}
    assert server.client.get("/v1/agent/services").json == {}
    assert "WARNING" not in server.output()


def test_a_stored_script_does_not_run_without_the_setting(make: Make, tmp_path: Path) -> None:
    """It stays, critical at once however long its interval is, and runs again when it may."""
    program, seldom = Program(tmp_path, "api"), Program(tmp_path, "seldom")
    server = make(*ALL)
    server.client.put(CHECK, program.check)
    server.client.put(CHECK, {**seldom.check, "Interval": "24h", "Status": "passing"})
    becomes(server, "api", "passing", "api ran\n")
    for forbidden in ((), LOCAL):
        server = make(*forbidden)
        runs = program.runs
        becomes(server, "api", "critical", DISABLED_OVER_API)
        becomes(server, "seldom", "critical", DISABLED_OVER_API)
        some_rounds(server)
        assert program.runs == runs
    server = make(*ALL)
    becomes(server, "api", "passing", "api ran\n")
    assert seldom.runs == 0


def test_a_script_of_a_file_runs_where_those_over_the_api_may(make: Make, tmp_path: Path) -> None:
    program = Program(tmp_path, "file")
    define(tmp_path, program.check)
    server = make(*ALL, files=True)
    becomes(server, "file", "passing", "file ran\n")


def test_nobody_passes_for_a_definition_file(make: Make, tmp_path: Path) -> None:
    program, evil = Program(tmp_path, "file"), Program(tmp_path, "evil")
    define(tmp_path, program.check)
    server = make(*LOCAL, files=True)
    becomes(server, "file", "passing", "file ran\n")
    forged = {**evil.check, "ID": "file", "FromFile": True, "from_file": True, "Probe": {"FromFile": True}}
    for path, body in (
        (CHECK, forged),
        (SERVICE, {"Name": "web", "Check": {**forged, "CheckID": "file"}, "FromFile": True}),
        (SERVICE, {"Name": "web", "Connect": {"SidecarService": {"Checks": [forged]}}}),
    ):
        reply = server.client.put(path, body)
        assert (reply.status, reply.text) == (500, DISABLED_OVER_API)
    assert state(server, "file") == ("passing", "file ran\n")

    # What goes past the agent has a definition to be shown, and none to be run.
    node = {"Node": server.node, "SkipNodeUpdate": True}
    definition = {
        "ScriptArgs": evil.check["Args"],
        "IntervalDuration": "1s",
        "Interval": "1s",
        "FromFile": True,
    }
    for check_id in ("file", "new"):
        check = {
            **forged,
            "CheckID": check_id,
            "Status": "passing",
            "Definition": definition,
            "Type": "script",
        }
        assert server.client.put("/v1/catalog/register", {**node, "Check": check}).status == 200
    some_rounds(server)
    assert evil.runs == 0
    assert state(server, "file") == ("passing", "")  # as it was written, and nobody runs it any more


def test_what_replaced_a_file_s_check_over_the_api_is_the_api_s(make: Make, tmp_path: Path) -> None:
    """With other Args, or the same: when only files may have programs run, it does not."""
    for number, args in enumerate(("other", "same")):
        program, other = Program(tmp_path, f"file-{number}"), Program(tmp_path, f"other-{number}")
        define(tmp_path, program.check)
        server = make(*ALL, files=True)
        check_id = program.check["ID"]
        becomes(server, check_id, "passing", f"{check_id} ran\n")
        given = program.check if args == "same" else {**other.check, "ID": check_id}
        assert server.client.put(CHECK, given).status == 200
        define(tmp_path)
        server = make(*LOCAL, files=True)
        becomes(server, check_id, "critical", DISABLED_OVER_API)


def test_both_settings_are_taken_up_by_a_reload(make: Make, tmp_path: Path) -> None:
    program, local = Program(tmp_path, "api"), Program(tmp_path, "file")
    config = tmp_path / "registry.toml"
    config.write_text("enable_script_checks = true\n")
    server = make("--config", str(config), files=True)
    assert server.client.put(CHECK, program.check).status == 200
    becomes(server, "api", "passing", "api ran\n")

    config.write_text("enable_local_script_checks = true\n")
    define(tmp_path, local.check)
    assert server.client.put("/v1/agent/reload").status == 200
    becomes(server, "api", "critical", DISABLED_OVER_API)
    wait_until(lambda: "file" in server.client.get("/v1/agent/checks").json)
    becomes(server, "file", "passing", "file ran\n")
    assert server.client.put(CHECK, program.check).text == DISABLED_OVER_API

    config.write_text("")
    refused = server.client.put("/v1/agent/reload")
    assert refused.status == 500
    assert refused.text.endswith(f"/definitions/checks.json: checks[0]: {DISABLED_IN_FILES}")
    some_rounds(server)
    assert state(server, "file") == ("passing", "file ran\n")


class StandIn(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers the three calls of the Docker engine's API that a check makes, and notes what is asked."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), _Calls)
        self.asked: list[Any] = []


class _Calls(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        created = self.path == "/containers/c1/exec"
        self._answer(201 if created else 200, b'{"Id": "e1"}' if created else b"said in there\n")

    def do_GET(self) -> None:
        self._answer(200, b'{"ExitCode": 1}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(tmp_path / "docker.sock") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_docker_check_runs_with_a_stand_in_for_the_engine(
    make: Make, tmp_path: Path, stand_in: StandIn
) -> None:
    socket = ("--docker-socket", str(tmp_path / "docker.sock"))
    docker = {"DockerContainerID": "c1", "Shell": "/bin/bash", "Args": ["/check", "-x"], "Interval": "1s"}
    define(tmp_path, {"name": "file", "docker_container_id": "c1", "args": ["/from-file"], "interval": "1s"})
    server = make(*ALL, *socket, files=True)
    assert server.client.put(CHECK, {"Name": "api", **docker}).status == 200
    for check_id in ("api", "file"):
        becomes(server, check_id, "warning", "said in there\n")
        assert server.client.get("/v1/agent/checks").json[check_id]["Type"] == "docker"
    started = [body["Cmd"] for path, body in stand_in.asked if path == "/containers/c1/exec"]
    assert {tuple(command) for command in started} == {("/check", "-x"), ("/from-file",)}

    server = make(*LOCAL, *socket, files=True)
    becomes(server, "api", "critical", DISABLED_OVER_API)
    becomes(server, "file", "warning", "said in there\n")
