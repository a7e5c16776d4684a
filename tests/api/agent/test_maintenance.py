"""Maintenance of the node and of services."""

import pytest
from harness.client import Client

from agent.calls import TTL, checks, done, everything, refused, register

NODE, SERVICE = "/v1/agent/maintenance", "/v1/agent/service/maintenance"


def passing(client: Client, name: str) -> list[str]:
    return [entry["Service"]["ID"] for entry in client.get(f"/v1/health/service/{name}?passing").json]


def test_of_a_service(agent: Client) -> None:
    for service_id in ("w1", "w2"):
        register(agent, {"Name": "web", "ID": service_id, "Tags": ["t"]})
    done(agent.put(f"{SERVICE}/w1?enable=true&reason=moving+house"))
    assert checks(agent) == {
        "_service_maintenance:w1": {
            "Node": "node-a",
            "CheckID": "_service_maintenance:w1",
            "Name": "Service Maintenance Mode",
            "Status": "critical",
            "Notes": "moving house",
            "Output": "",
            "ServiceID": "w1",
            "ServiceName": "web",
            "ServiceTags": ["t"],
            "Type": "maintenance",
            "Interval": "",
            "Timeout": "",
            "ExposedPort": 0,
            "Definition": {},
            "CreateIndex": 0,
            "ModifyIndex": 0,
        }
    }
    assert passing(agent, "web") == ["w2"]
    done(agent.put(f"{SERVICE}/w1?enable=false"))
    assert (checks(agent), passing(agent, "web")) == ({}, ["w1", "w2"])


def test_of_the_node(agent: Client) -> None:
    register(agent, {"Name": "web"})
    register(agent, {"Name": "db"})
    done(agent.put(f"{NODE}?enable=true"))
    (check,) = checks(agent).values()
    assert {name: check[name] for name in ("CheckID", "Name", "Status", "Type", "ServiceID", "Notes")} == {
        "CheckID": "_node_maintenance",
        "Name": "Node Maintenance Mode",
        "Status": "critical",
        "Type": "maintenance",
        "ServiceID": "",
        "Notes": "Maintenance mode is enabled for this node, but no reason was provided. "
        "This is a default message.",
    }
    assert (passing(agent, "web"), passing(agent, "db")) == ([], [])
    done(agent.put(f"{NODE}?enable=0"))
    assert passing(agent, "web") == ["web"]


def test_default_reason_of_a_service(agent: Client) -> None:
    register(agent, {"Name": "web"})
    done(agent.put(f"{SERVICE}/web?enable=1&reason="))
    assert checks(agent)["_service_maintenance:web"]["Notes"] == (
        "Maintenance mode is enabled for this service, but no reason was provided. This is a default message."
    )


@pytest.mark.parametrize("target", [NODE, f"{SERVICE}/web"])
def test_a_repeated_request_changes_nothing(agent: Client, target: str) -> None:
    register(agent, {"Name": "web"})
    done(agent.put(f"{target}?enable=T&reason=first"))
    before = everything(agent)
    done(agent.put(f"{target}?enable=true&reason=second"))
    assert everything(agent) == before
    done(agent.put(f"{target}?enable=f"))
    before = everything(agent)
    done(agent.put(f"{target}?enable=False"))
    assert everything(agent) == before


@pytest.mark.parametrize("target", [NODE, f"{SERVICE}/web"])
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "Missing value for enable"),
        ("?reason=x", "Missing value for enable"),
        ("?enable", 'Invalid value for enable: ""'),
        ("?enable=", 'Invalid value for enable: ""'),
        ("?enable=yes", 'Invalid value for enable: "yes"'),
        ("?enable=x&enable=true", 'Invalid value for enable: "x"'),
        ("?enable=%22%0A", r'Invalid value for enable: "\"\n"'),
    ],
)
def test_a_wrong_enable(agent: Client, target: str, query: str, text: str) -> None:
    register(agent, {"Name": "web"})
    refused(agent.put(target + query), 400, text)
    assert checks(agent) == {}


def test_the_order_of_refusals(agent: Client) -> None:
    unknown = 'Unknown service ID "nope". Ensure that the service ID is passed, not the service name.'
    refused(agent.put(f"{SERVICE}/"), 400, "Missing service ID")
    refused(agent.put(f"{SERVICE}/?enable=true"), 400, "Missing service ID")
    refused(agent.put(f"{SERVICE}/nope"), 400, "Missing value for enable")
    refused(agent.put(f"{SERVICE}/nope?enable=x"), 400, 'Invalid value for enable: "x"')
    for enable in ("true", "false"):
        refused(agent.put(f"{SERVICE}/nope?enable={enable}"), 404, unknown)


def test_it_goes_with_its_service_and_stays_when_that_is_registered_again(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put(f"{SERVICE}/web?enable=true"))
    register(agent, {"Name": "web", "Check": TTL})
    assert "_service_maintenance:web" in checks(agent)
    done(agent.put("/v1/agent/service/deregister/web"))
    assert checks(agent) == {}
