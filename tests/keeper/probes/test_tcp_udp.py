"""TCP and UDP checks."""

import asyncio
import socket
from typing import Any

import pytest

from probes.certificates import Authority
from probes.support import TIMEOUT, closed_port, deaf_port, hang, probe, run, target
from registry.keeper.probes import Outcome


def test_tcp_connects() -> None:
    async def main() -> None:
        async with target(hang) as server:
            place = f"127.0.0.1:{server.port}"
            assert await probe({"TCP": place}) == Outcome("passing", f"TCP connect {place}: Success")
            local = await probe({"TCP": f"localhost:{server.port}"})
            assert local == Outcome("passing", f"TCP connect localhost:{server.port}: Success")
            assert (await probe({"TCP": f":{server.port}"})).status == "passing"

    run(main())


def test_tcp_refused() -> None:
    place = f"127.0.0.1:{closed_port()}"
    text = f"dial tcp {place}: connect: connection refused"
    assert run(probe({"TCP": place})) == Outcome("critical", text)


def test_tcp_timeout() -> None:
    with deaf_port() as port:
        found = run(probe({"TCP": f"127.0.0.1:{port}", "Timeout": TIMEOUT}))
    assert found == Outcome("critical", f"dial tcp 127.0.0.1:{port}: i/o timeout")


@pytest.mark.parametrize("network", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("127.0.0.1", "address 127.0.0.1: missing port in address"),
        ("::1:80", "address ::1:80: too many colons in address"),
        ("[::1", "address [::1: missing ']' in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("127.0.0.1:99999", "address 99999: invalid port"),
        ("127.0.0.1:" + "9" * 5000, "invalid port"),
        ("127.0.0.1:nosuch", "/nosuch: unknown port"),
        ("nope.invalid:1", "lookup nope.invalid: no such host"),
        ("a\0b:1", "lookup a\0b: no such host"),
        (f"{'x' * 300}:1", "no such host"),
    ],
)
def test_places_that_are_none(network: str, place: str, why: str) -> None:
    found = run(probe({network.upper(): place}))
    assert found.status == "critical"
    assert found.output.startswith(f"dial {network}: ")
    assert why in found.output


def test_port_by_name_and_ipv6() -> None:
    assert run(probe({"TCP": "127.0.0.1:tcpmux"})).output.startswith("dial tcp 127.0.0.1:1: ")
    port = closed_port()
    assert run(probe({"TCP": f"[::1]:{port}"})).output.startswith(f"dial tcp [::1]:{port}: ")
    assert run(probe({"TCP": f"[::ffff:127.0.0.1]:{port}"})).output.startswith(f"dial tcp 127.0.0.1:{port}: ")


def test_tcp_with_tls(authority: Authority) -> None:
    async def main() -> tuple[str, dict[str, Outcome]]:
        found = {}
        async with target(hang, authority.server("DNS:good.example")) as server, target(hang) as silent:
            shown = f"127.0.0.1:{server.port}"
            place = {"TCP": shown, "TCPUseTLS": True}
            known = {"ca_file": authority.ca_file}
            found["named"] = await probe({**place, "TLSServerName": "good.example"}, **known)
            found["skipped"] = await probe({**place, "TLSSkipVerify": True})
            found["other"] = await probe(place, **known)
            found["unknown"] = await probe(place)
            found["silent"] = await probe({**place, "TCP": f"127.0.0.1:{silent.port}", "Timeout": TIMEOUT})
        return shown, found

    place, found = run(main())
    assert found["named"] == found["skipped"] == Outcome("passing", f"TCP+TLS connect {place}: Success")
    assert found["other"] == Outcome("critical", "x509: certificate is not valid for 127.0.0.1")
    assert found["unknown"] == Outcome("critical", "x509: certificate signed by unknown authority")
    assert found["silent"].output.endswith(": i/o timeout")


class Listener(asyncio.DatagramProtocol):
    """Keeps what comes, and answers if it has an answer."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.received: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append(data)
        if self.answer is not None:
            self.transport.sendto(self.answer, addr)


@pytest.mark.parametrize("answer", [b"pong", b"", None])
def test_udp_answer_or_silence(answer: bytes | None) -> None:
    async def main() -> tuple[Outcome, str, list[bytes]]:
        loop = asyncio.get_running_loop()
        transport, listener = await loop.create_datagram_endpoint(lambda: Listener(answer), ("127.0.0.1", 0))
        try:
            place = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
            return await probe({"UDP": place, "Timeout": TIMEOUT}), place, listener.received
        finally:
            transport.close()

    found, place, received = run(main())
    assert found == Outcome("passing", f"UDP connect {place}: Success")
    assert received == [b""]


def test_udp_nobody_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{sock.getsockname()[1]}"
    found = run(probe({"UDP": place}))
    assert found == Outcome("critical", f"read udp {place}: read: connection refused")
