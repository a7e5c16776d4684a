"""A client that was written for Consul, py-consul, used as its documentation says."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import consul
import pytest
from harness.server import RegistryServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    server = RegistryServer(tmp_path_factory.mktemp("clients"), workers=2)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def client(server: RegistryServer) -> Iterator[Any]:
    with connected(server) as client:
        yield client


def connected(server: RegistryServer) -> Any:
    return consul.Consul(host="127.0.0.1", port=server.port)


def test_catalog(client: Any) -> None:
    service = {"Service": "redis", "ID": "redis1", "Port": 8000, "Tags": ["primary"]}
    check = {"Name": "redis is up", "ServiceID": "redis1", "Status": "passing"}
    assert client.catalog.register("ext-1", "10.0.0.9", service, check) is True
    assert client.catalog.datacenters() == ["dc1"]
    index, nodes = client.catalog.nodes(near="_agent", filter_expr='Node == "ext-1"')
    assert (int(index) >= 1, [node["Node"] for node in nodes]) == (True, ["ext-1"])
    _, services = client.catalog.services()
    assert services == {"consul": [], "redis": ["primary"]}
    _, found = client.catalog.service("redis", tag="primary", consistency="stale")
    assert [(each["Address"], each["ServicePort"]) for each in found] == [("10.0.0.9", 8000)]
    _, view = client.catalog.node("ext-1")
    assert list(view["Services"]) == ["redis1"]
    _, nobody = client.catalog.node("nobody")
    assert nobody is None
    _, healthy = client.health.service("redis", passing=True)
    assert [each["Checks"][0]["Status"] for each in healthy] == ["passing"]
    _, checks = client.health.checks("redis")
    assert [check["CheckID"] for check in checks] == ["redis is up"]
    _, checks = client.health.node("ext-1")
    assert len(checks) == 1
    _, checks = client.health.state("passing", filter_expr='Node == "ext-1"')
    assert len(checks) == 1
    _, sidecars = client.catalog.connect("redis")
    assert sidecars == []
    assert client.catalog.deregister("ext-1") is True
    _, services = client.catalog.services()
    assert services == {"consul": []}


def test_agent(client: Any) -> None:
    agent = client.agent
    assert agent.self()["Config"]["NodeName"] == "node-a"
    assert [member["Name"] for member in agent.members()] == ["node-a"]
    check = consul.Check.ttl("30m")
    assert agent.service.register(
        "web",
        service_id="web-1",
        address="10.0.0.5",
        port=8080,
        tags=["v1"],
        meta={"version": "1"},
        weights={"Passing": 5, "Warning": 1},
        check=check,
        extra_checks=[consul.Check.ttl("1h")],
    )
    assert list(agent.services()) == ["web-1"]
    assert agent.service_definition("web-1")["Port"] == 8080
    ids = sorted(agent.checks())
    assert ids == ["service:web-1:1", "service:web-1:2"]
    _, healthy = client.health.service("web", passing=True)
    assert healthy == []
    for check_id in ids:
        assert agent.check.ttl_pass(check_id, notes="fine")
    _, healthy = client.health.service("web", passing=True)
    assert [each["Service"]["Weights"]["Passing"] for each in healthy] == [5]
    assert agent.check.ttl_warn(ids[0])
    assert agent.check.ttl_fail(ids[0], notes="broken")
    assert agent.checks()[ids[0]]["Output"] == "broken"
    assert agent.check.register("extra", check=consul.Check.ttl("1h"), service_id="web-1", check_id="extra")
    assert agent.check.deregister("extra")
    assert agent.service.maintenance("web-1", True, "upgrade")
    assert "_service_maintenance:web-1" in agent.checks()
    assert agent.service.maintenance("web-1", False)
    assert agent.maintenance(True, "all of it")
    assert agent.maintenance(False)
    assert agent.service.deregister("web-1")
    assert (agent.services(), agent.checks()) == ({}, {})


def test_status(client: Any) -> None:
    assert client.status.leader() == "127.0.0.1:8300"
    assert client.status.peers() == ["127.0.0.1:8300"]
    assert client.coordinate.datacenters() == []
    _, nodes = client.coordinate.nodes()
    assert nodes == []


def test_blocking(server: RegistryServer, client: Any) -> None:
    index, found = client.health.service("awaited")
    assert found == []
    # Nothing happens: after its time the same comes back.
    again, found = client.health.service("awaited", index=index, wait="100ms")
    assert (again, found) == (index, [])
    began = threading.Event()

    def watch() -> Any:
        with connected(server) as other:
            began.set()
            return other.health.service("awaited", index=index, wait="60s")

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(watch)
        began.wait(10)
        client.agent.service.register("awaited", port=1)
        woken, found = result.result(30)
    assert int(woken) > int(index)
    assert [each["Service"]["Port"] for each in found] == [1]
    client.agent.service.deregister("awaited")


def test_errors(client: Any) -> None:
    with pytest.raises(consul.ConsulException, match="No path to datacenter"):
        client.catalog.nodes(dc="elsewhere")
    with pytest.raises(consul.ConsulException, match="Must provide node"):
        client.catalog.deregister("")
    with pytest.raises(consul.ConsulException, match="Invalid wait time"):
        client.catalog.nodes(index=1, wait="soon")
    with pytest.raises(consul.ConsulException, match="boolean expression"):
        client.catalog.nodes(filter_expr="(")
    assert client.agent.service.deregister("nobody") is False
