"""What the replica says of checks: each one written or removed, with its status before, in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from model.site import DirectStore

from registry.catalog.rows import CheckRow, NodeRow, member_key, unpack_check
from registry.catalog.state import Catalog
from registry.replica import CheckWritten, Draft, Replica
from registry.store.engine import Limits


class Following:
    """A replica that writes, and one that tells what it sees."""

    def __init__(self, root: Path) -> None:
        self.store = DirectStore(root, Limits(map_size=1 << 26))
        self.writer = Replica(self.store, lambda _: None)
        self.writer.load()
        self.reader = Replica(self.store, lambda _: None)
        self.reader.load()
        self.seen: list[CheckWritten] = []
        self.reader.on_checks(self.seen.extend)

    def put(self, *checks: CheckRow) -> None:
        draft = Draft(self.writer.catalog)
        draft.put_node(NodeRow("n"))
        for check in checks:
            draft.put_check(check)
        self._commit(draft)

    def remove(self, check_id: str) -> None:
        draft = Draft(self.writer.catalog)
        draft.remove_check(self.writer.catalog.nodes["n"].checks[check_id])
        self._commit(draft)

    def _commit(self, draft: Draft) -> None:
        change = draft.change()
        assert change is not None
        self.store.commit_now(change)
        self.writer.catch_up()

    def told(self) -> list[tuple[bytes, str, str | None]]:
        self.reader.catch_up()
        return [
            (each.key, each.before, unpack_check(each.packed).status if each.packed else None)
            for each in self.seen
        ]


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    made = Following(tmp_path)
    yield made
    made.store.close()


A, B = member_key("n", "a"), member_key("n", "b")


def test_each_change_is_told_with_the_status_before(following: Following) -> None:
    following.put(CheckRow("n", "a", "critical"), CheckRow("n", "b", "passing"))
    following.put(CheckRow("n", "a", "passing"))
    following.put(CheckRow("n", "a", "critical"))
    following.remove("a")
    following.put(CheckRow("n", "a", "warning"))

    assert following.told() == [
        (A, "", "critical"),
        (B, "", "passing"),
        (A, "critical", "passing"),
        (A, "passing", "critical"),
        (A, "critical", None),
        (A, "", "warning"),
    ]
    assert all(each.time_ms > 1_600_000_000_000 for each in following.seen)


def test_a_check_whose_status_stays_is_told_too(following: Following) -> None:
    following.put(CheckRow("n", "a", "critical"))
    following.put(CheckRow("n", "a", "critical", notes="new"))

    assert following.told() == [(A, "", "critical"), (A, "critical", "critical")]


def test_a_replica_that_nobody_listens_to_does_not_look(following: Following) -> None:
    following.put(CheckRow("n", "a", "critical"))

    assert following.seen == []
    assert isinstance(following.writer.catalog, Catalog)
    assert following.writer.catalog.nodes["n"].checks["a"].status == "critical"
