"""Row 18: no credential of ours is ever sent to a target."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from probes.certificates import Authority
from probes.support import OK, probe, recording, run, target

CANARY = "c4n4ry"


@pytest.fixture(autouse=True)
def surrounded_by_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a secret into every place where HTTP clients are known to look for one."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"default login {CANARY} password {CANARY}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    (tmp_path / ".netrc").write_bytes(netrc.read_bytes())
    for name in ("CONSUL_HTTP_TOKEN", "REGISTRY_TOKEN", "REGISTRY_MANAGEMENT_TOKEN"):
        monkeypatch.setenv(name, CANARY)


def kinds(port: int) -> list[dict[str, Any]]:
    place = f"127.0.0.1:{port}"
    return [
        {"HTTP": f"http://{place}/"},
        {"HTTP": f"http://{place}/", "Method": "POST", "Body": "x"},
        {"TCP": place},
        {"GRPC": place},
        {"H2PING": place, "H2PingUseTLS": False},
    ]


@pytest.mark.parametrize("kind", range(5))
def test_row_18_nothing_secret_is_sent(kind: int) -> None:
    received: list[bytes] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(65536))
        writer.write(OK)

    async def main() -> None:
        async with target(keep) as server:
            await probe(kinds(server.port)[kind])
            while not received:
                await asyncio.sleep(0)

    run(main())
    for word in (CANARY.encode(), b"authorization", b"cookie", b"x-consul-token"):
        assert word not in received[0].lower()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "grpc_proxy"])
def test_row_18_proxies_of_the_environment_are_not_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[int, int]:
        async with target(recording([])) as proxy, target(recording([])) as server:
            monkeypatch.setenv(name, f"http://{CANARY}:{CANARY}@127.0.0.1:{proxy.port}")
            monkeypatch.setenv("no_proxy", "")
            for definition in kinds(server.port):
                await probe(definition)
            return proxy.connections, server.connections

    assert run(main()) == (0, 5)


def test_row_18_no_cookie_is_kept() -> None:
    heads: list[bytes] = []
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: id=c4n4ry; Path=/\r\nContent-Length: 0\r\n\r\n"

    async def main() -> None:
        async with target(recording(heads, cookie)) as server:
            for _ in range(2):
                await probe({"HTTP": f"http://127.0.0.1:{server.port}/"})

    run(main())
    assert CANARY.encode() not in heads[1]


def test_row_18_no_certificate_of_ours_is_presented(authority: Authority) -> None:
    asking = authority.server("IP:127.0.0.1")
    asking.verify_mode = ssl.CERT_OPTIONAL
    asking.load_verify_locations(authority.ca_file)
    presented: list[object] = []

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        presented.append(writer.get_extra_info("ssl_object").getpeercert())
        writer.write(OK)

    async def main() -> str:
        async with target(keep, asking) as server:
            check = {"HTTP": f"https://127.0.0.1:{server.port}/"}
            return (await probe(check, ca_file=authority.ca_file)).status

    assert run(main()) == "passing"
    assert presented == [None]


def test_row_18_a_password_in_a_url_goes_to_its_target_and_is_not_shown() -> None:
    heads: list[bytes] = []

    async def main() -> list[str]:
        async with target(recording(heads)) as server:
            place = f"bob:{CANARY}@127.0.0.1:{server.port}"
            good = await probe({"HTTP": f"http://{place}/"})
            bad = await probe({"HTTP": f"http://{place}/%zz"})
        return [good.output, bad.output, (await probe({"HTTP": f"http://{place}/"})).output]

    outputs = run(main())
    assert b"Authorization: Basic Ym9iOmM0bjRyeQ==" in heads[0]
    for output in outputs:
        assert CANARY not in output
        assert "bob:***@127.0.0.1" in output


def test_row_18_our_settings_are_kept_from_programs() -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    found = run(probe({"ScriptArgs": ["python3", "-c", script]}, allow_scripts=True, max_output_bytes=65536))
    environ = json.loads(found.output)
    assert "PATH" in environ
    assert not [name for name in environ if name.startswith("REGISTRY_")]
