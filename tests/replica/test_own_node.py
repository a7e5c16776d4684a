"""The registry's own node: made once, kept as it must be, moved when the registry is renamed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from model.facts import assert_loads_alike
from model.site import DirectStore

from registry.catalog import topics
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow, unpack_node, unpack_service
from registry.catalog.state import Catalog
from registry.replica import Draft, Replica
from registry.replica.own_node import META_KEY, Identity, draft_own_node
from registry.store.change import Change
from registry.store.errors import Conflict

ALPHA = Identity("alpha", "127.0.0.1", "1.20.0")
FIRST_ID, OTHER_ID = "11111111-0000-0000-0000-000000000001", "22222222-0000-0000-0000-000000000002"


class Own:
    """A store, a replica, and the drafting of the own node."""

    def __init__(self, root: Path) -> None:
        self.store = DirectStore(root)
        self.replica = Replica(self.store, lambda _: None)

    @property
    def catalog(self) -> Catalog:
        return self.replica.catalog

    def commit(self, change: Change | None) -> None:
        assert change is not None
        self.store.commit_now(change)
        self.replica.catch_up()
        assert_loads_alike(self.catalog, self.store.load())

    def serve(self, identity: Identity, fresh_id: str = FIRST_ID) -> None:
        """Do what a start under a name does; a second time there is nothing left to do."""
        self.commit(draft_own_node(self.catalog, identity, fresh_id))
        assert draft_own_node(self.catalog, identity, OTHER_ID) is None

    def put(self, *rows: NodeRow | ServiceRow | CheckRow) -> None:
        draft = Draft(self.catalog)
        for row in rows:
            if isinstance(row, NodeRow):
                draft.put_node(row)
            elif isinstance(row, ServiceRow):
                draft.put_service(row)
            else:
                draft.put_check(row)
        self.commit(draft.change())


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    made = Own(tmp_path)
    yield made
    made.store.close()


def renamed(identity: Identity, **fields: Any) -> Identity:
    """Return an identity with other values."""
    known = {name: getattr(identity, name) for name in ("name", "address", "version")}
    return Identity(**known | fields)


def test_the_first_start_registers_what_consul_has(own: Own) -> None:
    own.serve(ALPHA)
    node = own.catalog.nodes["alpha"]
    assert (node.name, node.id, node.address) == ("alpha", FIRST_ID, "127.0.0.1")
    assert unpack_node(node.packed).tagged == {
        "lan": "127.0.0.1",
        "lan_ipv4": "127.0.0.1",
        "wan": "127.0.0.1",
        "wan_ipv4": "127.0.0.1",
    }
    assert [(check.id, check.status) for check in node.level_checks] == [("serfHealth", "passing")]
    service = unpack_service(node.instances["consul"].packed)
    assert (service.id, service.name, service.port) == ("consul", "consul", 8300)
    assert service.meta["version"] == "1.20.0"


def test_an_ipv6_address_is_tagged_as_one(own: Own) -> None:
    own.serve(renamed(ALPHA, address="::1"))
    tagged = unpack_node(own.catalog.nodes["alpha"].packed).tagged
    assert tagged == {"lan": "::1", "lan_ipv6": "::1", "wan": "::1", "wan_ipv6": "::1"}


def test_the_id_is_kept_for_as_long_as_the_data_lives(own: Own) -> None:
    own.serve(ALPHA)
    for identity in (renamed(ALPHA, address="10.0.0.1"), renamed(ALPHA, version="1.21.0")):
        own.serve(identity, OTHER_ID)
        assert own.catalog.nodes["alpha"].id == FIRST_ID


def test_two_workers_that_start_at_once_agree_on_one_id(own: Own) -> None:
    one, other = (draft_own_node(own.catalog, ALPHA, fresh) for fresh in (FIRST_ID, OTHER_ID))
    assert one is not None
    assert other is not None
    results = own.store.engine.commit_batch([one, other])
    assert results[0] == 1
    assert isinstance(results[1], Conflict)
    own.replica.catch_up()
    assert draft_own_node(own.catalog, ALPHA, OTHER_ID) is None
    assert own.catalog.nodes["alpha"].id == FIRST_ID


def test_what_was_removed_comes_back(own: Own) -> None:
    own.serve(ALPHA)
    draft = Draft(own.catalog)
    draft.remove_node(own.catalog.nodes["alpha"])
    own.commit(draft.change())
    own.serve(ALPHA, OTHER_ID)
    node = own.catalog.nodes["alpha"]
    assert (node.id, sorted(node.instances), sorted(node.checks)) == (FIRST_ID, ["consul"], ["serfhealth"])


def test_a_new_name_takes_everything_along(own: Own) -> None:
    own.serve(ALPHA)
    web = ServiceRow("alpha", "web-1", "web", ("v1",), "db", True, port=80)
    own.put(
        web,
        CheckRow("alpha", "mem", "warning", local=True),
        CheckRow("alpha", "up", "critical", "web-1", "web", True),
        CheckRow("alpha", "of consul", "passing", "consul", "consul"),
    )
    before = own.catalog.index
    own.serve(renamed(ALPHA, name="beta"))
    assert list(own.catalog.nodes) == ["beta"]
    node = own.catalog.nodes["beta"]
    assert node.id == FIRST_ID
    assert sorted(node.checks) == ["mem", "of consul", "serfhealth", "up"]
    assert unpack_service(node.instances["web-1"].packed) == msgspec.structs.replace(web, node="beta")
    assert [check.id for check in node.instances["web-1"].checks] == ["up"]
    assert [check.id for check in node.instances["consul"].checks] == ["of consul"]
    assert not node.orphans
    for topic in (topics.service("web"), topics.connect("db"), topics.node("alpha"), topics.node("beta")):
        assert own.catalog.topic_index(topic) == before + 1


def test_another_spelling_of_the_name_moves_nothing(own: Own) -> None:
    own.serve(ALPHA)
    own.put(ServiceRow("alpha", "web", "web"))
    own.serve(renamed(ALPHA, name="Alpha"))
    node = own.catalog.nodes["alpha"]
    assert (node.name, node.id, sorted(node.instances)) == ("Alpha", FIRST_ID, ["consul", "web"])


def test_the_former_name_is_left_alone_when_somebody_else_has_it_now(own: Own) -> None:
    own.serve(ALPHA)
    own.serve(renamed(ALPHA, name="beta"))
    own.put(NodeRow("alpha", OTHER_ID, "10.0.0.7"), ServiceRow("alpha", "web", "web"))
    own.serve(renamed(ALPHA, name="gamma"))
    assert sorted(own.catalog.nodes) == ["alpha", "gamma"]
    assert sorted(own.catalog.nodes["alpha"].instances) == ["web"]


def test_a_name_that_a_registered_node_has_is_taken_over_with_what_is_on_it(own: Own) -> None:
    own.serve(ALPHA)
    own.put(ServiceRow("alpha", "web", "web", port=1), ServiceRow("alpha", "api", "api"))
    own.put(NodeRow("beta", OTHER_ID, "10.0.0.7"), ServiceRow("beta", "web", "web", port=2))
    own.serve(renamed(ALPHA, name="beta"))
    assert list(own.catalog.nodes) == ["beta"]
    node = own.catalog.nodes["beta"]
    assert (node.id, sorted(node.instances)) == (FIRST_ID, ["api", "consul", "web"])
    assert unpack_service(node.instances["web"].packed).port == 1
    assert own.catalog.node_ids == {FIRST_ID: "beta"}


def test_the_identity_survives_in_the_tables(own: Own) -> None:
    own.serve(ALPHA)
    loaded = Catalog()
    loaded.load(*own.store.load())
    assert loaded.meta[META_KEY] == own.catalog.meta[META_KEY]
    assert draft_own_node(loaded, ALPHA, OTHER_ID) is None
