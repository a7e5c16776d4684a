"""The surroundings of a scenario: how long to measure, where, and the servers to measure."""

import contextlib
import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import nginx, servers
from bench.load import Deliver, in_own_process
from bench.population import PER_SERVICE, Member, even, fill, registration
from bench.servers import Reply, Server

READY = ("/v1/health/service/consul", 1)
"""When a new server answers this, it is ready: with its own service."""


class Bench:
    """Given to every scenario.

    Args:
        folder: for everything temporary.
        quick: measure for as short as makes sense.
        workers: processes of the registry and of the bare server.
        consul: binary of a real Consul, None to do without.

    Attributes:
        laps: how often everybody is measured, in turn.
        seconds: how long each time.
    """

    def __init__(self, folder: Path, *, quick: bool, workers: int, consul: Path | None) -> None:
        self.folder = folder
        self.quick = quick
        self.workers = workers
        self.laps, self.seconds = (2, 1) if quick else (5, 3)
        self._consul = consul
        self._numbers = itertools.count()
        self._filled: dict[int, Path] = {}

    def say(self, text: str) -> None:
        """Show progress."""
        print(f"  {text}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a new folder, which is removed in the end."""
        folder = self.folder / f"{next(self._numbers):03d}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def filled(self, instances: int) -> Path:
        """Return a data folder with so many instances, ten to a service; written once in a run."""
        if instances not in self._filled:
            self.say(f"writing {instances:,} instances")
            data_dir = self.folder / f"filled-{instances}"
            fill(data_dir, even(instances // PER_SERVICE))
            self._filled[instances] = data_dir
        return self._filled[instances]

    @contextlib.contextmanager
    def registry(
        self,
        members: Iterable[Member] = (),
        *,
        workers: int = 0,
        data_dir: Path | None = None,
        ready: tuple[str, int] = READY,
    ) -> Iterator[Server]:
        """Run a registry in which these instances are registered.

        Args:
            members: registered once it runs.
            workers: if not as many as usual.
            data_dir: if not a new one.
            ready: a target, and how many elements its answer has when the registry is ready.
        """
        with self.scratch() as folder:
            server = servers.registry(folder, data_dir or folder / "data", workers or self.workers)
            with self._running(server, members, ready):
                yield server

    @contextlib.contextmanager
    def bare(self, like: Reply) -> Iterator[Server]:
        """Run a bare server that gives this answer to everything."""
        with self.scratch() as folder:
            server = servers.bare(folder, like, self.workers)
            try:
                server.process.wait_for(lambda: _answers(server, like.body), servers.START_WITHIN_S)
                yield server
            finally:
                server.process.end()

    @contextlib.contextmanager
    def nginx(self, like: Reply) -> Iterator[list[Server]]:
        """Run nginx on this answer: a list of one, empty where it is not installed."""
        if nginx.binary() is None:
            yield []
            return
        with self.scratch() as folder:
            server = nginx.nginx(folder, like)
            try:
                server.process.wait_for(lambda: _answers(server, like.body), servers.START_WITHIN_S)
                yield [server]
            finally:
                server.process.end(graceful_s=2)

    @contextlib.contextmanager
    def consul(self, members: Iterable[Member] = (), *, quick: bool = True) -> Iterator[list[Server]]:
        """Run a Consul in which these instances are registered: a list of one, empty without a binary.

        Args:
            members: registered once it runs.
            quick: whether it takes part in a quick run, too.
        """
        if self._consul is None or (self.quick and not quick):
            yield []
            return
        with self.scratch() as folder:
            server = servers.consul(folder, self._consul)
            with self._running(server, members, READY):
                yield [server]

    @contextlib.contextmanager
    def _running(self, server: Server, members: Iterable[Member], ready: tuple[str, int]) -> Iterator[None]:
        try:
            server.await_answer(*ready)
            requests = tuple(registration(member) for member in members)
            if requests:
                in_own_process(Deliver(server.port, requests))
            yield
        finally:
            server.process.end(graceful_s=servers.STOP_WITHIN_S if server.name == "registry" else 0)


def _answers(server: Server, body: bytes) -> bool:
    with contextlib.suppress(OSError):
        return server.get("/").body == body
    return False


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that is removed in the end; in the checkout, since /tmp is often kept in memory."""
    parent = Path(__file__).parents[1] / "build"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
