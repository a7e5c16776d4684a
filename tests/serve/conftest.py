"""Fixtures that give tests servers which take signals."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.support import Server

MakeServer = Callable[..., Server]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Prepare servers, each in a folder of its own; those that still run at the end are killed."""
    made: list[Server] = []

    def make(**options: Any) -> Server:
        root = tmp_path / f"server-{len(made)}"
        root.mkdir()
        made.append(Server(root, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()
