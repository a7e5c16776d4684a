"""Replicas and whole applications over one store inside the process of the tests."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.api.routes import ROUTES
from registry.api.world import World
from registry.asgi import App
from registry.catalog.views import Views
from registry.config import load
from registry.http.routing import ReadRoute, Router, WriteRoute
from registry.replica import Replica
from registry.store.change import Change, LogEntry, Row
from registry.store.engine import Engine, Limits
from registry.store.errors import StoreError
from registry.store.layout import DataFolder

LIMITS = Limits(map_size=1 << 28)


class DirectStore:
    """`registry.store.protocol.Store` whose commits happen at once, in the thread that asks for them.

    The engine is the real one; there is no writer thread and nobody else to wake, so that any number
    of replicas in one process can share it.
    """

    def __init__(self, root: Path, limits: Limits = LIMITS) -> None:
        folder = DataFolder(root)
        folder.prepare()
        self.engine = Engine(folder, limits)

    @property
    def counter(self) -> int:
        """See `Store.counter`."""
        return self.engine.counter

    @property
    def store_id(self) -> str:
        """See `Store.store_id`."""
        return self.engine.store_id

    def load(self) -> tuple[int, Iterator[Row]]:
        """See `Store.load`."""
        return self.engine.load()

    def read(self, table: str, key: bytes) -> bytes | None:
        """See `Store.read`."""
        return self.engine.read(table, key)

    def scan(self, table: str) -> Iterator[Row]:
        """See `Store.scan`."""
        return self.engine.scan(table)

    def changes_since(self, index: int, limit: int) -> list[LogEntry]:
        """See `Store.changes_since`."""
        return self.engine.changes_since(index, limit)

    async def commit(self, change: Change) -> int:
        """See `Store.commit`."""
        return self.commit_now(change)

    def commit_now(self, change: Change) -> int:
        """Commit in one batch of its own; errors as `Store.commit`."""
        (result,) = self.engine.commit_batch((change,))
        if isinstance(result, StoreError):
            raise result
        return result

    def on_commit_elsewhere(self, callback: Callable[[], None]) -> None:
        """See `Store.on_commit_elsewhere`; here everybody looks by himself."""

    def facts(self) -> dict[str, str | int | bool]:
        """See `Store.facts`."""
        return self.engine.facts()

    def close(self) -> None:
        """See `Store.close`."""
        self.engine.close()


@dataclass(frozen=True)
class Got:
    """An answer: status, headers by name, body."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def index(self) -> int:
        """The number in X-Consul-Index."""
        return int(self.headers[b"x-consul-index"])

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class Request:
    """One request as the server hands it to the application, with a client that can go away."""

    def __init__(
        self, method: str, asked: str, body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        path, _, query = asked.partition("?")
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *headers],
        }
        self.events: list[dict[str, Any]] = []
        self._body = body
        self.received = 0
        self.gone: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def receive(self) -> "asyncio.Future[dict[str, Any]]":
        """Return the body the first time; afterwards only the client's going away is left to come."""
        self.received += 1
        if self.received > 1:
            return self.gone
        first: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        first.set_result({"type": "http.request", "body": self._body, "more_body": False})
        return first

    async def send(self, event: dict[str, Any]) -> None:
        """Keep what the application sends."""
        self.events.append(event)

    def leave(self) -> None:
        """Go away."""
        self.gone.set_result({"type": "http.disconnect"})

    def got(self) -> Got:
        """Return the answer that was sent."""
        start, *parts = self.events
        return Got(start["status"], dict(start["headers"]), b"".join(part["body"] for part in parts))


class Site:
    """A whole application with a replica of its own, as one worker has it.

    It follows the log from the beginning instead of loading the tables.

    Attributes:
        told: the topics that the replica has told the application of.
    """

    def __init__(
        self,
        store: DirectStore,
        loop: asyncio.AbstractEventLoop,
        routes: Iterable[ReadRoute | WriteRoute] = ROUTES,
        **flags: str,
    ) -> None:
        settings = load({"data_dir": "unused", "node_name": "own", "datacenter": "dc1", **flags})
        self.store = store
        self.told: set[str] = set()
        self.replica = Replica(store, self._changed)
        world = World(
            settings=settings,
            store=store,
            replica=self.replica,
            views=Views(settings.datacenter),
            started_s=0.0,
            now_s=lambda: 0.0,
            beat=lambda _: None,
            leave=lambda: None,
            reload=lambda: None,
        )
        self.app = App(world, Router(routes), settings, store.engine.read_counter, loop)

    def _changed(self, topics: set[str] | None) -> None:
        self.told |= topics or set()
        self.app.changed(topics)

    async def request(self, request: Request) -> Got:
        """Have a request answered."""
        await self.app(request.scope, request.receive, request.send)
        return request.got()

    async def get(self, asked: str) -> Got:
        """Ask for something."""
        return await self.request(Request("GET", asked))

    async def put(self, asked: str, body: Any = None) -> Got:
        """Have something written, which must succeed."""
        got = await self.request(Request("PUT", asked, json.dumps(body).encode()))
        assert got.status == 200, got
        return got

    def ask(self, request: Request) -> "asyncio.Task[Got]":
        """Have a request answered meanwhile."""
        return asyncio.get_running_loop().create_task(self.request(request))


async def until(condition: Callable[[], bool], turns: int = 10_000) -> None:
    """Give the loop turns until something holds.

    Raises:
        AssertionError: it does not after ``turns``.
    """
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"it did not come to pass in {turns} turns")
