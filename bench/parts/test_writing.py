"""The way of a write: reading the body, drafting the change, committing it."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.parts.conftest import Timed
from bench.parts.world import loaded
from bench.population import NODES, Member, agent_registration, changes, even, rows
from registry.api.agent.definitions import SERVICE
from registry.replica import Draft
from registry.store.change import Change
from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder
from registry.wire.decode import decode, parse_json


def test_decode_a_registration(timed: Timed) -> None:
    body = agent_registration().partition(b"\r\n\r\n")[2]
    assert decode(parse_json(body), SERVICE)["Meta"]

    timed(lambda: decode(parse_json(body), SERVICE))


def test_draft_a_registration(timed: Timed) -> None:
    """A new instance with a check, on a node with twenty others."""
    catalog = loaded(even(1000))
    service, check = rows(Member("fresh", 100_000))

    def draft() -> Change | None:
        made = Draft(catalog)
        made.put_service(service)
        made.put_check(check)
        return made.change()

    change = draft()
    assert change is not None
    assert len(change.puts) == 2
    timed(draft)


def test_draft_what_is_there_already(timed: Timed) -> None:
    """The same registration again: no change."""
    members = even(1000)
    catalog = loaded(members)
    service, check = rows(members[5000])

    def draft() -> Change | None:
        made = Draft(catalog)
        made.put_service(service)
        made.put_check(check)
        return made.change()

    assert draft() is None
    timed(draft)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    opened = Engine(folder, Limits())
    yield opened
    opened.close()


@pytest.mark.parametrize("batch", [1, 256])
def test_commit(timed_on_disk: Timed, engine: Engine, batch: int) -> None:
    """Registrations of new instances, each a change with its guards, in one transaction."""
    present = [Member("present", number) for number in range(NODES)]
    catalog = loaded(present)
    assert engine.commit_batch(list(changes(present))) == [catalog.index]
    numbers = itertools.count(NODES)

    def registrations() -> tuple[list[Change]]:
        made = []
        for number in itertools.islice(numbers, batch):
            draft = Draft(catalog)
            service, check = rows(Member("fresh", number))
            draft.put_service(service)
            draft.put_check(check)
            change = draft.change()
            assert change is not None
            made.append(change)
        return (made,)

    first = catalog.index + 1
    assert engine.commit_batch(*registrations()) == list(range(first, first + batch))
    timed_on_disk.each(engine.commit_batch, registrations)
