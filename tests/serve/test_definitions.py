"""Definition files of a running registry: taken up at the start and on reload, and by nothing else."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.client import Client
from harness.process import wait_until
from harness.server import START_SECONDS

from registry.wire.encode import dumps
from serve.conftest import MakeServer
from serve.support import Server

REGISTER = "/v1/agent/service/register"
TTL = {"ttl": "1h"}
WEB = {"service": {"name": "web", "port": 80, "check": {"id": "beat", **TTL}}}

Write = Callable[[str, object], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "definitions"
    made.mkdir()
    return made


@pytest.fixture
def write(folder: Path) -> Write:
    def write(name: str, content: object) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else dumps(content))
        return path

    return write


def serving(make_server: MakeServer, folder: Path, *args: str) -> Server:
    return make_server(workers=2, args=["--definitions-dir", str(folder), *args]).start()


def services(client: Client) -> dict[str, int]:
    """Return the ports of the agent's services by ID."""
    return {key: service["Port"] for key, service in client.get("/v1/agent/services").json.items()}


def checks(client: Client) -> dict[str, str]:
    """Return the statuses of the agent's checks by ID."""
    return {key: check["Status"] for key, check in client.get("/v1/agent/checks").json.items()}


def reload(server: Server) -> None:
    """Reload over the API, and wait until all workers and the keeper are new ones."""
    keepers, reloads = server.keepers(), server.output().count("were read again")
    reply = server.client.put("/v1/agent/reload")
    assert reply.status == 200, reply.text
    wait_until(lambda: server.output().count("were read again") > reloads, 30, "the reload")
    wait_until(lambda: server.keepers() and not set(server.keepers()) & set(keepers), 30, "a new keeper")


def test_what_files_define_is_there_from_the_first_answer_on(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    write("web.json", WEB)
    write("more.toml", b'[[services]]\nname = "db"\nport = 5432\n[[checks]]\nname = "load"\nttl = "1h"\n')
    server = serving(make_server, folder)
    assert services(server.client) == {"web": 80, "db": 5432}
    assert checks(server.client) == {"beat": "critical", "load": "critical"}
    assert f"1 further checks in 2 files of {folder}" in server.output()
    assert server.client.get("/v1/health/service/web").json[0]["Service"]["Port"] == 80
    server.stop()


def test_a_restart_keeps_the_state_and_writes_no_row_anew(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    write("web.json", WEB)
    server = serving(make_server, folder)
    server.client.put("/v1/agent/check/pass/beat?note=well")
    before = server.client.get("/v1/health/service/web")
    server.restart()
    after = server.client.get("/v1/health/service/web")
    assert after.json == before.json
    assert "well" in [check["Output"] for check in after.json[0]["Checks"]]
    assert after.index == before.index
    server.kill()
    server.start()
    assert server.client.get("/v1/health/service/web").json == before.json
    server.stop()


def test_what_is_in_no_file_any_more_goes_at_the_next_start(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    web = write("web.json", {**WEB, "check": {"name": "alone", **TTL}})
    write("db.json", {"service": {"name": "db", "port": 1, "checks": [TTL, {"id": "second", **TTL}]}})
    server = serving(make_server, folder)
    server.client.put(REGISTER, {"Name": "by-hand", "Check": {"TTL": "1h"}})
    server.stop()
    web.unlink()
    write("db.json", {"service": {"name": "db", "port": 1, "check": TTL}})
    server.start()
    assert services(server.client) == {"db": 1, "by-hand": 0}
    assert checks(server.client).keys() == {"service:db", "service:by-hand"}
    server.stop()


def test_without_the_folder_all_that_came_from_it_goes(
    make_server: MakeServer, folder: Path, write: Write, tmp_path: Path
) -> None:
    write("web.json", WEB)
    server = serving(make_server, folder)
    server.client.put(REGISTER, {"Name": "by-hand"})
    server.stop()
    bare = make_server(workers=2, data_dir=server.data_dir).start()
    assert services(bare.client) == {"by-hand": 0}
    assert checks(bare.client) == {}
    bare.stop()


def test_a_reload_takes_up_what_has_changed(make_server: MakeServer, folder: Path, write: Write) -> None:
    old = write("old.json", {"service": {"name": "web", "id": "web-1", "check": {"id": "moves", **TTL}}})
    write("stays.json", {"service": {"name": "stays", "connect": {"sidecar_service": {}}}})
    server = serving(make_server, folder)
    server.client.put("/v1/agent/check/pass/moves")
    stays = server.client.get("/v1/catalog/service/stays-sidecar-proxy").json
    old.unlink()
    write("new.json", {"service": {"name": "web", "id": "web-2", "check": {"id": "moves", **TTL}}})
    write("other.json", {"service": {"name": "other", "connect": {"sidecar_service": {}}}})
    reload(server)
    names = {"web-2", "stays", "stays-sidecar-proxy", "other", "other-sidecar-proxy"}
    assert services(server.client).keys() == names
    assert checks(server.client)["moves"] == "passing"
    (entry,) = server.client.get("/v1/health/service/web").json
    assert {check["CheckID"] for check in entry["Checks"]} == {"moves", "serfHealth"}
    assert server.client.get("/v1/catalog/service/stays-sidecar-proxy").json == stays
    ports = services(server.client)
    assert ports["stays-sidecar-proxy"] != ports["other-sidecar-proxy"]
    server.stop()


def test_a_wrong_file_leaves_a_running_registry_as_it_is(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    write("web.json", WEB)
    server = serving(make_server, folder)
    workers = server.worker_pids()
    write("web.json", {"service": {"name": "web", "port": 81}})
    write("wrong.json", {"service": {"name": "x", "prot": 1}})
    reply = server.client.put("/v1/agent/reload")
    assert reply.status == 500
    assert reply.text == (
        f"setting definitions_dir (flag --definitions-dir): {folder}/wrong.json: "
        "service: there is no key 'prot'; did you mean port?"
    )
    server.send(signal.SIGHUP)
    wait_until(lambda: f"settings stay as they were: {reply.text}" in server.output())
    assert server.worker_pids() == workers
    assert services(server.client) == {"web": 80}
    os.kill(workers[0], signal.SIGKILL)  # the one that replaces it goes by the files as they were, too
    server.wait_for_workers(2, without=workers[:1])
    wait_until(lambda: len(server.listening(server.worker_pids())) == 2, START_SECONDS)
    assert services(server.client) == {"web": 80}
    server.stop()


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_a_wrong_file_keeps_the_registry_from_starting(
    folder: Path, write: Write, tmp_path: Path, command: str
) -> None:
    write("web.json", {"service": {"name": "web", "port": "80"}})
    data = tmp_path / "data"
    args = ["--definitions-dir", str(folder), "--data-dir", str(data)]
    ended = subprocess.run(
        [sys.executable, "-m", "registry", command, *args],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"registry: setting definitions_dir (flag --definitions-dir): {folder}/web.json: "
        "service.port: expected a whole number, found '80'\n"
    )
    assert not data.exists()


def test_the_api_goes_first_until_the_files_are_read_again(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    """As in Consul: what the API did to a file's service stays until a reload, which brings it back."""
    for name in ("changed", "removed"):
        write(f"{name}.json", {"service": {"name": name, "port": 1, "check": TTL}})
    server = serving(make_server, folder)
    server.client.put(REGISTER, {"Name": "changed", "Port": 2})
    server.client.put("/v1/agent/service/deregister/removed")
    workers = server.worker_pids()
    for number, worker in enumerate(workers):
        os.kill(worker, signal.SIGKILL)
        server.wait_for_workers(2, without=workers[: number + 1])
    wait_until(lambda: len(server.listening(server.worker_pids())) == 2, START_SECONDS)
    assert services(server.client) == {"changed": 2}
    reload(server)
    assert services(server.client) == {"changed": 1, "removed": 1}
    server.stop()


def test_what_the_api_registered_again_stays_without_its_file(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    """As in Consul, and be it the very same definition."""
    definitions: dict[str, Any] = {
        name: {"name": name, "port": 1, "check": {"id": f"c-{name}", **TTL}}
        for name in ("same", "other", "none")
    }
    paths = [write(f"{name}.json", {"service": given}) for name, given in definitions.items()]
    server = serving(make_server, folder)
    server.client.put(REGISTER, definitions["same"])
    server.client.put(REGISTER, {**definitions["other"], "port": 2})
    for path in paths:
        path.unlink()
    reload(server)
    assert services(server.client) == {"same": 1, "other": 2}
    assert checks(server.client).keys() == {"c-same", "c-other"}
    server.stop()


def test_what_there_is_no_room_for_is_reported_and_nothing_of_it_registered(
    make_server: MakeServer, folder: Path, write: Write
) -> None:
    write("web.json", {"services": [{"name": "a"}, {"name": "b"}]})
    server = serving(make_server, folder, "--max-services", "3")  # that of the registry is one
    assert services(server.client).keys() == {"a", "b"}
    write("web.json", {"services": [{"name": "c"}, {"name": "d"}]})
    reload(server)
    assert services(server.client).keys() == {"c", "d"}, "what leaves makes room"
    write("web.json", {"services": [{"name": "c"}, {"name": "d"}, {"name": "e"}]})
    reload(server)
    assert services(server.client).keys() == {"c", "d"}
    assert "definition files could not be taken up: The registry has 3 services" in server.output()
    server.stop()
