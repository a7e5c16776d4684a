"""/v1/status and /v1/coordinate, and the registry's own /health."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from harness.client import Client
from served import JSON, deregister, last_index, refused, register, serving

from registry import __version__


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory) as server:
        yield server.client


def test_leader_and_peers(api: Client) -> None:
    for path, body in (("leader", '"127.0.0.1:8300"'), ("peers", '["127.0.0.1:8300"]')):
        reply = api.get(f"/v1/status/{path}")
        assert (reply.status, reply.text, reply.headers["content-type"]) == (200, body, JSON)
        assert not {"x-consul-index", "x-consul-effective-consistency", "etag"} & reply.headers.keys()
        assert api.get(f"/v1/status/{path}?dc=dc1&index=9&wait=10m&pretty").text == f"{_pretty(body)}\n"
        refused(api.get(f"/v1/status/{path}?dc=dc2"), 500, "No path to datacenter")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("stale&consistent&wait=x", "Cannot specify ?stale with ?consistent, conflicting semantics."),
        ("max_stale=x&index=x", 'Invalid max_stale value "x"'),
        ("wait=x&index=x", "Invalid wait time"),
        ("index=x&dc=dc2", "Invalid index"),
    ],
)
def test_parameters_without_effect_are_checked(api: Client, query: str, text: str) -> None:
    for path in ("status/leader", "status/peers", "coordinate/node/node-a", "coordinate/nodes"):
        refused(api.get(f"/v1/{path}?{query}"), 400, text)


def _pretty(body: str) -> str:
    return body.replace("[", "[\n    ").replace("]", "\n]")


def test_coordinates(api: Client) -> None:
    datacenters = api.get("/v1/coordinate/datacenters?dc=elsewhere")
    assert (datacenters.status, datacenters.json) == (200, [])
    assert "x-consul-index" not in datacenters.headers
    nodes = api.get("/v1/coordinate/nodes?segment=x")
    assert (nodes.status, nodes.json, nodes.index) == (200, [], 1)
    assert nodes.headers["x-consul-knownleader"] == "true"
    assert "x-consul-effective-consistency" not in nodes.headers
    refused(api.get("/v1/coordinate/nodes?dc=dc2"), 500, "No path to datacenter")
    refused(api.get("/v1/coordinate/nodes?index=x"), 400, "Invalid index")
    for name in ("node-a", "nope", ""):
        one = api.get(f"/v1/coordinate/node/{name}")
        assert (one.status, one.body) == (404, b"")
        assert not {"x-consul-index", "content-type"} & one.headers.keys()


def test_coordinates_do_not_wake(api: Client) -> None:
    watch = api.watch("/v1/coordinate/nodes", 1, "400ms")
    register(api, "somebody", "something")
    reply = watch.result()
    assert (reply.status, reply.json, reply.index) == (200, [], 1)
    assert reply.seconds >= 0.4
    deregister(api, "somebody")


def test_health_of_the_registry(api: Client) -> None:
    reply = api.get("/health")
    assert (reply.status, reply.headers["content-type"]) == (200, JSON)
    body = reply.json
    assert (body["status"], body["service"], body["version"]) == ("healthy", "fr0g-ai-registry", __version__)
    assert body["timestamp"].endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(body["timestamp"])).total_seconds()) < 60
    assert 0 <= body["uptime_seconds"] < 600
    assert (body["nodes"], body["services"]) == (1, 1)  # its own, and the service consul
    assert body["store"]["full"] is False
    assert body["store"]["engine"] == "local"


def test_health_follows_the_catalog(api: Client) -> None:
    before = last_index(api)
    register(api, "counted", "one")
    register(api, "counted", "two")
    body = api.get("/health").json
    assert (body["nodes"], body["services"], body["store"]["index"]) == (2, 3, before + 2)
    deregister(api, "counted")
    assert api.get("/health").json["services"] == 1
