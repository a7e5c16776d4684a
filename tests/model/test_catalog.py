"""Random changes of the catalog by two writers, one of them behind, against the model.

After every change: a replica that followed the log, one that has just loaded the tables and the model
hold the same objects, bitmaps and indexes, and every answer is the one that the model gives.
"""

import asyncio
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from model.answers import answer, marked, target
from model.dictionary import AnyRow, Key, Model, Writes, same_but_output
from model.facts import assert_slots_dense, facts_of, model_facts, stored_facts
from model.site import DirectStore, Site
from model.wishes import NAMES, NODE_IDS, NODES, TAGS, Wish, mixed, wishes
from registry.catalog import topics
from registry.catalog.rows import GuardRow, NodeRow, ServiceRow, fold
from registry.catalog.state import Catalog
from registry.replica import Draft
from registry.serve.duties import dead_topics
from registry.store.change import Change, Put
from registry.store.errors import Conflict

UNKNOWN = "nobody"

TARGETS = [
    target("catalog/nodes"),
    target("catalog/nodes", node_meta="rack:r1"),
    target("catalog/nodes", node_meta=["rack:r1", "zone:a"]),
    target("catalog/services"),
    target("catalog/services", node_meta="rack:r1"),
    *(
        target(f"{family}/{kind}/", name)
        for family in ("catalog", "health")
        for kind in ("service", "connect")
        for name in (*NAMES, UNKNOWN)
    ),
    *(target("catalog/service/", "web", tag=tag) for tag in TAGS),
    target("catalog/service/", "api", node_meta="rack:r1", tag="V2"),
    *(target("health/service/", name, passing="") for name in NAMES),
    target("health/service/", "web", passing="", tag=["v1", "primary"], node_meta="rack:r1"),
    target("health/connect/", "web", passing=""),
    *(target(f"health/{kind}/", "web", passing="", guard="off") for kind in ("service", "connect")),
    *(
        target(path, name)
        for path in ("catalog/node/", "catalog/node-services/", "health/node/")
        for name in (*NODES, UNKNOWN, *filter(None, NODE_IDS), "ab", "abcd0000-", "b")
    ),
    *(target("health/checks/", name) for name in (*NAMES, UNKNOWN)),
    target("health/checks/", "web", node_meta="rack:r2"),
    *(target("health/state/", status) for status in ("any", "passing", "warning", "critical", UNKNOWN)),
    target("health/state/", "any", node_meta="rack:r1"),
]

ALL_TOPICS = [
    *(topics.NODES, topics.SERVICES, topics.CHECKS, topics.GUARDS, topics.COORDINATES, topics.GATEWAYS),
    *(
        make(fold(name))
        for make in (topics.service, topics.connect, topics.node, topics.node_checks)
        for name in (*NAMES, *NODES, "n4", UNKNOWN)
    ),
]


class Play:
    """Two sites over one store. The first looks after every step, the second only when told to."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.store = DirectStore(Path(self.folder.name))
        self.sites = [Site(self.store, self.runner.get_loop()) for _ in range(2)]
        self.model = Model()
        # 1 also stands for nothing at all, so the first change is one that no answer shows.
        self.model.skip(self.store.commit_now(Change((Put("meta", b"first", b""),))))
        self.indexes: dict[str, int] = {}
        self.by_etag: dict[tuple[str, bytes], Any] = {}

    def close(self) -> None:
        """Leave nothing behind."""
        self.store.close()
        self.folder.cleanup()
        self.runner.close()

    # Writing

    def write(self, at: int, wish: Wish, order: int) -> None:
        """One writer changes something, and drafts it anew if somebody was faster."""
        site = self.sites[at]
        base, change, writes = self.draft(site, wish, order)
        if change is None:
            return
        try:
            index = self.store.commit_now(change)
        except Conflict:
            assert base < self.model.newest, "a draft met a conflict though nothing had changed"
            self.follow(site)
            base, change, writes = self.draft(site, wish, order)
            if change is None:
                return
            index = self.store.commit_now(change)
        self.take_in(index, base, writes)

    def race(self, one: Wish, other: Wish, order: int) -> None:
        """Both writers, knowing the same, hand changes in for one transaction."""
        drafts = []
        for site, wish in zip(self.sites, (one, other), strict=True):
            self.follow(site)
            drafts.append(self.draft(site, wish, order))
        drafts = [draft for draft in drafts if draft[1] is not None]
        results = self.store.engine.commit_batch([change for _, change, _ in drafts if change is not None])
        for (base, _, writes), result in zip(drafts, results, strict=True):
            if isinstance(result, int):
                self.take_in(result, base, writes)
            else:
                assert isinstance(result, Conflict)
        assert not results or isinstance(results[0], int), "the first to come can't be in anybody's way"

    def forget_names(self, count: int) -> None:
        """Tombstones of names without objects go, and the floor rises, as seen by the second writer."""
        catalog = self.sites[1].replica.catalog
        dead = dead_topics(catalog)[:count]
        draft = Draft(catalog)
        for topic in dead:
            draft.bury(topic)
        draft.raise_floor()
        change = draft.change()
        if change is None:
            return
        try:
            self.model.bury(self.store.commit_now(change), dead)
        except Conflict:
            assert catalog.index < self.model.newest

    def draft(self, site: Site, wish: Wish, order: int) -> tuple[int, Change | None, Writes]:
        """Draft a wish on what a site knows; return that index, the change and what it must amount to."""
        catalog = site.replica.catalog
        base = catalog.index
        asked = wish(self.model.states[base])
        draft = Draft(catalog)
        steps: list[AnyRow | Key] = [*asked.puts, *asked.removes]
        Random(order).shuffle(steps)
        for step in steps:
            if isinstance(step, tuple):
                remove(draft, catalog, step)
            else:
                put(draft, step)
        writes = self.model.writes(base, asked.puts, asked.removes)
        change = draft.change()
        assert (change is None) == (not writes.puts and not writes.deletes)
        return base, change, writes

    def take_in(self, index: int, base: int, writes: Writes) -> None:
        """Bring the model up to a commit that was let through."""
        known, current = self.model.states[base], self.model.state
        for key in writes.puts.keys() | writes.deletes:
            before, now = known.get(key), current.get(key)
            same = before == now or (before and now and same_but_output(before.row, now.row))
            assert same, f"{key} was overwritten by who did not know it"
        self.model.commit(index, writes)
        assert self.model.problems() == []

    # Looking

    def look(self) -> None:
        """The second writer catches up and is compared as well."""
        self.follow(self.sites[1])
        self.compare(self.sites[1].replica.catalog)
        self.check_answers(self.sites[1])

    def restart(self) -> None:
        """The second writer loads the tables and follows the log from there."""
        site = self.sites[1]
        site.replica.catalog.forget()
        site.replica.catalog = self.loaded()
        site.app.changed(None)

    def check(self) -> None:
        """Hold the first site and a catalog that has just been loaded against the model."""
        site = self.sites[0]
        self.follow(site)
        self.compare(site.replica.catalog)
        self.compare(self.loaded())
        assert stored_facts(site.replica.catalog) == stored_facts(self.loaded())
        self.check_answers(site)
        for topic in ALL_TOPICS:
            index = site.replica.catalog.topic_index(topic)
            assert index >= self.indexes.get(topic, 1), f"the index of {topic} went backwards"
            self.indexes[topic] = index

    def follow(self, site: Site) -> None:
        """Have a site catch up and require that it was told just the topics that were altered."""
        base = site.replica.catalog.index
        site.told = set()
        site.replica.catch_up()
        altered = set().union(*(self.model.altered[at] for at in range(base + 1, self.model.newest + 1)))
        assert site.told - {topics.FLOOR} == altered

    def compare(self, catalog: Catalog) -> None:
        """Hold a catalog against the model."""
        found, expected = facts_of(catalog, ALL_TOPICS), model_facts(self.model, ALL_TOPICS)
        for part, value in expected.items():
            assert found[part] == value, part
        assert_slots_dense(catalog, self.model.peaks)

    def check_answers(self, site: Site) -> None:
        """Ask a site everything and hold the answers against the model's."""
        self.runner.run(self.ask_all(site))

    async def ask_all(self, site: Site) -> None:
        """See `check_answers`."""
        for asked in TARGETS:
            got = await site.get(asked)
            body, index = answer(self.model, asked)
            assert (got.status, got.json) == (200, body), asked
            assert got.index == index, asked
            header = got.headers.get(b"x-registry-guard", b"").decode()
            assert header.partition(" of ")[0] == marked(self.model, asked), asked
            shown = without_output(got.json)
            known = self.by_etag.setdefault((asked, got.headers[b"etag"]), shown)
            assert shown == known, f"one entity tag stands for two answers of {asked}"

    def loaded(self) -> Catalog:
        """Return a catalog made from the tables."""
        catalog = Catalog()
        catalog.load(*self.store.load())
        return catalog


def without_output(value: Any) -> Any:
    """Return a JSON value without the text of its checks."""
    if isinstance(value, dict):
        return {key: without_output(item) for key, item in value.items() if key != "Output"}
    return [without_output(item) for item in value] if isinstance(value, list) else value


def put(draft: Draft, row: AnyRow) -> None:
    """Draft the writing of an object."""
    if isinstance(row, NodeRow):
        draft.put_node(row)
    elif isinstance(row, ServiceRow):
        draft.put_service(row)
    elif isinstance(row, GuardRow):
        draft.put_guard(row)
    else:
        draft.put_check(row)


def remove(draft: Draft, catalog: Catalog, key: Key) -> None:
    """Draft the removal of an object."""
    if key[0] == "guard":
        draft.remove_guard(key[1])
        return
    node = catalog.nodes[key[1]]
    if key[0] == "node":
        draft.remove_node(node)
    elif key[0] == "service":
        draft.remove_instance(node.instances[key[2]])
    else:
        draft.remove_check(node.checks[key[2]])


Step = tuple[Any, ...]

orders = st.integers(0, 99)
"""Seeds for the order in which a draft is told its wishes."""

writes = st.tuples(st.just("write"), st.sampled_from([0, 1]), wishes, orders)
races = st.tuples(st.just("race"), wishes, wishes, orders)
others: st.SearchStrategy[Step] = st.one_of(
    st.just(("look",)), st.just(("restart",)), st.tuples(st.just("forget_names"), st.sampled_from([0, 2, 6]))
)
steps = st.lists(mixed((5, writes), (2, races), (1, others)), min_size=8, max_size=24)


@pytest.mark.timeout(600)  # a failure takes minutes to be made short
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps)
def test_replicas_tables_and_answers_are_what_the_model_says(sequence: list[Step]) -> None:
    play = Play()
    try:
        for action, *arguments in sequence:
            getattr(play, action)(*arguments)
            play.check()
    finally:
        play.close()
