"""The agent itself: who it is, its members, maintenance of the node, reload."""

from typing import Any

import pytest

from differential import views
from differential.conftest import Sides
from differential.pair import Pair


def shape(value: Any, depth: int) -> Any:
    """Return a JSON value with its leaves, and what is deeper than ``depth``, replaced by their types."""
    if isinstance(value, dict) and depth:
        return {key: shape(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list) and depth:
        return [shape(item, depth - 1) for item in value]
    return type(value).__name__


def test_self(sides: Sides) -> None:
    theirs, ours = (side.client.get("/v1/agent/self") for side in sides)
    assert (ours.status, ours.headers["content-type"]) == (theirs.status, theirs.headers["content-type"])
    reference, subject = theirs.json, ours.json
    assert all(isinstance(value, dict) for value in subject.values())
    assert list(subject)[: len(reference)] == list(reference)
    config, their_config = subject["Config"], reference["Config"]
    assert shape(config, 1).items() >= shape(their_config, 1).items()
    for field in ("Datacenter", "NodeName", "Server"):
        assert config[field] == their_config[field]
    assert shape(subject["Coord"], 1) == shape(reference["Coord"], 1)
    assert shape(subject["Member"], 1) == shape(reference["Member"], 1)
    for field in ("Name", "Addr", "Status"):
        assert subject["Member"][field] == reference["Member"][field]
    tags, their_tags = subject["Member"]["Tags"], reference["Member"]["Tags"]
    for tag in ("role", "dc", "bootstrap", "segment"):
        assert tags[tag] == their_tags[tag]
    assert tags["id"] == config["NodeID"]
    assert subject["Meta"].items() >= reference["Meta"].items()
    for section in subject["Stats"].values():
        assert shape(section, 1) == dict.fromkeys(section, "str")


def test_self_counts_services_and_checks(pair: Pair) -> None:
    pair.put("/v1/agent/service/register", {"Name": "web", "Checks": [{"TTL": "10m"}, {"TTL": "10m"}]})
    for side in (pair.theirs, pair.ours):
        agent = side.client.get("/v1/agent/self").json["Stats"]["agent"]
        assert (agent["services"], agent["checks"], agent["check_ttls"]) == ("1", "2", "2")


def test_members(sides: Sides) -> None:
    theirs, ours = (side.client.get("/v1/agent/members") for side in sides)
    assert (ours.status, ours.headers["content-type"]) == (theirs.status, theirs.headers["content-type"])
    (member,), (their_member,) = ours.json, theirs.json
    assert shape(member, 1) == shape(their_member, 1)
    for field in ("Name", "Addr", "Status"):
        assert member[field] == their_member[field]


@pytest.mark.parametrize("query", ["wan=1", "segment=x", "segment=x&wan=1"])
def test_members_elsewhere(pair: Pair, query: str) -> None:
    pair.get(f"/v1/agent/members?{query}")


def test_host(sides: Sides) -> None:
    theirs, ours = (side.client.get("/v1/agent/host").json for side in sides)
    assert shape(ours, 1).items() >= {**shape(theirs, 1), "Errors": shape(ours["Errors"], 1)}.items()


def test_maintenance(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"))
    pair.put("/v1/agent/service/register", {"Name": "web"})
    pair.read(*reads)
    for query in ("enable=true&reason=disk", "enable=true&reason=other", "enable=f", "enable=false"):
        pair.put(f"/v1/agent/maintenance?{query}")
        pair.read(*reads)
    pair.put("/v1/agent/maintenance?enable=TRUE")
    pair.read(*reads)
    for tail in ("", "?enable", "?enable=", "?enable=yes", "?reason=x", "?enable=tRUE"):
        pair.put(f"/v1/agent/maintenance{tail}")
    pair.read(*reads)


def test_reload(pair: Pair) -> None:
    pair.put("/v1/agent/service/register", {"Name": "web", "Check": {"TTL": "10m"}})
    pair.put("/v1/agent/check/pass/service:web")
    # Nothing is read before: a real agent may or may not write its checks anew.
    pair.put("/v1/agent/reload")
    pair.read(*views.EVERYTHING)


def test_own_node(pair: Pair) -> None:
    pair.read(*views.EVERYTHING, *views.of_service("consul"))
    pair.read("/v1/agent/service/consul", "/v1/agent/health/service/id/consul")
    pair.read(
        "/v1/catalog/datacenters", "/v1/coordinate/datacenters", "/v1/status/leader", "/v1/status/peers"
    )
