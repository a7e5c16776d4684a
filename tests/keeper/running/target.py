"""A target for checks that run, and short forms of what tests ask about them."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.process import wait_until
from harness.server import RegistryServer


class Target:
    """An HTTP server whose status can be set, and which can be ended and begun again.

    Attributes:
        status: of its answers.
        asked: how many requests there have been.
        paths: what they asked for.
        open: answers wait while it is not set.
    """

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.paths: set[str] = set()
        self.open = threading.Event()
        self.open.set()
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target.asked += 1
                target.paths.add(self.path)
                target.open.wait(30)
                self.send_response(target.status)
                self.end_headers()
                self.wfile.write(b"as ever")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._handler = Handler
        self.port = 0
        self.begin()

    def begin(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def register(server: RegistryServer, name: str, **check: Any) -> None:
    reply = server.client.put("/v1/agent/service/register", {"Name": name, "Check": check})
    assert reply.status == 200, reply.text


def status_of(server: RegistryServer, name: str) -> str:
    return str(server.client.get(f"/v1/health/checks/{name}").json[0]["Status"])


def output_of(server: RegistryServer, name: str) -> str:
    return str(server.client.get(f"/v1/health/checks/{name}").json[0]["Output"])


def becomes(server: RegistryServer, name: str, status: str, timeout: float = 10) -> None:
    wait_until(lambda: status_of(server, name) == status, timeout)
