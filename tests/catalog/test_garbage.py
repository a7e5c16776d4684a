"""What leaves the catalog is freed at once: the collector has nothing to do and is of no use for it.

Instances and checks are invisible to the collector, so a cycle through one would never be freed. An
instance that is kept keeps its node, which is visible.
"""

import gc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from model.site import DirectStore

from registry.catalog.entities import Group, Node
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow
from registry.catalog.state import Catalog
from registry.catalog.views import Views
from registry.replica import Draft


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectStore]:
    made = DirectStore(tmp_path)
    yield made
    made.close()


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Keep the collector from running; everything that could be frozen is made visible."""
    gc.unfreeze()
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def alive() -> int:
    """Return how many nodes and groups there are in memory."""
    return sum(isinstance(each, Node | Group) for each in gc.get_objects())


def cyclic_garbage() -> list[object]:
    """Return what only the collector would have freed."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    return list(gc.garbage)


def commit(store: DirectStore, catalog: Catalog, draft: Draft) -> None:
    """Commit a draft and apply what the log says."""
    change = draft.change()
    if change is not None:
        store.commit_now(change)
    for entry in store.changes_since(catalog.index, 100):
        catalog.apply(entry.index, entry.puts, entry.deletes)
        catalog.refresh(entry.refreshes)


def churn(store: DirectStore, catalog: Catalog, random: Random) -> None:
    """Register, change, rename, move and remove at random, rendering everything in between."""
    views = Views("dc1")
    for _ in range(150):
        draft = Draft(catalog)
        node = f"n{random.randrange(4)}"
        draft.put_node(NodeRow(node, address=f"10.0.0.{random.randrange(3)}", meta={"a": node}))
        for number in random.sample(range(5), 2):
            service, service_id = random.choice(["web", "api", "db"]), f"s{number}"
            draft.put_service(
                ServiceRow(
                    node, service_id, service, ("x", f"t{random.randrange(3)}"), random.choice(["", "web"])
                )
            )
            bound = random.choice(["", service_id])
            named = random.choice([service, "web"]) if bound else ""
            draft.put_check(
                CheckRow(node, f"c{number}", random.choice(["passing", "critical"]), bound, named)
            )
        commit(store, catalog, draft)
        draft = Draft(catalog)
        known = random.choice(list(catalog.nodes.values()))
        if random.random() < 0.2:
            draft.remove_node(known)
        elif known.instances and random.random() < 0.5:
            draft.remove_instance(random.choice(list(known.instances.values())))
        commit(store, catalog, draft)
        for node_now in catalog.nodes.values():
            for instance in node_now.instances.values():
                views.health_entry(instance)
                views.service_node_parts(instance)


def test_churn_leaves_nothing_behind(store: DirectStore, no_collector: None) -> None:
    before = alive()
    catalog = Catalog()
    churn(store, catalog, Random(3))
    assert catalog.services
    assert alive() - before == len(catalog.nodes) + len(catalog.services) + len(catalog.connects)
    draft = Draft(catalog)
    for node in catalog.nodes.values():
        draft.remove_node(node)
    del node
    commit(store, catalog, draft)
    del draft
    assert catalog.instance_count == 0
    assert alive() == before
    assert cyclic_garbage() == []


def test_a_catalog_that_is_replaced_is_freed_whole(store: DirectStore, no_collector: None) -> None:
    before = alive()
    catalog = Catalog()
    churn(store, catalog, Random(4))
    loaded = Catalog()
    loaded.load(*store.load())
    assert alive() - before == 2 * (len(loaded.nodes) + len(loaded.services) + len(loaded.connects))
    for each in (catalog, loaded):
        each.forget()
    del catalog, loaded, each
    assert alive() == before
    assert cyclic_garbage() == []
