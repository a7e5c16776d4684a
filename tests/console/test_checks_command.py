"""``registry checks`` as people run it: a process that asks a server."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.process import wait_until
from harness.server import RegistryServer

TLS = Path(__file__).parent.parent / "config" / "tls"


def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    """Run the command, and return its exit code and what it printed on either stream."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    done = subprocess.run(
        [sys.executable, "-m", "registry", "checks", *arguments],
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A server with few checks on a page, on which two services and a strange check are registered."""
    server = RegistryServer(tmp_path_factory.mktemp("checks"), args=("--max-checks-listed", "2"))
    try:
        server.start()
        put = server.client.put
        put("/v1/agent/service/register", {"Name": "web", "Check": {"TTL": "1h", "CheckID": "a/web"}})
        put("/v1/agent/service/register", {"Name": "db", "Check": {"TCP": "127.0.0.1:1", "Interval": "1s"}})
        put("/v1/agent/check/pass/a/web?note=" + "%1b%5b31mred")
        evil = {"CheckID": "disk", "Name": "disk", "Status": "warning"}
        put("/v1/catalog/register", {"Node": "far", "Address": "10.0.0.1", "Check": evil})
        wait_until(lambda: all(check["Since"] for check in listed(server)))
        wait_until(lambda: listed(server, "--service", "db")[0]["Runs"], 15)
        yield server
    finally:
        server.close()


def address(server: RegistryServer) -> str:
    return f"127.0.0.1:{server.port}"


def listed(server: RegistryServer, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = run("--http-addr", address(server), "--json", *arguments)
    assert (code, err) == (0, "")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_the_table(server: RegistryServer) -> None:
    code, out, err = run("--http-addr", address(server))

    assert (code, err) == (0, "")
    head, *lines = out.splitlines()
    names = [
        "NODE",
        "CHECK",
        "SERVICE",
        "KIND",
        "STATE",
        "SINCE",
        "LAST RUN",
        "LATENCY",
        "NEXT RUN",
        "OUTPUT",
    ]
    at = [head.index(name) for name in names]
    assert at == sorted(at)
    rows = [
        [line[begin:end].strip() for begin, end in zip(at, [*at[1:], None], strict=True)] for line in lines
    ]
    assert [row[:5] for row in rows] == [
        ["far", "disk", "-", "-", "warning"],
        ["node-a", "a/web", "web", "ttl", "passing"],
        ["node-a", "serfHealth", "-", "-", "passing"],
        ["node-a", "service:db", "db", "tcp", "critical"],
    ]
    db = rows[3]
    assert db[5].endswith("ago") or db[5] == "now"
    assert db[7].endswith(" ms")
    assert db[9] == "dial tcp 127.0.0.1:1: connect: connection refused"
    assert rows[1][8].startswith("in ")
    assert rows[1][9] == "?[31mred"
    assert "\x1b" not in out


def test_filters(server: RegistryServer) -> None:
    assert [check["CheckID"] for check in listed(server)] == ["disk", "a/web", "serfHealth", "service:db"]
    assert [check["CheckID"] for check in listed(server, "--service", "db")] == ["service:db"]
    assert [check["CheckID"] for check in listed(server, "--state", "warning")] == ["disk"]
    assert [check["CheckID"] for check in listed(server, "--node", "far")] == ["disk"]
    assert [check["CheckID"] for check in listed(server, "--kind", "ttl")] == ["a/web"]


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (("--history", "a/web"), "a/web on node-a: passing, since "),
        (("--history", "node-a/a/web"), "a/web on node-a: passing, since "),
        (("--history", "far/disk"), "disk on far: warning, since "),
        (("--history", "disk", "--node", "far"), "disk on far: warning, since "),
    ],
)
def test_history(server: RegistryServer, arguments: tuple[str, ...], title: str) -> None:
    code, out, err = run("--http-addr", address(server), *arguments)

    assert (code, err) == (0, "")
    first, empty, head, *lines = out.splitlines()
    assert first.startswith(title)
    assert empty == ""
    assert head.split() == ["TIME", "WHEN", "FROM", "TO", "REASON"]
    assert "  new " in lines[0]
    if "web" in title:
        assert "  critical  passing   ?[31mred" in lines[1]


def test_history_as_json(server: RegistryServer) -> None:
    code, out, _ = run("--http-addr", address(server), "--history", "far/disk", "--json")

    assert code == 0
    assert [line["To"] for line in json.loads(out)["History"]] == ["warning"]


def test_the_address_comes_from_where_serve_takes_it(server: RegistryServer, tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(f'http_addr = "{address(server)}"\n')

    assert run(REGISTRY_HTTP_ADDR=address(server))[0] == 0
    assert run(REGISTRY_CONFIG=str(file))[0] == 0
    assert run("--config", str(file))[0] == 0
    assert (
        run("--config", str(file), "--http-addr", f"0.0.0.0:{server.port}", REGISTRY_HTTP_ADDR="127.0.0.1:1")[
            0
        ]
        == 0
    )


def test_errors_are_one_line_and_tell_what_to_do(server: RegistryServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
        assert run("--http-addr", nobody) == (
            1,
            "",
            f"registry: no registry answers on http://{nobody} (Connection refused); start it, or name its "
            "address with --http-addr\n",
        )
    here = ("--http-addr", address(server))
    assert run(*here, "--history", "x/y") == (
        1,
        "",
        "registry: Unknown check ID 'y' on node 'x'; GET /v1/internal/checks lists those there are\n",
    )
    assert run(*here, "--state", "blue") == (
        1,
        "",
        f"registry: http://{address(server)} answers 400: Invalid state 'blue': expected any, passing, "
        "warning, critical\n",
    )
    assert run("--http-addr", "nowhere")[0] == 2
    assert run("--ca-file", "/nowhere")[0] == 1


def test_over_tls(tmp_path: Path) -> None:
    cert, key = str(TLS / "cert.pem"), str(TLS / "key.pem")
    server = _Secure(tmp_path, args=("--tls-cert", cert, "--tls-key", key))
    try:
        server.start()
        here = ("--http-addr", address(server))

        assert run(*here, "--insecure")[0] == 0
        assert run(*here, REGISTRY_TLS_CERT=cert, REGISTRY_TLS_KEY=key)[0] == 0, "who has the file knows it"
        code, out, err = run(*here, "--ca-file", cert)
        assert (code, out) == (1, "")
        assert err.startswith(f"registry: the certificate of https://{address(server)} is not trusted (")
        assert "--insecure" in err
        code, _, err = run(*here)
        assert code == 1
        assert err.startswith(f"registry: no registry answers on http://{address(server)} (")
    finally:
        server.close()


class _Secure(RegistryServer):
    """A server that is ready when it listens."""

    def ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
