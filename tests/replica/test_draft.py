"""Drafts: what they write, and which of two that knew the same may not both happen."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from model.facts import assert_loads_alike
from model.site import DirectStore

from registry.catalog import topics
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow, holder_key, unpack_check, unpack_service
from registry.catalog.state import Catalog
from registry.replica import Draft, Replica
from registry.store.change import Change
from registry.store.errors import Conflict

ID_A, ID_B = "aaaaaaaa-0000-0000-0000-00000000000a", "bbbbbbbb-0000-0000-0000-00000000000b"
NODE = NodeRow("n", ID_A, "10.0.0.1")
WEB = ServiceRow("n", "web-1", "web", ("v1",), port=80)
BOUND = CheckRow("n", "bound", "passing", "web-1", "web")
LEVEL = CheckRow("n", "level", "passing")

Step = Callable[[Draft, Catalog], None]


class Book:
    """A store and a replica that has followed it."""

    def __init__(self, root: Path) -> None:
        self.store = DirectStore(root)
        self.told: list[set[str] | None] = []
        self.replica = Replica(self.store, self.told.append)

    @property
    def catalog(self) -> Catalog:
        return self.replica.catalog

    def draft(self, *steps: Step) -> Change | None:
        """Draft steps on what the replica knows."""
        draft = Draft(self.catalog)
        for step in steps:
            step(draft, self.catalog)
        return draft.change()

    def write(self, *steps: Step) -> int:
        """Commit steps and follow; what follows from loading the tables has to be the same."""
        change = self.draft(*steps)
        assert change is not None
        index = self.store.commit_now(change)
        self.replica.catch_up()
        assert_loads_alike(self.catalog, self.store.load())
        return index


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.store.close()


def put(*rows: NodeRow | ServiceRow | CheckRow) -> Step:
    """Return the step that writes rows."""

    def step(draft: Draft, _: Catalog) -> None:
        for row in rows:
            if isinstance(row, NodeRow):
                draft.put_node(row)
            elif isinstance(row, ServiceRow):
                draft.put_service(row)
            else:
                draft.put_check(row)

    return step


def remove_node(name: str = "n") -> Step:
    return lambda draft, catalog: draft.remove_node(catalog.nodes[name])


def remove_service(service_id: str = "web-1") -> Step:
    return lambda draft, catalog: draft.remove_instance(catalog.nodes["n"].instances[service_id])


def remove_check(check_id: str) -> Step:
    return lambda draft, catalog: draft.remove_check(catalog.nodes["n"].checks[check_id])


def changed(row: Any, **fields: Any) -> Any:
    """Return a row with other values."""
    return msgspec.structs.replace(row, **fields)


SETTING = (NODE, WEB, BOUND, LEVEL)


# What is written


def test_the_same_again_is_no_change(book: Book) -> None:
    book.write(put(*SETTING))
    assert book.draft(put(*SETTING)) is None
    assert book.draft() is None


def test_only_what_differs_is_written(book: Book) -> None:
    book.write(put(*SETTING))
    change = book.draft(put(NODE, changed(WEB, port=81), BOUND, LEVEL))
    assert change is not None
    assert [(each.table, each.key) for each in change.puts] == [("services", b"n\0web-1")]


@pytest.mark.parametrize("order", list(itertools.permutations(SETTING)))
def test_the_order_of_wishes_does_not_matter(book: Book, order: tuple[Any, ...]) -> None:
    book.write(put(*order))
    node = book.catalog.nodes["n"]
    assert [check.id for check in node.instances["web-1"].checks] == ["bound"]
    assert [check.id for check in node.level_checks] == ["level"]
    assert not node.orphans


def test_what_only_removes_is_let_through_when_the_store_is_full(book: Book) -> None:
    book.write(put(*SETTING))
    for removing in (remove_check("bound"), remove_service(), remove_node()):
        change = book.draft(removing)
        assert change is not None
        assert change.shrinks
        mixed = book.draft(removing, put(NodeRow("other")))
        assert mixed is not None
        assert not mixed.shrinks


def test_a_node_goes_with_everything_on_it(book: Book) -> None:
    book.write(put(*SETTING))
    book.write(put(NodeRow("other"), ServiceRow("other", "web-1", "web")))
    index = book.write(remove_node())
    assert list(book.catalog.nodes) == ["other"]
    assert book.catalog.bindings == {}
    for topic in (topics.NODES, topics.SERVICES, topics.CHECKS, topics.service("web"), topics.node("n")):
        assert book.catalog.topic_index(topic) == index


# Indexes that outlive their objects


@pytest.mark.parametrize(
    ("steps", "topic"),
    [
        ([remove_service()], topics.service("web")),
        ([put(changed(WEB, name="api"))], topics.service("web")),
        ([put(changed(WEB, destination=""))], topics.connect("db")),
        ([put(changed(WEB, destination="api"))], topics.connect("db")),
        ([remove_check("bound")], topics.service("web")),
        ([remove_check("bound")], topics.connect("db")),
        ([put(changed(BOUND, service_id="", service_name=""))], topics.service("web")),
        ([put(changed(BOUND, service_id="", service_name=""))], topics.connect("db")),
        ([remove_check("level")], topics.service("web")),
        ([remove_check("level")], topics.connect("db")),
        ([remove_check("level")], topics.node_checks("n")),
        ([put(changed(LEVEL, service_id="web-1", service_name="web"))], topics.service("web")),
        ([remove_node()], topics.node("n")),
        ([remove_node()], topics.node_checks("n")),
        ([remove_node()], topics.connect("db")),
    ],
)
def test_a_topic_remembers_the_change_that_took_something_from_it(
    book: Book, steps: list[Step], topic: str
) -> None:
    book.write(put(NODE, changed(WEB, destination="db"), BOUND, LEVEL))
    assert book.catalog.topic_index(topic) == 1
    assert book.write(*steps) == 2
    assert book.catalog.topic_index(topic) == 2
    book.write(put(NodeRow("other"), ServiceRow("other", "x", "x")))
    assert book.catalog.topic_index(topic) == 2


def test_a_check_keeps_the_name_its_service_had(book: Book) -> None:
    """Consul leaves the old name on checks that a renaming registration does not repeat."""
    book.write(put(*SETTING))
    book.write(put(changed(WEB, name="api")))
    assert book.catalog.services["web"].members == []
    index = book.write(put(changed(BOUND, status="critical")))
    assert book.catalog.topic_index(topics.service("web")) == index
    assert book.catalog.topic_index(topics.service("api")) == index
    index = book.write(put(changed(BOUND, status="critical", service_name="api")))
    assert "web" not in book.catalog.services
    assert book.catalog.topic_index(topics.service("web")) == index


# Forgetting names


def test_a_buried_topic_reports_the_floor_and_a_living_one_does_not(book: Book) -> None:
    book.write(put(*SETTING))
    book.write(remove_service())
    book.write(put(ServiceRow("n", "api-1", "api")))

    def forget(draft: Draft, _: Catalog) -> None:
        draft.bury(topics.service("web"))
        draft.raise_floor()

    floor = book.write(forget)
    assert book.catalog.topic_index(topics.service("web")) == floor
    assert book.catalog.topic_index(topics.service("never heard of")) == floor
    assert book.catalog.topic_index(topics.service("api")) == 3
    assert book.told[-1] == {topics.FLOOR}


def test_a_tombstone_that_was_written_again_is_not_buried(book: Book) -> None:
    book.write(put(*SETTING))
    book.write(remove_service())
    draft = Draft(book.catalog)
    draft.bury(topics.service("web"))
    stale = draft.change()
    assert stale is not None
    book.write(put(WEB))
    book.write(remove_service())
    with pytest.raises(Conflict):
        book.store.commit_now(stale)


# Who may not both happen

JOINING_CHECK = CheckRow("n", "new", "passing", "web-1", "web")
RACES: dict[str, tuple[list[Step], list[Step]]] = {
    "a check joins a service that goes": ([put(JOINING_CHECK)], [remove_service()]),
    "a check moves to a service that goes": (
        [put(changed(LEVEL, service_id="web-1", service_name="web"))],
        [remove_service()],
    ),
    "a check changes, its service goes": ([put(changed(BOUND, status="critical"))], [remove_service()]),
    "a service joins a node that goes": ([put(ServiceRow("n", "api", "api"))], [remove_node()]),
    "a check joins a node that goes": ([put(CheckRow("n", "new", "passing"))], [remove_node()]),
    "a service changes, its node goes": ([put(changed(WEB, port=81))], [remove_node()]),
    "a service goes, its node goes": ([remove_service()], [remove_node()]),
    "a check goes, its node goes": ([remove_check("level")], [remove_node()]),
    "a node changes, and goes": ([put(changed(NODE, address="10.0.0.9"))], [remove_node()]),
    "a service changes in two ways": ([put(changed(WEB, port=81))], [put(changed(WEB, port=82))]),
    "a check changes in two ways": (
        [put(changed(LEVEL, status="warning"))],
        [put(changed(LEVEL, status="critical"))],
    ),
    "a service comes twice": ([put(ServiceRow("n", "api", "api"))], [put(ServiceRow("n", "API", "api"))]),
    "a node comes twice": ([put(NodeRow("o", address="1"))], [put(NodeRow("O", address="2"))]),
    "two new nodes take one ID": ([put(NodeRow("o", ID_B))], [put(NodeRow("p", ID_B.upper()))]),
    "a new node and an old one take one ID": ([put(NodeRow("o", ID_B))], [put(changed(NODE, id=ID_B))]),
    "two nodes take over the ID of one": (
        [remove_node(), put(NodeRow("o", ID_A))],
        [remove_node(), put(NodeRow("p", ID_A))],
    ),
}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("race", RACES)
def test_the_later_of_two_that_do_not_go_together_is_refused(book: Book, race: str, swapped: bool) -> None:
    book.write(put(*SETTING))
    pair = [book.draft(*steps) for steps in RACES[race]]
    first, second = reversed(pair) if swapped else pair
    assert first is not None
    assert second is not None
    results = book.store.engine.commit_batch([first, second])
    assert results[0] == 2
    assert isinstance(results[1], Conflict)
    book.replica.catch_up()
    assert_loads_alike(book.catalog, book.store.load())


@pytest.mark.parametrize(
    "leaving",
    [
        remove_check("bound"),
        put(changed(BOUND, service_id="", service_name="")),
        put(changed(BOUND, service_name="db")),
        put(changed(BOUND, service_id="api-1", service_name="api")),
    ],
)
@pytest.mark.parametrize(
    "meanwhile", [changed(WEB, name="db"), changed(WEB, destination="db"), changed(WEB, destination="")]
)
def test_a_check_leaves_its_service_as_it_is_and_not_as_it_was(
    book: Book, leaving: Step, meanwhile: ServiceRow
) -> None:
    """What shows a check depends on its service, so the change that takes it away must know that."""
    book.write(put(*SETTING, ServiceRow("n", "api-1", "api")))
    book.write(put(changed(WEB, destination="api")))
    stale = book.draft(leaving)
    assert stale is not None
    book.write(put(meanwhile))
    with pytest.raises(Conflict):
        book.store.commit_now(stale)
    index = book.write(leaving)
    instance = book.catalog.nodes["n"].instances["web-1"]
    for group in instance.groups:
        topic = (topics.connect if group.connect else topics.service)(group.key)
        assert book.catalog.topic_index(topic) == index


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([put(changed(WEB, port=81))], [put(changed(LEVEL, status="critical"))]),
        ([put(ServiceRow("n", "a", "a"))], [put(ServiceRow("n", "b", "b"))]),
        ([put(CheckRow("n", "x", "passing"))], [remove_service()]),
        ([put(changed(BOUND, status="warning"))], [put(changed(WEB, port=81))]),
        ([put(NodeRow("o", ID_B))], [put(NodeRow("p"))]),
        ([remove_check("level")], [remove_service()]),
    ],
)
def test_what_does_not_touch_goes_through_together(book: Book, one: list[Step], other: list[Step]) -> None:
    book.write(put(*SETTING))
    pair = [book.draft(*one), book.draft(*other)]
    assert book.store.engine.commit_batch([change for change in pair if change]) == [2, 3]
    book.replica.catch_up()
    assert_loads_alike(book.catalog, book.store.load())


def test_an_id_is_free_again_when_its_node_is_gone_or_has_another(book: Book) -> None:
    book.write(put(NODE))
    book.write(put(changed(NODE, id=ID_B)))
    assert list(book.catalog.bindings) == [holder_key(ID_B)]
    book.write(put(NodeRow("o", ID_A)))
    book.write(remove_node("o"), put(NodeRow("p", ID_A)))
    assert book.catalog.node_ids == {ID_A: "p", ID_B: "n"}
    book.write(remove_node("p"))
    book.write(remove_node())
    assert book.catalog.bindings == {}


def test_rows_are_kept_as_they_were_given(book: Book) -> None:
    book.write(put(*SETTING))
    node = book.catalog.nodes["n"]
    assert unpack_service(node.instances["web-1"].packed) == WEB
    assert [unpack_check(check.packed) for check in node.checks.values()] == [BOUND, LEVEL]
