"""IDs of nodes: whose they are, who may take them, and what a node keeps when it is renamed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.client import Client
from harness.server import RegistryServer
from served import REGISTER, last_index, refused, register, serving

UUIDS = [f"{number:02x}e4a748-2192-161a-0510-9bf59fe950b5" for number in range(64, 80)]
ALIVE = {"CheckID": "serfHealth", "Name": "Serf", "Status": "passing"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory) as server:
        yield server.client


def indexes(api: Client, name: str) -> tuple[int, int]:
    """Return when a node was created and last changed."""
    shown = api.get(f"/v1/catalog/node/{name}").json["Node"]
    return shown["CreateIndex"], shown["ModifyIndex"]


def shown_id(api: Client, name: str) -> str:
    found: str = api.get(f"/v1/catalog/node/{name}").json["Node"]["ID"]
    return found


def test_a_renamed_node_keeps_its_age(api: Client) -> None:
    register(api, "first", "gone", ID=UUIDS[0], Check={"Name": "gone"})
    created, _ = indexes(api, "first")
    register(api, "second", ID=UUIDS[0].upper())
    assert indexes(api, "second") == (created, last_index(api))
    assert api.get("/v1/catalog/node/first").json is None
    assert api.get("/v1/health/node/second").index == last_index(api)
    # A node that is there already takes the age and keeps what is on it.
    register(api, "third", "stays")
    register(api, "third", ID=UUIDS[0])
    assert indexes(api, "third") == (created, last_index(api))
    assert list(api.get("/v1/catalog/node/third").json["Services"]) == ["stays"]
    assert api.get("/v1/catalog/node/second").json is None


def test_a_renamed_node_is_the_same_after_a_restart(tmp_path: Path) -> None:
    server = RegistryServer(tmp_path).start()
    try:
        register(server.client, "first", "gone", ID=UUIDS[0], Check={"Name": "gone"})
        register(server.client, "second", ID=UUIDS[0], Service={"Service": "new"})
        targets = ("catalog/nodes", "catalog/node/second", "health/node/second", "catalog/service/new")
        before = [server.client.get(f"/v1/{target}") for target in targets]
        server.restart()
        after = [server.client.get(f"/v1/{target}") for target in targets]
        assert [(reply.body, reply.index) for reply in after] == [
            (reply.body, reply.index) for reply in before
        ]
    finally:
        server.close()


def test_an_id_that_nobody_has_is_given_to_a_live_node_without_one(api: Client) -> None:
    register(api, "nameless", Check=ALIVE)
    register(api, "nameless", ID=UUIDS[1])
    assert shown_id(api, "nameless") == UUIDS[1]
    # The same ID in other letters is the same.
    register(api, "nameless", ID=UUIDS[1].upper())
    assert shown_id(api, "nameless") == UUIDS[1].upper()


@pytest.mark.parametrize("own_id", ["", UUIDS[2]])
def test_the_id_of_another_node_is_not_given_to_a_live_one(api: Client, own_id: str) -> None:
    name = f"live{own_id[:2]}"
    register(api, f"{name}-other", ID=UUIDS[3])
    register(api, name, Check=ALIVE, ID=own_id)
    before = last_index(api)
    refused(
        api.put(REGISTER, {"Node": name, "Address": "1.2.3.4", "ID": UUIDS[3]}),
        500,
        f'failed inserting node: Error while renaming Node ID: "{UUIDS[3]}" (1.2.3.4): Node name {name} is '
        f"reserved by node {own_id} with name {name} (10.0.0.1)",
    )
    assert last_index(api) == before


def test_an_id_is_replaced_unless_the_node_is_alive(api: Client) -> None:
    serf = {"CheckID": "serfHealth", "Name": "Serf", "Status": "passing"}
    register(api, "reserved", ID=UUIDS[5])
    register(api, "reserved", ID=UUIDS[7], Check=serf)
    holder = shown_id(api, "reserved")
    assert holder == UUIDS[7]
    before = last_index(api)
    refused(
        api.put(REGISTER, {"Node": "Reserved", "Address": "1.2.3.4", "ID": UUIDS[5]}),
        500,
        f'failed inserting node: Error while renaming Node ID: "{UUIDS[5]}": Node name Reserved is '
        f"reserved by node {holder} with name reserved (10.0.0.1)",
    )
    assert last_index(api) == before
    register(api, "reserved", ID=holder, Check={**serf, "Status": "critical"})
    register(api, "reserved", ID=UUIDS[5])
    assert shown_id(api, "reserved") == UUIDS[5]


def test_the_own_node_keeps_its_id(api: Client) -> None:
    own_id = shown_id(api, "node-a")
    before = last_index(api)
    for name in ("node-a", "thief"):
        given = UUIDS[6] if name == "node-a" else own_id
        reply = api.put(REGISTER, {"Node": name, "Address": "6.6.6.6", "ID": given})
        assert reply.status == 500
        assert "is reserved by node" in reply.text
    assert last_index(api) == before
