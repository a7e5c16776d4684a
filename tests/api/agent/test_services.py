"""Registering services and showing them."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from harness.client import Client

from agent.calls import HTTP, REGISTER, TTL, done, everything, refused, register, service

PLAIN = {
    "ID": "web",
    "Service": "web",
    "Tags": [],
    "Meta": {},
    "Port": 0,
    "Address": "",
    "Weights": {"Passing": 1, "Warning": 1},
    "EnableTagOverride": False,
    "Datacenter": "dc1",
}


def shown(client: Client) -> Any:
    return client.get("/v1/agent/services").json


def without_hash(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "ContentHash"}


def test_a_name_is_enough(agent: Client) -> None:
    register(agent, {"Name": "web"})
    assert shown(agent) == {"web": PLAIN}
    assert list(shown(agent)["web"]) == list(PLAIN)
    assert agent.get("/v1/agent/checks").body == b"{}"


def test_every_field_in_consuls_order(agent: Client) -> None:
    register(
        agent,
        {
            "ID": "web-1",
            "Name": "web",
            "Tags": ["v1", "primary", "v1"],
            "Address": "10.0.0.5",
            "Port": 8080,
            "SocketPath": "/run/web.sock",
            "TaggedAddresses": {"wan": {"Address": "203.0.113.9", "Port": 80}},
            "Meta": {"version": "1.2.3", "a": "<&>"},
            "EnableTagOverride": True,
            "Weights": {"Passing": 10, "Warning": 3},
            "Locality": {"Region": "eu", "Zone": "eu-1"},
            "Connect": {"Native": True, "SidecarService": None},
            "Proxy": None,
        },
    )
    address = {"Address": "10.0.0.5", "Port": 8080}
    expected = {
        "ID": "web-1",
        "Service": "web",
        "Tags": ["v1", "primary", "v1"],
        "Meta": {"a": "<&>", "version": "1.2.3"},
        "Port": 8080,
        "Address": "10.0.0.5",
        "SocketPath": "/run/web.sock",
        "TaggedAddresses": {
            "lan_ipv4": address,
            "wan": {"Address": "203.0.113.9", "Port": 80},
            "wan_ipv4": address,
        },
        "Weights": {"Passing": 10, "Warning": 3},
        "EnableTagOverride": True,
        "Connect": {"Native": True},
        "Datacenter": "dc1",
        "Locality": {"Region": "eu", "Zone": "eu-1"},
    }
    found = agent.get("/v1/agent/services")
    assert json.dumps(found.json["web-1"]) == json.dumps(expected)
    assert b"\\u003c\\u0026\\u003e" in found.body
    alone = service(agent, "web-1")
    assert without_hash(alone) == expected
    assert list(alone).index("ContentHash") == list(alone).index("EnableTagOverride") + 1


@pytest.mark.parametrize(
    "body",
    [
        {"name": "web", "port": 80, "tags": ["a"], "enabletagoverride": True},
        {"NAME": "web", "pOrT": 80, "Tags": ["a"], "enable_tag_override": True},
        {"Name": "web", "Port": 80, "Tags": ["a"], "EnableTagOverride": True, "Token": "t", "Unknown": [1]},
        b'{"Name":"x","Name":"web","Port":80,"Tags":["a"],"EnableTagOverride":true} trailing',
    ],
)
def test_spellings_of_keys(agent: Client, body: object) -> None:
    register(agent, body)
    assert shown(agent) == {"web": {**PLAIN, "Port": 80, "Tags": ["a"], "EnableTagOverride": True}}


@pytest.mark.parametrize("name", ["ID", "Tags", "Meta", "Check", "Checks", "Weights", "Address", "Port"])
def test_null_means_not_given(agent: Client, name: str) -> None:
    register(agent, {"Name": "web", name: None})
    assert shown(agent) == {"web": PLAIN}


@pytest.mark.parametrize(
    ("address", "labels"),
    [
        ("10.0.0.5", ["lan_ipv4", "wan_ipv4"]),
        ("fd00::5", ["lan_ipv6", "wan_ipv6"]),
        ("::ffff:1.2.3.4", ["lan_ipv4", "wan_ipv4"]),
        ("fe80::1%eth0", []),
        ("web.example", []),
        ("010.0.0.1", []),
    ],
)
def test_tagged_addresses_for_ip_addresses(agent: Client, address: str, labels: list[str]) -> None:
    register(agent, {"Name": "web", "Address": address, "Port": 80})
    expected = {label: {"Address": address, "Port": 80} for label in labels}
    assert service(agent, "web").get("TaggedAddresses", {}) == expected


def test_a_given_tagged_address_stays(agent: Client) -> None:
    given = {"lan_ipv4": {"address": "10.0.0.6", "port": 81}}
    register(agent, {"Name": "web", "Address": "10.0.0.5", "Port": 80, "tagged_addresses": given})
    found = service(agent, "web")["TaggedAddresses"]
    assert found["lan_ipv4"] == {"Address": "10.0.0.6", "Port": 81}
    assert found["wan_ipv4"] == {"Address": "10.0.0.5", "Port": 80}


@pytest.mark.parametrize(
    ("field", "text"),
    [("Locality", {}), ("Locality", {"Region": ""}), ("Connect", {}), ("Connect", {"Native": False})],
)
def test_what_says_nothing_is_not_shown(agent: Client, field: str, text: object) -> None:
    register(agent, {"Name": "web", field: text})
    assert shown(agent) == {"web": PLAIN}


def test_a_port_is_not_checked_for_its_range(agent: Client) -> None:
    register(agent, {"Name": "web", "Port": -1})
    register(agent, {"Name": "db", "Port": 70000})
    assert [shown(agent)[name]["Port"] for name in ("web", "db")] == [-1, 70000]


def test_half_of_the_weights(agent: Client) -> None:
    register(agent, {"Name": "web", "Weights": {"Passing": 5}})
    assert service(agent, "web")["Weights"] == {"Passing": 5, "Warning": 0}


def test_visible_in_the_catalog_at_once(agent: Client) -> None:
    for number in range(20):
        register(agent, {"Name": "web", "ID": f"web-{number}", "Check": TTL})
        found = agent.get("/v1/health/service/web").json
        assert [entry["Service"]["ID"] for entry in found].count(f"web-{number}") == 1
        assert found[-1]["Checks"][-1]["Status"] == "critical"


def test_service_and_checks_are_one_change(agent: Client) -> None:
    register(agent, {"Name": "web", "Checks": [TTL, TTL]})
    (entry,) = agent.get("/v1/health/service/web").json
    made = {check["CreateIndex"] for check in entry["Checks"] if check["ServiceID"]}
    assert made == {entry["Service"]["CreateIndex"]}


def test_registering_again_replaces_the_whole_definition(agent: Client) -> None:
    register(agent, {"Name": "web", "Port": 80, "Tags": ["a"], "Meta": {"k": "v"}, "Address": "10.0.0.1"})
    register(agent, {"Name": "web"})
    assert shown(agent) == {"web": PLAIN}


def test_registering_the_same_again_changes_nothing(agent: Client) -> None:
    body = {
        "Name": "web",
        "Tags": ["b", "a"],
        "Meta": {"z": "1", "a": "2"},
        "Address": "10.0.0.1",
        "Checks": [TTL, {**HTTP, "Header": {"B": ["2"], "A": ["1"]}}],
        "Connect": {"SidecarService": {"Check": TTL}},  # its own would be probed meanwhile
    }
    register(agent, body)
    done(agent.put("/v1/agent/check/pass/service:web:1?note=fine"))
    before = everything(agent)
    register(agent, body)
    register(agent, {**body, "Meta": {"a": "2", "z": "1"}})
    assert everything(agent) == before


def test_another_name_moves_the_instance(agent: Client) -> None:
    register(agent, {"Name": "old", "ID": "x", "Tags": ["a"], "Check": TTL})
    register(agent, {"Name": "new", "ID": "x", "Tags": ["b"]})
    assert agent.get("/v1/catalog/service/old").json == []
    # A check that is not repeated keeps the name and tags that it was registered under.
    assert agent.get("/v1/health/checks/new").json == []
    (check,) = agent.get("/v1/health/checks/old").json
    assert (check["ServiceName"], check["ServiceTags"]) == ("old", ["a"])
    (entry,) = agent.get("/v1/health/service/new").json
    assert [each["CheckID"] for each in entry["Checks"] if each["ServiceID"]] == ["service:x"]
    register(agent, {"Name": "new", "ID": "x", "Tags": ["b"], "Check": TTL})
    (check,) = agent.get("/v1/health/checks/new").json
    assert (check["ServiceName"], check["ServiceTags"]) == ("new", ["b"])


def test_another_case_is_the_same_object_under_its_new_spelling(agent: Client) -> None:
    register(agent, {"Name": "web", "ID": "web-1", "Check": TTL})
    register(agent, {"Name": "web", "ID": "WEB-1", "Port": 5})
    assert list(shown(agent)) == ["WEB-1"]
    refused(agent.get("/v1/agent/service/web-1"), 404, "unknown service ID: web-1")
    assert len(agent.get("/v1/catalog/service/WEB").json) == 1


@pytest.mark.parametrize("service_id", ["a/b/c", "host:container:8080", "ünï", 'q"uo\\te', "a b+c?d#e%"])
def test_ids_with_odd_characters(agent: Client, service_id: str) -> None:
    register(agent, {"Name": "web", "ID": service_id, "Check": TTL})
    assert service(agent, service_id)["ID"] == service_id
    done(agent.put(f"/v1/agent/check/pass/{quote('service:' + service_id)}"))
    done(agent.put(f"/v1/agent/service/maintenance/{quote(service_id)}?enable=true"))
    assert agent.get(f"/v1/agent/health/service/id/{quote(service_id)}").status == 503
    done(agent.put(f"/v1/agent/service/deregister/{quote(service_id)}"))
    assert shown(agent) == {}


def test_only_the_agents_services_are_shown(agent: Client, agent_server: Any) -> None:
    for node in ("elsewhere", agent_server.node):
        body = {
            "Node": node,
            "Address": "10.9.9.9",
            "SkipNodeUpdate": True,
            "Service": {"Service": "foreign"},
        }
        assert agent.put("/v1/catalog/register", body).json is True
    assert shown(agent) == {}
    refused(agent.get("/v1/agent/service/foreign"), 404, "unknown service ID: foreign")
    refused(
        agent.put("/v1/agent/service/deregister/consul"),
        404,
        'Unknown service ID "consul". Ensure that the service ID is passed, not the service name.',
    )
    register(agent, {"Name": "foreign"})
    assert list(shown(agent)) == ["foreign"]
    done(agent.put("/v1/agent/service/deregister/foreign"))
    nodes = [entry["Node"] for entry in agent.get("/v1/catalog/service/foreign").json]
    assert nodes == ["elsewhere"]


def test_filter(agent: Client) -> None:
    register(agent, {"Name": "web", "ID": "a", "Tags": ["x"], "Meta": {"k": "v"}})
    register(agent, {"Name": "web", "ID": "b"})
    proxy = {"DestinationServiceName": "web"}
    register(agent, {"Kind": "connect-proxy", "Name": "p", "Port": 1, "Proxy": proxy})
    for expression, ids in (
        ("x in Tags", ["a"]),
        ('Meta.k == "v"', ["a"]),
        ('Service == "web"', ["a", "b"]),
        ('Proxy.DestinationServiceName == "web"', ["p"]),
        ("Port == 1", ["p"]),
        ("Port == 2", []),
    ):
        assert list(agent.get(f"/v1/agent/services?filter={quote(expression)}").json) == ids, expression
    refused(
        agent.get("/v1/agent/services?filter=Foo==1"),
        500,
        'Failed to create boolean expression evaluator: Selector "Foo" is not valid',
    )


def test_pretty_and_datacenter(agent: Client) -> None:
    assert agent.get("/v1/agent/services?pretty").body == b"{}\n"
    register(agent, {"Name": "web"})
    assert agent.get("/v1/agent/services?pretty&dc=nope").body.startswith(b'{\n    "web": {\n        "ID"')


def test_no_index_headers(agent: Client) -> None:
    register(agent, {"Name": "web"})
    for target in (
        "services",
        "checks",
        "service/web",
        "health/service/id/web",
        "members",
        "self",
        "version",
    ):
        assert "x-consul-index" not in agent.get(f"/v1/agent/{target}").headers


def test_deregister(agent: Client) -> None:
    register(agent, {"Name": "web", "ID": "w1", "Check": TTL})
    register(agent, {"Name": "web", "ID": "w2", "Checks": [TTL, TTL]})
    done(agent.put("/v1/agent/service/deregister/w2", {"any": "body"}))
    assert list(shown(agent)) == ["w1"]
    assert list(agent.get("/v1/agent/checks").json) == ["service:w1"]
    assert [entry["Service"]["ID"] for entry in agent.get("/v1/health/service/web").json] == ["w1"]
    text = 'Unknown service ID "{}". Ensure that the service ID is passed, not the service name.'
    for unknown in ("w2", "web", "W1"):
        refused(agent.put(f"/v1/agent/service/deregister/{unknown}"), 404, text.format(unknown))
    refused(agent.put("/v1/agent/service/deregister/"), 500, "ServiceID missing")
    assert list(shown(agent)) == ["w1"]


def test_survives_a_restart(server: Any) -> None:
    client = server.client
    register(client, {"Name": "web", "Port": 80, "Check": TTL})
    done(client.put("/v1/agent/check/pass/service:web?note=fine"))
    done(client.put("/v1/agent/service/maintenance/web?enable=true"))
    before = [client.get(f"/v1/agent/{what}").json for what in ("services", "checks")]
    server.restart()
    assert [client.get(f"/v1/agent/{what}").json for what in ("services", "checks")] == before


def test_many_services_are_listed(agent: Client) -> None:
    for number in range(300):
        register(agent, {"Name": f"s{number % 7}", "ID": f"many-{number:03}"})
    assert list(shown(agent)) == [f"many-{number:03}" for number in range(300)]


def test_methods(agent: Client) -> None:
    for method, target, allow in (
        ("POST", REGISTER, "OPTIONS,PUT"),
        ("GET", REGISTER, "OPTIONS,PUT"),
        ("POST", "/v1/agent/services", "OPTIONS,GET"),
        ("PUT", "/v1/agent/service/web", "OPTIONS,GET"),
        ("GET", "/v1/agent/check/pass/x", "OPTIONS,PUT"),
        ("DELETE", "/v1/agent/service/deregister/x", "OPTIONS,PUT"),
        ("PUT", "/v1/agent/self", "OPTIONS,GET"),
        ("GET", "/v1/agent/leave", "OPTIONS,PUT"),
    ):
        reply = agent.request(method, target)
        refused(reply, 405, f"method {method} not allowed")
        assert reply.headers["allow"] == allow
