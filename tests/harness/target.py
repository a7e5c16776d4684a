"""What checks are pointed at: a small HTTP server that dies and comes back on command."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Target:
    """An HTTP server whose status can be set, and which can be ended and begun again."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target.asked += 1
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
