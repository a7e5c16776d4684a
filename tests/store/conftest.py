"""Fixtures that give tests data folders, engines and processes beside their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder
from store.neighbour import Neighbour

OpenEngine = Callable[..., Engine]
Neighbours = Callable[..., Neighbour]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Return a prepared data folder without data."""
    prepared = DataFolder(tmp_path / "data")
    prepared.prepare()
    return prepared


@pytest.fixture
def open_engine(folder: DataFolder) -> Iterator[OpenEngine]:
    """Open engines on the folder, one at a time: opening the next closes the one before."""
    opened: list[Engine] = []

    def close() -> None:
        while opened:
            opened.pop().close()

    def make(now_ms: Callable[[], int] | None = None, **limits: float) -> Engine:
        close()
        opened.append(Engine(folder, Limits(**limits), now_ms=now_ms))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    close()


@pytest.fixture
def engine(open_engine: OpenEngine) -> Engine:
    """Return an engine with the default limits."""
    return open_engine()


@pytest.fixture
def neighbours(folder: DataFolder) -> Iterator[Neighbours]:
    """Start processes that do something on the folder; those that still run at the end are killed."""
    started: list[Neighbour] = []

    def start(role: str, *arguments: str) -> Neighbour:
        started.append(Neighbour(role, folder.root, *arguments))
        return started[-1]

    yield start
    for neighbour in started:
        neighbour.kill()
