"""Checks that run programs, and definition files, on two servers that have both."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness.consul import ConsulServer, consul_binary
from harness.process import wait_until
from harness.server import RegistryServer

from differential import views
from differential.conftest import NODE, SUBJECT_IS_CONSUL, Sides
from differential.pair import Pair
from differential.side import Side

REGISTER = "/v1/agent/check/register"
SERVICE = "/v1/agent/service/register"
READS = (*views.EVERYTHING, *views.of_service("web"))
NEVER = {"Interval": "24h"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of definition files that both servers have."""
    return tmp_path_factory.mktemp("definitions")


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Sides]:
    """Run both servers with script checks enabled, for this file alone."""
    binary = consul_binary()
    # Without the second setting the catalog's outputs follow minutes later.
    settings = 'enable_script_checks = true\n check_update_interval = "0s"'
    theirs = ["-hcl", settings, f"-config-dir={folder}"]
    ours = ["--enable-script-checks", "true", "--definitions-dir", str(folder)]
    reference = ConsulServer(binary, tmp_path_factory.mktemp("reference"), NODE, args=theirs)
    root = tmp_path_factory.mktemp("subject")
    subject: ConsulServer | RegistryServer = RegistryServer(root, node=NODE, args=ours)
    if SUBJECT_IS_CONSUL:
        subject = ConsulServer(binary, root, NODE, args=theirs)
    try:
        with ThreadPoolExecutor(2) as starters:
            for started in [starters.submit(server.start) for server in (reference, subject)]:
                started.result()
        yield Sides(Side(reference, is_consul=True), Side(subject, is_consul=SUBJECT_IS_CONSUL))
    finally:
        reference.close()
        subject.close()


def shell(script: str, **more: Any) -> dict[str, Any]:
    return {"Args": ["/bin/sh", "-c", script], "Interval": "1s", **more}


def settle(pair: Pair) -> None:
    """Wait until every check has run on both sides and the catalog shows it."""

    def ran(side: Side) -> bool:
        checks = side.client.get("/v1/agent/checks").json.values()
        return all(check["Output"] for check in checks)

    for side in (pair.theirs, pair.ours):
        wait_until(lambda side=side: ran(side), timeout=20, what="the first result of every check")  # type: ignore[misc]
        side.settle()


def test_what_a_program_says_becomes_status_and_output(pair: Pair) -> None:
    checks = {
        "passes": shell("echo well"),
        "warns": shell("echo so-so; exit 1"),
        "fails": shell("echo ill >&2; exit 2"),
        "fails loudly": shell("exit_code=255; echo ill; exit $exit_code"),
        "is killed": shell("echo dying; kill -9 $$"),
        "says much": shell("head -c 5000 /dev/zero | tr '\\0' x; echo end"),
        "says little of much": shell("echo 0123456789abcdef", OutputMaxSize=10),
        "takes too long": shell("echo begun; exec sleep 30", Timeout="200ms"),
        "takes too long without a word": shell("exec sleep 30", Timeout="200ms"),
        "is not there": {"ScriptArgs": ["/no/such/program"], "Interval": "1s"},
        "is nowhere": {"script_args": ["no-such-program-anywhere"], "Interval": "1s"},
        "is a folder": {"args": ["/tmp"], "Interval": "1s"},
    }
    given = [{"CheckID": name, "Name": name, **check} for name, check in checks.items()]
    pair.put(SERVICE, {"Name": "web", "Checks": given})
    settle(pair)
    pair.read(*READS)


def test_a_check_that_is_registered_by_itself(pair: Pair) -> None:
    pair.put(SERVICE, {"Name": "web"})
    pair.put(REGISTER, {"Name": "disk", "ServiceID": "web", **shell("echo well")})
    pair.put(REGISTER, {"Name": "node", "Timeout": "5s", **shell("echo so-so; exit 1")})
    settle(pair)
    pair.read(*READS)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Name": "c", "Args": ["true"]}, id="no interval"),
        pytest.param({"Name": "c", "Args": ["true"], "TTL": "10s"}, id="ttl for an interval"),
        pytest.param({"Name": "c", "Args": ["true"], "TTL": "10s", **NEVER}, id="ttl and interval"),
        pytest.param({"Name": "c", "Args": [], **NEVER}, id="no program"),
        pytest.param({"Name": "c", "Args": "true", **NEVER}, id="text for a list"),
        pytest.param({"Name": "c", "Args": ["true"], "Timeout": "-1s", **NEVER}, id="negative timeout"),
        pytest.param({"Name": "c", "Args": ["true"], "HTTP": "http://h", **NEVER}, id="http goes first"),
        pytest.param({"Name": "c", "Args": ["true"], "OutputMaxSize": -1, **NEVER}, id="negative size"),
        pytest.param({"Name": "c", "Args": ["true"], "Status": "passing", **NEVER}, id="given status"),
        pytest.param({"Name": "c", "DockerContainerID": "x", "Args": ["a"], **NEVER}, id="docker"),
        pytest.param(
            {"Name": "c", "docker_container_id": "x", "Shell": "/bin/bash", "args": ["a"], **NEVER},
            id="docker with a shell",
        ),
        pytest.param({"Name": "c", "DockerContainerID": "x", "Args": ["a"]}, id="docker without interval"),
        pytest.param({"Name": "c", "DockerContainerID": "x", **NEVER}, id="docker without a program"),
    ],
)
def test_register(pair: Pair, body: dict[str, object]) -> None:
    pair.put(REGISTER, body)
    pair.put(SERVICE, {"Name": "web", "Check": body})
    pair.read(*READS)


DEFINITIONS: dict[str, dict[str, Any]] = {
    "service and check": {
        "service": {
            "name": "web",
            "id": "w1",
            "tags": ["a", "B"],
            "address": "10.0.0.1",
            "port": 80,
            "meta": {"Some_Key": "v"},
            "tagged_addresses": {"wan": {"address": "192.0.2.1", "port": 8080}},
            "weights": {"passing": 3, "warning": 2},
            "enable_tag_override": True,
            "token": "not looked at",
            "checks": [
                {"id": "beat", "name": "Beat", "notes": "n", "status": "passing", "ttl": "1h"},
                {"http": "http://127.0.0.1:1/", "tls_skip_verify": True, "interval": "24h", "timeout": "5s"},
            ],
        },
        "check": {"id": "disk", "name": "Disk", "args": ["true"], "interval": "24h", "output_max_size": 100},
    },
    "services and checks": {
        "services": [
            {"name": "web", "check": {"tcp": "127.0.0.1:1", "interval": "24h", "name": "listens"}},
            {"Name": "db", "Port": 1, "Check": {"TTL": "1h", "deregister_critical_service_after": "90m"}},
        ],
        "checks": [
            {"name": "of db", "service_id": "db", "ttl": "1h", "success_before_passing": 3},
            {"name": "of the node", "tcp": "127.0.0.1:1", "interval": "24h"},
        ],
    },
    "a proxy": {
        "service": {
            "name": "web",
            "port": 80,
            "connect": {"sidecar_service": {"proxy": {"local_service_port": 81}, "check": {"ttl": "1h"}}},
        },
    },
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_file(pair: Pair, folder: Path, name: str) -> None:
    file = folder / "definitions.json"

    def take_up(content: dict[str, Any], services: int) -> None:
        file.write_text(json.dumps(content))
        for side in (pair.theirs, pair.ours):
            assert side.client.put("/v1/agent/reload").status == 200
            wait_until(lambda side=side: len(side.client.get("/v1/agent/services").json) == services, 20)  # type: ignore[misc]
            side.settle()

    given = DEFINITIONS[name]
    take_up(given, len(given.get("services", [])) or 1 + (name == "a proxy"))
    # Not where the catalog shows indexes: it takes Consul several writes.
    ids = ("web", "w1", "db", "web-sidecar-proxy")
    pair.read("/v1/agent/services", "/v1/agent/checks", "/v1/catalog/services")
    pair.read(*(f"/v1/agent/service/{service_id}" for service_id in ids))
    pair.read(*(f"/v1/agent/health/service/id/{service_id}" for service_id in ids))
    take_up({}, 0)
    pair.read("/v1/agent/services", "/v1/agent/checks", "/v1/catalog/services")
