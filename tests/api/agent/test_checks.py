"""Checks that are given with a service, and how the agent shows checks."""

from typing import Any
from urllib.parse import quote

import pytest
from harness.client import Client

from agent.calls import HTTP, TTL, checks, done, refused, register, statuses


def test_shape(agent: Client) -> None:
    register(agent, {"Name": "web", "ID": "web-1", "Tags": ["v1"], "Check": {**HTTP, "Notes": "n"}})
    found = checks(agent)
    assert found == {
        "service:web-1": {
            "Node": "node-a",
            "CheckID": "service:web-1",
            "Name": "Service 'web' check",
            "Status": "critical",
            "Notes": "n",
            "Output": "",
            "ServiceID": "web-1",
            "ServiceName": "web",
            "ServiceTags": ["v1"],
            "Type": "http",
            "Interval": "24h0m0s",
            "Timeout": "",
            "ExposedPort": 0,
            "Definition": {},
            "CreateIndex": 0,
            "ModifyIndex": 0,
        }
    }
    assert list(found["service:web-1"])[9:13] == ["Type", "Interval", "Timeout", "ExposedPort"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Check": TTL}, ["service:web"]),
        ({"Checks": [TTL]}, ["service:web"]),
        ({"Check": TTL, "Checks": [TTL, TTL]}, ["service:web:1", "service:web:2", "service:web:3"]),
        ({"Checks": [{**TTL, "CheckID": "own"}, TTL]}, ["own", "service:web:2"]),
        ({"Checks": [{**TTL, "ID": "own"}]}, ["own"]),
        ({"Check": {}}, []),
        ({"Check": None, "Checks": []}, []),
        ({"Check": {"HTTP": "", "Interval": "0s", "Args": []}}, []),
        ({"Check": {"service_id": "x"}}, []),
        ({"Check": {}, "Checks": [TTL]}, ["service:web"]),
    ],
)
def test_default_ids(agent: Client, given: dict[str, Any], expected: list[str]) -> None:
    register(agent, {"Name": "web", **given})
    assert list(checks(agent)) == expected


def test_of_the_same_id_twice_the_last_counts(agent: Client) -> None:
    twice = [{**TTL, "CheckID": "c", "Name": "one"}, {**TTL, "CheckID": "C", "Name": "two"}]
    register(agent, {"Name": "web", "Checks": twice})
    assert {key: check["Name"] for key, check in checks(agent).items()} == {"C": "two"}
    register(agent, {"Name": "web", "Checks": twice[::-1]})
    assert {key: check["Name"] for key, check in checks(agent).items()} == {"c": "one"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (TTL, "ttl"),
        (HTTP, "http"),
        ({"TCP": "h:1", "Interval": "24h"}, "tcp"),
        ({"UDP": "h:1", "Interval": "24h"}, "udp"),
        ({"GRPC": "h:1", "Interval": "24h"}, "grpc"),
        ({"H2PING": "h:1", "Interval": "24h", "h2ping_use_tls": False}, "h2ping"),
        ({"OSService": "sshd", "Interval": "24h"}, "os_service"),
        ({"AliasService": "x"}, "alias"),
        ({"AliasNode": "n", "Interval": "10s"}, "alias"),
        ({**HTTP, "GRPC": "h:1", "TCP": "h:1"}, "grpc"),
        ({**HTTP, "TCP": "h:1", "UDP": "h:1"}, "http"),
        ({"TCP": "h:1", "UDP": "h:1", "Interval": "1h"}, "tcp"),
        ({"UDP": "h:1", "OSService": "x", "H2PING": "h:1", "Interval": "1h"}, "udp"),
        ({"OSService": "x", "H2PING": "h:1", "Interval": "1h"}, "h2ping"),
        ({"ttl": 1e10}, "ttl"),
    ],
)
def test_types(agent: Client, given: dict[str, Any], kind: str) -> None:
    register(agent, {"Name": "web", "Check": given})
    assert checks(agent)["service:web"]["Type"] == kind


@pytest.mark.parametrize(
    ("interval", "timeout", "shown"),
    [
        ("90s", "1500ms", ("1m30s", "1.5s")),
        (10_000_000_000, 1_000, ("10s", "1µs")),
        ("1h", None, ("1h0m0s", "")),
        ("100ms", "0s", ("100ms", "")),
    ],
)
def test_durations_as_shown(agent: Client, interval: object, timeout: object, shown: tuple[str, str]) -> None:
    register(agent, {"Name": "web", "Check": {"TCP": "h:1", "Interval": interval, "Timeout": timeout}})
    check = checks(agent)["service:web"]
    assert (check["Interval"], check["Timeout"]) == shown


@pytest.mark.parametrize("status", ["passing", "warning", "critical"])
def test_first_status(agent: Client, status: str) -> None:
    register(agent, {"Name": "web", "Check": {**TTL, "Status": status}})
    assert statuses(agent) == {"service:web": status}


def test_state_is_kept_when_registered_again(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": {**TTL, "Notes": "one"}})
    done(agent.put("/v1/agent/check/pass/service:web?note=fine"))
    register(agent, {"Name": "web", "Check": {**HTTP, "Notes": "two", "Status": "critical", "Name": "n"}})
    check = checks(agent)["service:web"]
    assert {name: check[name] for name in ("Status", "Output", "Notes", "Name", "Type")} == {
        "Status": "passing",
        "Output": "fine",
        "Notes": "two",
        "Name": "n",
        "Type": "http",
    }


def test_another_number_of_checks_leaves_the_old_ones(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    register(agent, {"Name": "web", "Checks": [TTL, TTL]})
    register(agent, {"Name": "web"})
    assert list(checks(agent)) == ["service:web", "service:web:1", "service:web:2"]


@pytest.mark.parametrize(
    ("query", "replaces"),
    [("", True), ("=", True), ("=true", True), ("=false", False), ("=1", False), ("=x", False)],
)
def test_replace_existing_checks(agent: Client, query: str, replaces: bool) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put("/v1/agent/check/pass/service:web?note=fine"))
    done(agent.put("/v1/agent/check/register", {"Name": "extra", "ServiceID": "web", **TTL}))
    done(agent.put("/v1/agent/check/register", {"Name": "of-node", **TTL}))
    done(agent.put("/v1/agent/service/maintenance/web?enable=true"))
    register(agent, {"Name": "web", "Check": TTL}, f"?replace-existing-checks{query}")
    left = set(checks(agent)) - {"of-node", "service:web"}
    assert left == (set() if replaces else {"extra", "_service_maintenance:web"})
    assert statuses(agent)["service:web"] == "passing"
    assert "of-node" in checks(agent)


def test_a_check_moves_to_the_service_that_claims_it(agent: Client) -> None:
    register(agent, {"Name": "a", "Check": {**TTL, "CheckID": "shared", "Status": "passing"}})
    register(agent, {"Name": "b", "Check": {**TTL, "CheckID": "shared"}})
    check = checks(agent)["shared"]
    assert (check["ServiceID"], check["ServiceName"], check["Status"]) == ("b", "b", "passing")
    assert agent.get("/v1/health/checks/a").json == []
    done(agent.put("/v1/agent/service/deregister/a"))
    assert list(checks(agent)) == ["shared"]
    done(agent.put("/v1/agent/service/deregister/b"))
    assert checks(agent) == {}


def test_a_check_that_came_through_the_catalog_is_not_the_agents(agent: Client, agent_server: Any) -> None:
    register(agent, {"Name": "web"})
    foreign = {"CheckID": "foreign", "Name": "f", "Status": "passing", "ServiceID": "web"}
    body = {"Node": agent_server.node, "SkipNodeUpdate": True, "Check": foreign}
    assert agent.put("/v1/catalog/register", body).json is True
    assert checks(agent) == {}
    assert agent.put("/v1/agent/check/pass/foreign").status == 404
    # Registered here, it becomes the agent's, with a state of its own.
    register(agent, {"Name": "web", "Check": {**TTL, "CheckID": "foreign"}})
    assert statuses(agent) == {"foreign": "critical"}


def test_filter(agent: Client) -> None:
    syntax = "Failed to create boolean expression evaluator: 1:11 (10): no match found"
    assert agent.get("/v1/agent/checks?filter=Foo==1").json == {}
    assert agent.get(f"/v1/agent/checks?filter={quote('ServiceID = w1')}").text.startswith(syntax)
    register(agent, {"Name": "web", "Tags": ["t"], "Checks": [{**TTL, "Status": "passing"}, HTTP]})
    for expression, ids in (
        ("Status==passing", ["service:web:1"]),
        ("Type==http", ["service:web:2"]),
        ('Interval == "24h0m0s"', ["service:web:2"]),
        ("t in ServiceTags", ["service:web:1", "service:web:2"]),
        ("ServiceID==x", []),
    ):
        assert list(agent.get(f"/v1/agent/checks?filter={quote(expression)}").json) == ids
    refused(agent.get("/v1/agent/checks?filter=Foo==1"), 500, 'Selector "Foo" is not valid')
    reply = agent.get(f"/v1/agent/checks?filter={quote('ServiceID = w1')}")
    assert (reply.status, reply.text.startswith(syntax)) == (500, True)
