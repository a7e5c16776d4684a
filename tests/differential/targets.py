"""What both servers' checks are pointed at."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

TLS = Path(__file__).parents[1] / "config" / "tls"
HEALTH_STATES = {"": b"\x08\x01", "up": b"\x08\x01", "down": b"\x08\x02"}


class HttpTarget:
    """Answers by path.

    ``/status/N`` with that status; ``/echo`` with the method, headers and body that it got;
    ``/big`` with more than is kept; ``/hang`` not until the target is ended.

    Attributes:
        port: where it listens on 127.0.0.1.
        requests: by path, the client's port of each request.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        over = self._over = threading.Event()
        self.requests: dict[str, list[int]] = {}
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                target.requests.setdefault(self.path, []).append(self.client_address[1])
                if self.path == "/hang":
                    over.wait(60)
                answer = b"well"
                if self.path == "/echo":
                    lines = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items())]
                    answer = "\n".join(lines).encode() + b"\n\n" + body
                elif self.path == "/big":
                    answer = b"".join(b"%06d\n" % line for line in range(2000))
                kind, _, status = self.path[1:].partition("/")
                self.send_response(int(status) if kind == "status" else 200)
                if status == "301":
                    self.send_header("Location", "/status/200")
                if status != "204":
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if status != "204" and self.command != "HEAD":
                    self.wfile.write(answer)

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Say nothing: some clients are meant to fail."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        """Let everybody go."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def http_target(tls: bool = False) -> Iterator[HttpTarget]:
    """Run a target; with ``tls``, behind a certificate that nobody trusts."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    target = HttpTarget(context)
    try:
        yield target
    finally:
        target.end()


@contextlib.contextmanager
def grpc_target() -> Iterator[int]:
    """Run a gRPC server with the health service, and give its port."""

    def check(request: bytes, context: Any) -> bytes:
        service = request[2:].decode()
        if service not in HEALTH_STATES:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return HEALTH_STATES[service]

    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
    )
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait(10)


def closed_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
