"""A small HTTP client for tests: exact request targets, replies as plain values, parked requests."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

import httpx

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """One answer: status, headers by lower-cased name, the body's bytes, seconds until it was read."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = field(compare=False, default=0.0)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON values; integers keep their precision."""
        return json.loads(self.body)

    @property
    def index(self) -> int:
        """The number in X-Consul-Index; KeyError if the answer has none."""
        return int(self.headers["x-consul-index"])


class Watch:
    """A request that waits in a thread of its own, on a connection of its own.

    Attributes:
        sent: set when the request has been sent, or could not be.
    """

    def __init__(self, host: str, port: int, target: str, timeout: float) -> None:
        self._connection = HTTPConnection(host, port, timeout=timeout)
        self._future: Future[Reply] = Future()
        self._target = target
        self.sent = threading.Event()
        self._connection.connect()
        self._thread = threading.Thread(target=self._run, name=f"watch {target}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        started = time.monotonic()
        try:
            self._connection.request("GET", self._target)
            self.sent.set()
            reply = _read(self._connection.getresponse(), started)
        except (OSError, HTTPException) as err:
            self._future.set_exception(err)
        else:
            self._future.set_result(reply)
        finally:
            self.sent.set()
            self._connection.close()

    @property
    def done(self) -> bool:
        """Whether it was answered (or failed)."""
        return self._future.done()

    def wait(self, timeout: float) -> bool:
        """Wait for the answer for at most ``timeout`` seconds; say whether it came, or the request failed."""
        return bool(wait((self._future,), timeout).done)

    def result(self, timeout: float = 10.0) -> Reply:
        """Return the answer, waiting for it for at most ``timeout`` seconds (then TimeoutError)."""
        return self._future.result(timeout)

    def cancel(self) -> None:
        """Close the connection without waiting for an answer, as a client that goes away does."""
        sock: socket.socket | None = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)


class Client:
    """Talks to one server; request targets go out exactly as they are given."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self.url = httpx.URL(url)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        # Without verification no certificates are loaded, which takes longer than a whole test.
        self._http = httpx.Client(timeout=timeout, limits=limits, trust_env=False, verify=False)

    def request(self, method: str, target: str, body: object = None, headers: Headers | None = None) -> Reply:
        """Send one request. A ``body`` of bytes or text goes out as it is, anything else as JSON."""
        content = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        started = time.monotonic()
        answer = self._http.request(
            method,
            self.url,
            content=content,
            headers={"Accept-Encoding": "identity", **(headers or {})},
            extensions={"target": target.encode()},
        )
        seconds = time.monotonic() - started
        return Reply(answer.status_code, dict(answer.headers), answer.content, seconds)

    def get(self, target: str, headers: Headers | None = None) -> Reply:
        """Send a GET."""
        return self.request("GET", target, headers=headers)

    def put(self, target: str, body: object = None, headers: Headers | None = None) -> Reply:
        """Send a PUT."""
        return self.request("PUT", target, body, headers)

    def delete(self, target: str, headers: Headers | None = None) -> Reply:
        """Send a DELETE."""
        return self.request("DELETE", target, headers=headers)

    def watch(self, target: str, index: int | None = None, wait: str = "10s", timeout: float = 60.0) -> Watch:
        """Start a blocking query; without ``index``, ``target`` must bring its own parameters."""
        if index is not None:
            target += f"{'&' if '?' in target else '?'}index={index}&wait={wait}"
        return Watch(self.url.host, self.url.port or 80, target, timeout)

    def raw(self, data: bytes, timeout: float = 10.0) -> Reply:
        """Send bytes as they are on a new connection and read one answer.

        Raises:
            OSError, http.client.HTTPException: the connection ended without a whole answer.
        """
        method = data.split(b" ", 1)[0].decode(errors="replace")
        started = time.monotonic()
        with socket.create_connection((self.url.host, self.url.port or 80), timeout) as sock:
            sock.sendall(data)
            response = HTTPResponse(sock, method=method)
            response.begin()
            return _read(response, started)

    def close(self) -> None:
        """Close idle connections; the client can't be used afterwards."""
        self._http.close()


def _read(response: HTTPResponse, started: float) -> Reply:
    with response:
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, body, time.monotonic() - started)
