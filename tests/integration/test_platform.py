"""The five services that this registry was written for: their whole life with it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.client import Client
from harness.server import RegistryServer

PLATFORM = {
    "fr0g-ai-aip": 8080,
    "fr0g-ai-bridge": 8082,
    "fr0g-ai-master-control": 8081,
    "fr0g-ai-io": 8083,
    "fr0g-ai-registry": 8500,
}
PATIENCE_S = 30.0


def register(client: Client, name: str) -> None:
    """Register a service as its own start-up code does, with lower-case keys and a check that it feeds."""
    definition = {
        "id": f"{name}-1",
        "name": name,
        "address": "127.0.0.1",
        "port": PLATFORM[name],
        "tags": ["fr0g-ai", name.removeprefix("fr0g-ai-")],
        "meta": {"version": "1.0.0"},
        "check": {"name": f"{name} is alive", "ttl": "30m", "deregister_critical_service_after": "2h"},
    }
    reply = client.put("/v1/agent/service/register", definition)
    assert (reply.status, reply.body) == (200, b"")
    reply = client.put(f"/v1/agent/check/pass/service:{name}-1?note=started")
    assert reply.status == 200


def find(client: Client, name: str) -> list[tuple[str, int]]:
    """Return where healthy instances of a service are, as a client of it would look for them."""
    found = client.get(f"/v1/health/service/{name}?passing").json
    return [
        (each["Service"]["Address"] or each["Node"]["Address"], each["Service"]["Port"]) for each in found
    ]


def find_each_other(clients: dict[str, Client]) -> None:
    """Require that every service finds exactly one healthy instance of every other."""
    for own, client in clients.items():
        for other, port in PLATFORM.items():
            assert find(client, other) == [("127.0.0.1", port)], (own, other)


def services(client: Client) -> Any:
    return client.get("/v1/catalog/services").json


@pytest.fixture
def server(server_factory: Callable[..., RegistryServer]) -> RegistryServer:
    return server_factory(workers=2)


@pytest.fixture
def clients(server: RegistryServer) -> Iterator[dict[str, Client]]:
    """A client for each service: they share no connection."""
    clients = {name: Client(server.url) for name in PLATFORM}
    yield clients
    for client in clients.values():
        client.close()


def test_the_platform(server: RegistryServer, clients: dict[str, Client]) -> None:
    for name, client in clients.items():
        register(client, name)
    find_each_other(clients)
    tags = {name: sorted(["fr0g-ai", name.removeprefix("fr0g-ai-")]) for name in PLATFORM}
    assert services(server.client) == {"consul": [], **tags}

    seen = look_closely(server.client)
    for stop in (server.stop, server.kill):
        stop()
        server.start()
        find_each_other(clients)
        assert look_closely(server.client) == seen
    # A service that comes back says the same again, which changes nothing.
    for name, client in clients.items():
        register(client, name)
    assert look_closely(server.client) == seen

    for name, client in clients.items():
        before = client.get(f"/v1/health/service/{name}").index
        watch = server.client.watch(f"/v1/health/service/{name}", before)
        assert client.put(f"/v1/agent/service/deregister/{name}-1").status == 200
        assert (watch.result(PATIENCE_S).json, watch.result().index > before) == ([], True)
        assert client.put(f"/v1/agent/service/deregister/{name}-1").status == 404
    assert services(server.client) == {"consul": []}
    assert server.client.get("/v1/agent/checks").json == {}
    assert server.client.get("/v1/agent/services").json == {}


def look_closely(client: Client) -> list[Any]:
    """Return everything that is said of the platform, its indexes included."""
    paths = [f"health/service/{name}" for name in PLATFORM] + ["agent/services", "catalog/node/node-a"]
    return [client.get(f"/v1/{path}").json for path in paths]


def test_one_that_falls_ill_is_not_found(server: RegistryServer) -> None:
    client = server.client
    for name in PLATFORM:
        register(client, name)
    for verb, found in (("warn", False), ("fail", False), ("pass", True)):
        assert client.put(f"/v1/agent/check/{verb}/service:fr0g-ai-io-1?note=load").status == 200
        assert bool(find(client, "fr0g-ai-io")) is found
        assert find(client, "fr0g-ai-aip")
    maintenance = "/v1/agent/service/maintenance/fr0g-ai-io-1"
    assert client.put(f"{maintenance}?enable=true&reason=upgrade").status == 200
    assert find(client, "fr0g-ai-io") == []
    assert client.put(f"{maintenance}?enable=false").status == 200
    assert find(client, "fr0g-ai-io") == [("127.0.0.1", 8083)]


def test_a_service_that_waits_for_the_others(server: RegistryServer) -> None:
    """Whoever starts first watches for the others and is told when they can be used."""
    client = server.client
    for name, port in PLATFORM.items():
        target = f"/v1/health/service/{name}?passing"
        watch = client.watch(target, client.get(target).index)
        register(client, name)
        reply = watch.result(PATIENCE_S)
        while not reply.json:  # its registration may be seen before its first sign of life
            reply = client.watch(target, reply.index).result(PATIENCE_S)
        assert [each["Service"]["Port"] for each in reply.json] == [port]
