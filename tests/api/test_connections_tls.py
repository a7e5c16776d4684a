"""HTTPS: what is spoken, and clients that begin a handshake and do not end it."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from harness.server import RegistryServer
from served import connect, head

CERTIFICATES = Path(__file__).parent.parent / "config" / "tls"


def lenient(newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A context that takes the certificate made for tests."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = newest
    return context


class SecureServer(RegistryServer):
    """A server that is asked over TLS whether it is ready."""

    def ready(self) -> bool:
        try:
            return self.ask("/v1/status/leader")[0] == 200
        except OSError:
            return False

    def ask(self, target: str, method: str = "GET", body: str | None = None) -> tuple[int, bytes]:
        """Send one request on a new connection."""
        connection = HTTPSConnection("127.0.0.1", self.port, timeout=20, context=lenient())
        try:
            connection.request(method, target, body)
            with connection.getresponse() as response:
                return response.status, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    files = ("--tls-cert", str(CERTIFICATES / "cert.pem"), "--tls-key", str(CERTIFICATES / "key.pem"))
    server = SecureServer(tmp_path_factory.mktemp("tls"), args=files)
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_reads_and_writes(server: SecureServer) -> None:
    body = '{"Node":"n","Address":"1","Service":{"Service":"secure"}}'
    assert server.ask("/v1/catalog/register", "PUT", body) == (200, b"true")
    assert b'"secure"' in server.ask("/v1/catalog/service/secure")[1]


def test_versions(server: SecureServer) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with lenient(version).wrap_socket(connect(server)) as connection:
            assert connection.version() == version.name.replace("v1_", "v1.")
            connection.sendall(head("GET", "/v1/status/leader"))
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 OK\r\n")


def test_plain_requests_are_not_answered(server: SecureServer) -> None:
    with connect(server) as connection:
        connection.sendall(head("GET", "/v1/status/leader"))
        received = connection.recv(1 << 16)
    assert b"HTTP" not in received


def test_unfinished_handshakes_keep_nobody_waiting(server: SecureServer) -> None:
    """Nor do they keep the server from stopping in time, which its fixture asks for."""
    with ExitStack() as opened:
        for number in range(200):
            connection: socket.socket = opened.enter_context(connect(server))
            connection.sendall(b"\x16\x03\x01\x02\x00\x01"[: number % 7])
        for _ in range(5):
            assert server.ask("/v1/status/leader")[0] == 200
        server.stop()
        server.start()
