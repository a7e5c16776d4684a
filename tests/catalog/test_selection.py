"""Selecting from large groups: through bitmaps, one by one, and as the model would."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.facts import assert_slots_dense
from model.site import DirectStore

from registry.catalog import select
from registry.catalog.entities import BITMAP_PAYS_FROM, Instance
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow, fold
from registry.replica import Draft, Replica

NODES = [f"node-{number:02}" for number in range(12)]
TAGS = ["v1", "V1", "v2", "blue", "Blue", "canary"]
PAIRS = [("rack", "a"), ("rack", "b"), ("zone", "1"), ("zone", "2"), ("", ""), ("rack", "")]
ONE_BY_ONE = 1 << 30


class Crowd:
    """A service with a few hundred instances whose attributes are drawn from a seed, and one with few."""

    def __init__(self, root: Path) -> None:
        self.store = DirectStore(root)
        self.replica = Replica(self.store, lambda _: None)
        self.random = Random(7)
        draft = Draft(self.replica.catalog)
        for number, node in enumerate(NODES):
            meta = {"rack": "ab"[number % 2], "zone": "12"[number // 6]} if number else None
            draft.put_node(NodeRow(node, address="10.0.0.1", meta=meta))
            draft.put_check(CheckRow(node, "serf", "critical" if number == 3 else "passing"))
        self.commit(draft)
        for _ in range(4):
            self.churn(120)

    def churn(self, count: int) -> None:
        """Write some instances anew and remove others, in one change."""
        draft = Draft(self.replica.catalog)
        places = [(node, number) for node in NODES for number in range(25)]
        for node, number in self.random.sample(places, count):
            service_id = f"web-{number}"
            known = self.replica.catalog.nodes[node].instances.get(service_id)
            if known is not None and self.random.random() < 0.2:
                draft.remove_instance(known)
                continue
            tags = tuple(self.random.sample(TAGS, self.random.randrange(4)))
            name = "web" if number else "few"
            draft.put_service(ServiceRow(node, service_id, name, tags, port=self.random.randrange(9)))
            for check in range(self.random.randrange(3)):
                status = self.random.choice(["passing", "passing", "passing", "warning", "critical"])
                draft.put_check(
                    CheckRow(node, f"{service_id}:{check}", status, service_id, name, output="out")
                )
        self.commit(draft)

    def commit(self, draft: Draft) -> None:
        """Commit a draft, unless chance has chosen what is there already, and catch up."""
        change = draft.change()
        if change is not None:
            self.store.commit_now(change)
            self.replica.catch_up()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    made = Crowd(tmp_path_factory.mktemp("crowd"))
    yield made
    made.store.close()


def scan(
    members: list[Instance], tags: list[str], passing: bool, pairs: list[tuple[str, str]]
) -> list[Instance]:
    """Return what fits by looking at every attribute of every instance."""
    found = []
    for member in members:
        node = member.node
        statuses = [check.status for check in node.checks.values() if check.service_key in ("", member.key)]
        if (
            all(tag and fold(tag) in map(fold, member.tags) for tag in tags)
            and (not passing or all(status == "passing" for status in statuses))
            and all(pair in node.meta for pair in pairs)
        ):
            found.append(member)
    return found


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(["web", "few"]),
    wanted=st.lists(
        st.tuples(
            st.lists(st.sampled_from([*TAGS, "", "none"]), max_size=3),
            st.booleans(),
            st.lists(st.sampled_from(PAIRS), max_size=2),
        ),
        min_size=5,
        max_size=5,
    ),
    churn=st.integers(0, 8),
)
def test_both_ways_of_selecting_find_what_fits_in_order(
    crowd: Crowd, name: str, wanted: list[tuple[list[str], bool, list[tuple[str, str]]]], churn: int
) -> None:
    if churn:
        crowd.churn(churn)
    catalog = crowd.replica.catalog
    group = catalog.services[name]
    assert (group.slots is not None) == (name == "web")
    everybody = sorted(
        (each for node in catalog.nodes.values() for each in node.instances.values() if each.name == name),
        key=lambda each: (each.node.key, each.key),
    )
    for tags, passing, pairs in wanted:
        expected = scan(everybody, tags, passing, pairs)
        for bitmap_from in (0, BITMAP_PAYS_FROM, ONE_BY_ONE):
            found = select.instances(
                catalog, group, tags=tags, passing=passing, node_meta=pairs, bitmap_from=bitmap_from
            )
            assert found == expected, (tags, passing, pairs, bitmap_from)
    assert_slots_dense(catalog, {"node": len(NODES), "service": 12 * 25, "check": 12 * 26 * 2})


def test_a_group_that_shrinks_keeps_a_true_bitmap(crowd: Crowd) -> None:
    catalog = crowd.replica.catalog
    group = catalog.services["web"]
    draft = Draft(catalog)
    for member in group.members[3:]:
        draft.remove_instance(member)
    crowd.commit(draft)
    assert len(group.members) == 3
    for bitmap_from in (0, ONE_BY_ONE):
        assert select.instances(catalog, group, passing=True, bitmap_from=bitmap_from) == scan(
            group.members, [], True, []
        )
    crowd.churn(200)


def test_no_group_has_no_instances(crowd: Crowd) -> None:
    assert select.instances(crowd.replica.catalog, None, tags=["v1"]) == []


@pytest.mark.parametrize("pairs", [[], [("rack", "a")], [("rack", "a"), ("zone", "2")], [("rack", "z")]])
def test_nodes_are_selected_by_all_their_metadata(crowd: Crowd, pairs: list[tuple[str, str]]) -> None:
    catalog = crowd.replica.catalog
    expected = [name for name in NODES if all(pair in catalog.nodes[name].meta for pair in pairs)]
    assert [node.name for node in select.nodes(catalog, pairs)] == expected
