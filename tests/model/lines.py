"""Connections to known workers of a server, and watchers that ask again and again on one."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

WAIT = "60s"
"""How long a watcher has itself parked; longer than any test."""


@dataclass(frozen=True)
class Seen:
    """An answer: status, index (0 for none) and body."""

    status: int
    index: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class Line:
    """A connection that is kept alive, and so stays with the worker that took it.

    Attributes:
        worker: what the worker puts in front of its request IDs.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=90)
        self._connection.connect()
        self._connection.auto_open = 0  # a new connection could be another worker's
        self.worker = ""
        self.get("/v1/status/leader")

    def get(self, target: str) -> Seen:
        """Ask for something."""
        return self._request("GET", target, None)

    def put(self, target: str, body: Any = None) -> None:
        """Write something, which must be accepted."""
        seen = self._request("PUT", target, None if body is None else json.dumps(body).encode())
        assert seen.status == 200, (target, seen)

    def hang_up(self) -> None:
        """End the connection, whoever is just waiting on it."""
        sock: socket.socket | None = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection when nobody is waiting on it."""
        self._connection.close()

    def _request(self, method: str, target: str, body: bytes | None) -> Seen:
        self._connection.request(method, target, body)
        with self._connection.getresponse() as response:
            content = response.read()
            self.worker = response.headers["x-request-id"].rpartition("-")[0]
            return Seen(response.status, int(response.headers.get("x-consul-index", 0)), content)


def lines_by_worker(port: int, workers: int, each: int = 1) -> dict[str, list[Line]]:
    """Open connections until every worker has taken ``each`` of them; surplus ones are closed."""
    found: dict[str, list[Line]] = {}
    for _ in range(200 * workers * each):
        line = Line(port)
        lines = found.setdefault(line.worker, [])
        if len(lines) < each:
            lines.append(line)
        else:
            line.close()
        if len(found) == workers and all(len(lines) == each for lines in found.values()):
            return found
    raise AssertionError(f"not all of {workers} workers take connections: {sorted(found)}")


class Watcher:
    """Asks one worker for one thing, each time with the index of the last answer.

    Attributes:
        answers: all answers so far, the first one included, which did not wait.
    """

    def __init__(self, line: Line, target: str) -> None:
        self.target = target
        self.answers = [line.get(target)]
        self._line = line
        self._news = threading.Condition()
        self._failure: Exception | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"watch {target}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        separator = "&" if "?" in self.target else "?"
        try:
            while not self._stopping:
                asked = f"{self.target}{separator}index={self.answers[-1].index}&wait={WAIT}"
                seen = self._line.get(asked)
                with self._news:
                    self.answers.append(seen)
                    self._news.notify_all()
        except (OSError, HTTPException) as failure:
            with self._news:
                self._failure = failure
                self._news.notify_all()

    def wait(self, what: str, condition: Callable[[list[Seen]], bool], timeout: float = 20.0) -> None:
        """Wait until the answers fulfil a condition.

        Raises:
            AssertionError: they did not in time, or the connection broke.
        """
        with self._news:
            self._news.wait_for(lambda: self._failure or condition(self.answers), timeout)
            assert self._failure is None, f"{self.target}: {self._failure!r}"
            assert condition(self.answers), f"{self.target} had {len(self.answers)} answers, but not {what}"

    def stop(self) -> None:
        """Hang up and wait until the thread has ended."""
        self._stopping = True
        self._line.hang_up()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._line.close()

    def assert_every_answer_was_news(self) -> None:
        """Require indexes that rise and a body that differs from the last one, in all answers."""
        for before, after in zip(self.answers, self.answers[1:], strict=False):
            assert after.status == 200, self.target
            assert after.index > before.index, f"{self.target}: {before.index} then {after.index}"
            assert after.body != before.body, f"{self.target} was answered without news at {after.index}"


def stop_all(watchers: Iterable[Watcher]) -> None:
    """Stop several watchers."""
    for watcher in watchers:
        watcher.stop()
