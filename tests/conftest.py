"""Fixtures that give tests real servers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.server import RegistryServer

ServerFactory = Callable[..., RegistryServer]


@pytest.fixture
def server_factory(tmp_path: Path) -> Iterator[ServerFactory]:
    """Make servers that are started, each in a folder of its own; arguments as `RegistryServer`'s.

    Those that still run at the end of the test are stopped, which must succeed.
    """
    made: list[RegistryServer] = []

    def make(**options: Any) -> RegistryServer:
        root = tmp_path / f"server-{len(made)}"
        root.mkdir()
        server = RegistryServer(root, **options)
        made.append(server)
        return server.start()

    yield make
    close_all(made)


@pytest.fixture
def server(server_factory: ServerFactory) -> RegistryServer:
    """A fresh server with one worker."""
    return server_factory(workers=1)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A server with two workers for the whole run.

    Tests that use it register under names of their own and clean up what others could see.
    """
    shared = RegistryServer(tmp_path_factory.mktemp("shared-server"), workers=2)
    try:
        yield shared.start()
    finally:
        shared.close()


def close_all(servers: list[RegistryServer]) -> None:
    """Close every server, and only then report the failures, so that none is left running."""
    failures: list[AssertionError] = []
    for server in servers:
        try:
            server.close()
        except AssertionError as err:
            failures.append(err)
    if failures:
        raise failures[0]
