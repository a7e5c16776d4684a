"""The registry's own node keeps its ID, and takes what is registered on it along when it is renamed."""

from typing import Any

from serve.conftest import MakeServer
from serve.support import Server


def rename(server: Server, node: str) -> None:
    command = server._process.command
    command[command.index("--node") + 1] = node
    server.restart()


def own_node(server: Server, name: str) -> Any:
    return server.client.get(f"/v1/catalog/node/{name}").json


def test_a_new_name_takes_everything_along(make_server: MakeServer) -> None:
    server = make_server(workers=2, node="first")
    server.start()
    check = {"CheckID": "web-check", "TTL": "10h", "Status": "passing"}
    body = {"ID": "web-1", "Name": "web", "Port": 80, "Check": check}
    assert server.client.put("/v1/agent/service/register", body).status == 200
    assert server.client.put("/v1/agent/check/register", {"Name": "disk", "TTL": "10h"}).status == 200
    other = {"Node": "other", "Address": "10.0.0.9", "Service": {"Service": "db"}}
    assert server.client.put("/v1/catalog/register", other).status == 200
    before, index = own_node(server, "first"), server.client.get("/v1/catalog/nodes").index

    rename(server, "second")

    after = own_node(server, "second")
    assert after["Node"]["ID"] == before["Node"]["ID"]
    assert set(after["Services"]) == {"consul", "web-1"}
    assert after["Services"]["web-1"]["Port"] == 80
    checks = server.client.get("/v1/health/node/second").json
    assert {check["CheckID"] for check in checks} == {"serfHealth", "web-check", "disk"}
    assert own_node(server, "first") is None
    names = {entry["Node"] for entry in server.client.get("/v1/catalog/nodes").json}
    assert names == {"second", "other"}
    assert [it["Node"] for it in server.client.get("/v1/catalog/service/web").json] == ["second"]
    assert set(server.client.get("/v1/agent/services").json) == {"web-1"}
    assert server.client.get("/v1/catalog/nodes").index > index

    rename(server, "second")
    assert own_node(server, "second") == after
    server.stop()


def test_a_change_of_letter_case_is_no_new_node(make_server: MakeServer) -> None:
    server = make_server(workers=1, node="alpha")
    server.start()
    server.client.put("/v1/agent/service/register", {"Name": "web"})
    node_id = own_node(server, "alpha")["Node"]["ID"]
    rename(server, "ALPHA")
    assert [entry["Node"] for entry in server.client.get("/v1/catalog/nodes").json] == ["ALPHA"]
    assert own_node(server, "alpha")["Node"]["ID"] == node_id
    assert set(own_node(server, "alpha")["Services"]) == {"consul", "web"}
    server.stop()


def test_a_restart_changes_nothing(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    before, facts = own_node(server, server.node), server.client.get("/health").json["store"]
    for stop in (server.stop, server.kill):
        stop()
        server.start()
        assert own_node(server, server.node) == before
        again = server.client.get("/health").json["store"]
        assert (again["index"], again["id"]) == (facts["index"], facts["id"])
    server.stop()
