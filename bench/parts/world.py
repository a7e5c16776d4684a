"""The application on a real store, driven without a server and without waiting."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

from bench.population import Member, changes
from registry.api.routes import ROUTES
from registry.api.world import World
from registry.asgi import App
from registry.catalog.state import Catalog
from registry.catalog.views import Views
from registry.config import load
from registry.http.routing import Router
from registry.replica import Replica
from registry.store.engine import Limits
from registry.store.layout import DataFolder
from registry.store.local import LocalStore

T = TypeVar("T")


MAP_SIZE = 256 << 20
"""Address space for the store: enough here, and little enough for valgrind, which refuses the usual one."""


class Surroundings:
    """What a worker has, but for the server.

    Args:
        root: an empty folder.
        application: the class that answers.

    Attributes:
        world: what handlers work on.
        app: the application.
        scope: makes the scope of a GET.
    """

    def __init__(self, root: Path, application: type[App] = App) -> None:
        folder = DataFolder(root / "data")
        folder.prepare()
        settings = load({"data_dir": str(folder.root)}, {})
        self._loop = asyncio.new_event_loop()
        self._store = LocalStore(folder, Limits(map_size=MAP_SIZE), settings.commit_batch_max, self._loop)
        self.replica = Replica(self._store, lambda topics: self.app.changed(topics))
        self.replica.load()
        self.world = World(
            settings=settings,
            store=self._store,
            replica=self.replica,
            views=Views(settings.datacenter),
            started_s=0.0,
            now_s=time.time,
            beat=lambda _: _never(),
            leave=_never,
            reload=_never,
        )
        self.app = application(self.world, Router(ROUTES), settings, self._store.read_counter, self._loop)

    def register(self, members: Iterable[Member]) -> None:
        """Commit instances that are not there yet and see them in the catalog."""
        for change in changes(members):
            self._loop.run_until_complete(self._store.commit(change))
        self.replica.catch_up()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
        self._loop.close()


def get(path: bytes, query: bytes = b"") -> dict[str, Any]:
    """Return the scope of a GET as the server makes it."""
    return {
        "type": "http",
        "method": "GET",
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"127.0.0.1:8500"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
    }


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the coroutine waits for something")


async def receive() -> dict[str, Any]:
    """Receive the end of a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(_: dict[str, Any]) -> None:
    """Send to nowhere."""


def loaded(members: Iterable[Member]) -> Catalog:
    """Return a catalog with these instances."""
    catalog = Catalog()
    for index, change in enumerate(changes(members), 1):
        catalog.apply(index, [(put.table, put.key, index, put.value) for put in change.puts], [])
    return catalog


def _never() -> None:
    raise AssertionError("nothing here beats, stops or reloads")
