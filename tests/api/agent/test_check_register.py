"""Checks that are registered and removed by themselves."""

from typing import Any

import pytest
from harness.client import Client

from agent.calls import HTTP, TTL, checks, done, everything, refused, register, statuses

CHECK = "/v1/agent/check/register"
UNKNOWN = 'Unknown check ID "{}". Ensure that the check ID is passed, not the check name.'


def test_of_a_service(agent: Client) -> None:
    register(agent, {"Name": "web", "ID": "web-1", "Tags": ["t"]})
    done(
        agent.put(
            CHECK, {"ID": "beat", "Name": "heartbeat", "serviceid": "web-1", "ttl": "15s", "Notes": "n"}
        )
    )
    assert checks(agent)["beat"] == {
        "Node": "node-a",
        "CheckID": "beat",
        "Name": "heartbeat",
        "Status": "critical",
        "Notes": "n",
        "Output": "",
        "ServiceID": "web-1",
        "ServiceName": "web",
        "ServiceTags": ["t"],
        "Type": "ttl",
        "Interval": "0s",
        "Timeout": "0s",
        "ExposedPort": 0,
        "Definition": {},
        "CreateIndex": 0,
        "ModifyIndex": 0,
    }
    (entry,) = agent.get("/v1/health/service/web").json
    assert [check["CheckID"] for check in entry["Checks"]] == ["serfHealth", "beat"]


def test_of_the_node_it_counts_for_every_service(agent: Client) -> None:
    register(agent, {"Name": "web"})
    done(agent.put(CHECK, {"Name": "disk", "Interval": "90s", "Timeout": "1s", "TCP": "h:1"}))
    check = checks(agent)["disk"]
    assert (check["ServiceID"], check["ServiceTags"], check["Interval"], check["Timeout"]) == (
        "",
        [],
        "1m30s",
        "1s",
    )
    assert agent.get("/v1/health/service/web?passing").json == []
    assert agent.get("/v1/agent/health/service/name/web").status == 503


@pytest.mark.parametrize(
    ("given", "check_id"),
    [({"Name": "n"}, "n"), ({"Name": "n", "ID": "i"}, "i"), ({"Name": "n", "CheckID": "i"}, "i")],
)
def test_ids(agent: Client, given: dict[str, Any], check_id: str) -> None:
    done(agent.put(CHECK, {**given, **TTL, "Status": "warning", "Script": "/old", "Foo": 1}))
    assert statuses(agent) == {check_id: "warning"}


def test_again_it_keeps_its_state(agent: Client) -> None:
    done(agent.put(CHECK, {"Name": "c", **TTL}))
    done(agent.put("/v1/agent/check/warn/c?note=hm"))
    before = everything(agent)
    done(agent.put(CHECK, {"Name": "c", **TTL}))
    done(agent.put(CHECK, {"Name": "c", **TTL, "Status": "critical"}))
    assert everything(agent) == before
    done(agent.put(CHECK, {"ID": "c", "Name": "other", **HTTP, "Notes": "n"}))
    check = checks(agent)["c"]
    assert (check["Status"], check["Output"], check["Name"], check["Type"], check["Notes"]) == (
        "warning",
        "hm",
        "other",
        "http",
        "n",
    )


def test_another_service_id_moves_it(agent: Client) -> None:
    for name in ("a", "b"):
        register(agent, {"Name": name})
    done(agent.put(CHECK, {"Name": "c", "ServiceID": "a", "Status": "passing", **TTL}))
    done(agent.put(CHECK, {"Name": "c", "ServiceID": "b", **TTL}))
    assert checks(agent)["c"]["ServiceName"] == "b"
    assert statuses(agent) == {"c": "passing"}
    assert agent.get("/v1/health/checks/a").json == []
    done(agent.put(CHECK, {"Name": "c", **TTL}))
    assert (checks(agent)["c"]["ServiceID"], agent.get("/v1/health/checks/b").json) == ("", [])


INTERVAL = "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"


@pytest.mark.parametrize(
    ("given", "status", "text"),
    [
        ({}, 400, "Missing check name"),
        ({"ID": "x", **TTL}, 400, "Missing check name"),
        ({"Name": "c", "Status": "fine", **TTL}, 400, "Bad check status"),
        ({"Name": "c", "Status": "fine"}, 400, "Bad check status"),
        ({"Name": "c"}, 400, "Invalid check: TTL must be > 0 for TTL checks"),
        ({"Name": "c", "TTL": "0s"}, 400, "Invalid check: TTL must be > 0 for TTL checks"),
        ({"Name": "c", "HTTP": "http://h"}, 400, INTERVAL),
        ({"Name": "c", **HTTP, **TTL}, 400, "Invalid check: Interval and TTL cannot both be specified"),
        (
            {"Name": "c", **HTTP, "AliasNode": "n"},
            400,
            "Invalid check: Interval cannot be set for Alias checks",
        ),
        (
            {"Name": "c", "AliasService": "x", **TTL},
            400,
            "Invalid check: TTL must be not be set for Alias checks",
        ),
        ({"Name": "c", **TTL, "OutputMaxSize": -1}, 400, "Invalid check: MaxOutputMaxSize must be positive"),
        (
            {"Name": "c", **TTL, "FailuresBeforeWarning": 1},
            400,
            "Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
        ),
        ({"Name": "c", "ServiceID": "nope", **TTL}, 404, 'ServiceID "nope" does not exist'),
        ({"Name": "c", "ServiceID": "WEB", **TTL}, 404, 'ServiceID "WEB" does not exist'),
        ({"Name": "c", "ServiceID": "consul", **TTL}, 404, 'ServiceID "consul" does not exist'),
        (
            {"Name": "c", "Args": ["true"], "Interval": "1s"},
            500,
            "Scripts are disabled on this agent from remote calls; "
            "to enable, configure 'enable_script_checks' to true",
        ),
        (
            {"Name": "c", "Namespace": "x", **TTL},
            400,
            'Invalid field: "Namespace" - Namespaces are a Consul Enterprise feature, expected "default"',
        ),
        (
            {"Name": "serfHealth", **TTL},
            400,
            'ID "serfHealth" is that of the node\'s own check, use another ID',
        ),
        ({"Name": "a\tb", **TTL}, 400, "ID must not contain control characters, found '\\t' at 1"),
        (
            {"ID": "x", "Name": "a\tb", **TTL},
            400,
            "Name must not contain control characters, found '\\t' at 1",
        ),
        (
            {"Name": 5},
            400,
            "Request decode failed: json: cannot unmarshal number into Go struct field .Name of type string",
        ),
        (
            {"Name": "c", "TTL": "x"},
            400,
            'Request decode failed: time: invalid duration "x" in Go struct field .TTL',
        ),
        (
            [],
            400,
            "Request decode failed: "
            "json: cannot unmarshal array into Go value of type structs.CheckDefinition",
        ),
        ("", 400, "Request decode failed: EOF"),
        ("nonsense", 400, "Request decode failed: invalid character 'o' in literal null (expecting 'u')"),
    ],
)
def test_a_wrong_definition(agent: Client, given: object, status: int, text: str) -> None:
    register(agent, {"Name": "web"})
    before = everything(agent)
    refused(agent.put(CHECK, given), status, text)
    assert everything(agent) == before


def test_default_namespace_is_tolerated(agent: Client) -> None:
    done(agent.put(CHECK, {"Name": "c", "Namespace": "default", "Partition": "", **TTL}))
    assert list(checks(agent)) == ["c"]


def test_deregister(agent: Client) -> None:
    register(agent, {"Name": "web", "Checks": [TTL, TTL]})
    done(agent.put("/v1/agent/check/deregister/service:web:1"))
    assert list(checks(agent)) == ["service:web:2"]
    for unknown in ("service:web:1", "SERVICE:WEB:2", "web", "serfHealth", ""):
        refused(agent.put(f"/v1/agent/check/deregister/{unknown}"), 404, UNKNOWN.format(unknown))
    assert list(checks(agent)) == ["service:web:2"]


def test_removing_the_last_failing_check_heals_the_service(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    assert agent.get("/v1/health/service/web?passing").json == []
    done(agent.put("/v1/agent/check/deregister/service:web"))
    assert len(agent.get("/v1/health/service/web?passing").json) == 1
