"""A real client library: what py-consul sends is taken, and what it expects is answered."""

from collections.abc import Iterator
from typing import Any

import consul
import pytest
from consul import Check
from consul.exceptions import BadRequest, ConsulException
from harness.client import Client
from harness.server import RegistryServer


@pytest.fixture
def client(agent: Client, agent_server: RegistryServer) -> Iterator[Any]:
    made = consul.Consul(host="127.0.0.1", port=agent_server.port)
    yield made
    made.http.session.close()


def test_register_discover_deregister(client: Any) -> None:
    assert client.agent.service.register(
        "web",
        service_id="web-1",
        address="10.0.0.5",
        port=8080,
        tags=["v1", "a=b"],
        meta={"version": "1"},
        weights={"Passing": 2, "Warning": 1},
        enable_tag_override=True,
        check=Check.http(
            "http://10.0.0.5:8080/health", "10s", timeout="1s", deregister="90m", header={"X": ["1"]}
        ),
        replace_existing_checks=True,
    )
    shown = client.agent.services()["web-1"]
    assert (shown["Service"], shown["Port"], shown["Tags"]) == ("web", 8080, ["v1", "a=b"])
    assert (shown["Meta"], shown["Weights"]) == ({"version": "1"}, {"Passing": 2, "Warning": 1})
    assert client.agent.checks()["service:web-1"]["Type"] == "http"
    index, found = client.health.service("web")
    assert (int(index) > 0, found[0]["Service"]["ID"]) == (True, "web-1")
    assert client.agent.service.deregister("web-1")
    assert client.health.service("web")[1] == []


def test_heartbeats(client: Any) -> None:
    client.agent.service.register("web", check=Check.ttl("10m"))
    assert client.health.service("web", passing=True)[1] == []
    assert client.agent.check.ttl_pass("service:web", notes="fine & well")
    assert client.agent.checks()["service:web"]["Output"] == "fine & well"
    assert len(client.health.service("web", passing=True)[1]) == 1
    assert client.agent.check.ttl_warn("service:web")
    assert client.agent.check.ttl_fail("service:web")
    assert client.agent.checks()["service:web"]["Status"] == "critical"


def test_checks_by_themselves(client: Any) -> None:
    client.agent.service.register("web")
    assert client.agent.check.register(
        "beat", check=Check.ttl("10m"), check_id="beat-1", service_id="web", notes="n"
    )
    assert client.agent.checks()["beat-1"]["ServiceName"] == "web"
    assert client.agent.check.deregister("beat-1")
    assert client.agent.checks() == {}


def test_maintenance(client: Any) -> None:
    client.agent.service.register("web")
    assert client.agent.service.maintenance("web", "true", "moving")
    assert client.agent.checks()["_service_maintenance:web"]["Notes"] == "moving"
    assert client.agent.service.maintenance("web", "false")
    assert client.agent.maintenance("true", "disk")
    assert client.health.service("web", passing=True)[1] == []
    assert client.agent.maintenance("false")
    assert len(client.health.service("web", passing=True)[1]) == 1


def test_about(client: Any, agent_server: RegistryServer) -> None:
    assert client.agent.self()["Config"]["NodeName"] == agent_server.node
    assert [member["Name"] for member in client.agent.members()] == [agent_server.node]


def test_errors_are_its_own(client: Any) -> None:
    with pytest.raises(BadRequest, match="Missing service name"):
        client.agent.service.register("")
    with pytest.raises(ConsulException, match="Scripts are disabled"):
        client.agent.service.register("web", check=Check.script(["true"], "10s"))
    assert client.agent.check.ttl_pass("nope") is False
