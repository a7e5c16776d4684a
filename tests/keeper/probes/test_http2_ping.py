"""HTTP/2 ping checks against a real HTTP/2 server."""

import asyncio
from ssl import SSLContext
from typing import Any

import h2.config
import h2.connection
import h2.exceptions

from probes.certificates import Authority
from probes.support import OK, TIMEOUT, answer, answer_and_stay, closed_port, hang, probe, run, target
from registry.keeper.probes import Outcome


async def serve_http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak HTTP/2 as h2 does, which answers pings."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    while True:
        writer.write(connection.data_to_send())
        data = await reader.read(65536)
        if not data:
            return
        connection.receive_data(data)


async def go_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    connection.close_connection(error_code=11)
    writer.write(connection.data_to_send())
    await reader.read()


async def ping(behave: Any, tls: SSLContext | None = None, **more: Any) -> Outcome:
    options = {"ca_file": more.pop("ca_file")} if "ca_file" in more else {}
    async with target(behave, tls) as server:
        return await probe({"H2PING": f"127.0.0.1:{server.port}", **more}, **options)


PASSING = Outcome("passing", "HTTP2 ping was successful")


def test_ping_without_tls() -> None:
    assert run(ping(serve_http2, H2PingUseTLS=False)) == PASSING


def test_tls_is_the_default(authority: Authority) -> None:
    context = authority.server("IP:127.0.0.1", protocol="h2")
    assert run(ping(serve_http2, context, ca_file=authority.ca_file)) == PASSING
    assert run(ping(serve_http2, context, TLSSkipVerify=True)) == PASSING
    found = run(ping(serve_http2, context))
    assert found.status == "critical"
    assert found.output.startswith("Failed to dial to 127.0.0.1:")
    assert found.output.endswith(": x509: certificate signed by unknown authority")


def test_nobody_there() -> None:
    place = f"127.0.0.1:{closed_port()}"
    text = f"Failed to dial to {place}: dial tcp {place}: connect: connection refused"
    assert run(probe({"H2PING": place})) == Outcome("critical", text)
    text = "Failed to dial to x: dial tcp: address x: missing port in address"
    assert run(probe({"H2PING": "x"})) == Outcome("critical", text)


def test_no_answer_to_the_ping() -> None:
    found = run(ping(hang, H2PingUseTLS=False, Timeout=TIMEOUT))
    assert found == Outcome("critical", "HTTP2 ping failed: context deadline exceeded")


def test_servers_that_do_not_speak_http2() -> None:
    found = run(ping(answer_and_stay(OK), H2PingUseTLS=False))
    assert found.status == "critical"
    assert found.output.startswith("HTTP2 ping failed: http2: ")
    gone = run(ping(answer(b""), H2PingUseTLS=False))
    assert gone.output.startswith("HTTP2 ping failed: ")
    assert gone.status == "critical"


def test_server_that_sends_us_away() -> None:
    found = run(ping(go_away, H2PingUseTLS=False))
    assert found == Outcome("critical", "HTTP2 ping failed: http2: server sent GOAWAY, error code 11")
