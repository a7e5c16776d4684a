"""Output of a probed check that changes with every run while its status does not."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from conftest import ServerFactory
from harness.process import wait_until


class Counting(BaseHTTPRequestHandler):
    """Answers each request with the number of those before it."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"run {type(self).asked}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def counting_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_new_output_is_shown_and_moves_no_index(server_factory: ServerFactory, counting_port: int) -> None:
    server = server_factory(args=("--check-output-interval", "1s"))
    check = {"HTTP": f"http://127.0.0.1:{counting_port}/", "Interval": "1s"}
    server.client.put("/v1/agent/service/register", {"Name": "web", "Check": check})

    def output() -> str:
        return str(server.client.get("/v1/health/checks/web").json[0]["Output"])

    wait_until(lambda: "run" in output())
    first, before = output(), server.client.get("/v1/health/service/web")
    watch = server.client.watch("/v1/health/service/web?passing", before.index, "5s")
    wait_until(lambda: output() != first)

    after = server.client.get("/v1/health/service/web")
    assert after.index == before.index
    assert after.body != before.body, "the answer was kept although its text is new"
    assert watch.result().seconds >= 5
