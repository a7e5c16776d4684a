"""Thousands of services, registered by many at once, listed, looked up, kept through a restart."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

from harness.client import Client
from harness.server import RegistryServer

COUNT = 8_741
WRITERS = 16
EVERY = 97
"""Of the services, every so-manieth is looked up by itself."""


def definition(number: int) -> dict[str, Any]:
    address = f"10.0.{number % 256}.{number % 250}"
    tags = [f"shard-{number % 10}", "even" if number % 2 == 0 else "odd"]
    return {"name": name(number), "address": address, "port": number, "tags": tags}


def name(number: int) -> str:
    return f"service-{number:05}"


def register_share(port: int, share: range) -> None:
    """Register some of the services, one after the other on one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for number in share:
        connection.request("PUT", "/v1/agent/service/register", json.dumps(definition(number)))
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
    connection.close()


def look(client: Client) -> None:
    """Require that all services are there, each as it was registered."""
    listed = client.get("/v1/catalog/services").json
    assert len(listed) == COUNT + 1
    assert list(listed) == sorted(listed)
    for number in range(0, COUNT, EVERY):
        given = definition(number)
        assert sorted(listed[name(number)]) == sorted(given["tags"])
        (found,) = client.get(f"/v1/health/service/{name(number)}?passing&tag=shard-{number % 10}").json
        shown = {key.lower(): found["Service"][key] for key in ("Address", "Port", "Tags")}
        assert shown == {key: given[key] for key in shown}
    services = client.get("/v1/agent/services").json
    assert {service["Port"] for service in services.values()} == set(range(COUNT))
    assert len(client.get("/v1/catalog/node/node-a").json["Services"]) == COUNT + 1
    assert client.get("/health").json["services"] == COUNT + 1


def test_many_services(server_factory: Callable[..., RegistryServer]) -> None:
    server = server_factory(workers=2)
    shares = [range(start, COUNT, WRITERS) for start in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        for done in [pool.submit(register_share, server.port, share) for share in shares]:
            done.result()
    look(server.client)
    odd = server.client.get("/v1/agent/services?filter=odd+in+Tags").json
    assert len(odd) == COUNT // 2
    server.restart()
    look(server.client)
