"""The health of the agent's services as a status code."""

from typing import Any

import pytest
from harness.client import Client

from agent.calls import HTTP, TTL, done, refused, register

NAME, ID = "/v1/agent/health/service/name", "/v1/agent/health/service/id"


def instance(client: Client, service_id: str, *states: str) -> None:
    given = [{**TTL, "Status": status} for status in states]
    register(client, {"Name": "web", "ID": service_id, "Checks": given})


CASES = [
    ((), 200, "passing"),
    (("passing", "passing"), 200, "passing"),
    (("passing", "warning"), 429, "warning"),
    (("warning", "critical", "passing"), 503, "critical"),
]


@pytest.mark.parametrize(("states", "code", "word"), CASES)
def test_by_id(agent: Client, states: tuple[str, ...], code: int, word: str) -> None:
    instance(agent, "w1", *states)
    reply = agent.get(f"{ID}/w1")
    assert (reply.status, reply.headers["x-consul-reason"]) == (code, word)
    assert reply.headers["content-type"] == "application/json"
    assert (reply.json["AggregatedStatus"], len(reply.json["Checks"])) == (word, len(states))
    text = agent.get(f"{ID}/w1?format=text")
    assert (text.status, text.text, text.headers["content-type"]) == (code, word, "text/plain")
    assert text.headers["x-consul-reason"] == word


@pytest.mark.parametrize(("states", "code", "word"), CASES)
def test_by_name_the_worst_counts(agent: Client, states: tuple[str, ...], code: int, word: str) -> None:
    instance(agent, "w0", "passing")
    instance(agent, "w1", *states)
    reply = agent.get(f"{NAME}/web")
    assert (reply.status, reply.headers["x-consul-reason"]) == (code, word)
    assert [entry["AggregatedStatus"] for entry in reply.json] == ["passing", word]
    assert agent.get(f"{NAME}/web?format=text").text == word


def test_shape(agent: Client) -> None:
    register(agent, {"Name": "web", "Port": 8080, "Check": {**HTTP, "Notes": "n"}})
    found = agent.get(f"{ID}/web").json
    assert found == {
        "AggregatedStatus": "critical",
        "Service": agent.get("/v1/agent/services").json["web"],
        "Checks": [
            {
                "Node": "node-a",
                "CheckID": "service:web",
                "Name": "Service 'web' check",
                "Status": "critical",
                "Notes": "n",
                "Output": "",
                "ServiceID": "web",
                "ServiceName": "web",
                "ServiceTags": None,
                "Type": "",
                "ExposedPort": 0,
                "Definition": {
                    "HTTP": "",
                    "Header": None,
                    "Method": "",
                    "Body": "",
                    "TLSServerName": "",
                    "TLSSkipVerify": False,
                    "TCP": "",
                    "TCPUseTLS": False,
                    "UDP": "",
                    "GRPC": "",
                    "OSService": "",
                    "GRPCUseTLS": False,
                    "Interval": "0s",
                    "Timeout": "0s",
                    "DeregisterCriticalServiceAfter": "0s",
                },
                "CreateIndex": 0,
                "ModifyIndex": 0,
            }
        ],
    }
    assert list(found) == ["AggregatedStatus", "Service", "Checks"]
    register(agent, {"Name": "web", "Tags": ["t"], "Check": HTTP})
    assert agent.get(f"{ID}/web").json["Checks"][0]["ServiceTags"] == ["t"]


def test_maintenance_is_worst(agent: Client) -> None:
    instance(agent, "w1", "critical")
    done(agent.put("/v1/agent/service/maintenance/w1?enable=true"))
    for target in (f"{ID}/w1", f"{NAME}/web"):
        reply = agent.get(f"{target}?format=text")
        assert (reply.status, reply.text) == (503, "maintenance")
    done(agent.put("/v1/agent/service/maintenance/w1?enable=false"))
    done(agent.put("/v1/agent/maintenance?enable=true"))
    assert agent.get(f"{ID}/w1").json["AggregatedStatus"] == "maintenance"


def test_node_checks_count_for_every_service(agent: Client) -> None:
    instance(agent, "w1", "passing")
    done(agent.put("/v1/agent/check/register", {"Name": "disk", "Status": "warning", **TTL}))
    reply = agent.get(f"{ID}/w1")
    assert (reply.status, sorted(check["CheckID"] for check in reply.json["Checks"])) == (
        429,
        ["disk", "service:w1"],
    )


def test_a_status_that_is_none_counts_as_critical(agent: Client, agent_server: Any) -> None:
    instance(agent, "w1", "passing")
    odd = {"CheckID": "service:w1", "Name": "odd", "Status": "odd", "ServiceID": "w1"}
    body = {"Node": agent_server.node, "SkipNodeUpdate": True, "Check": odd}
    assert agent.put("/v1/catalog/register", body).json is True
    assert agent.get(f"{ID}/w1").status == 503


@pytest.mark.parametrize(
    ("target", "reason", "body"),
    [
        (f"{NAME}/nope", "ServiceName nope Not Found", "[]"),
        (
            f"{ID}/nope",
            "ServiceId nope not found",
            '{"AggregatedStatus":"critical","Service":null,"Checks":null}',
        ),
        (f"{ID}/consul", "ServiceId consul not found", None),
        (f"{NAME}/WEB", "ServiceName WEB Not Found", "[]"),
        (f"{ID}/W1", "ServiceId W1 not found", None),
        (f"{NAME}/a/b", "ServiceName a/b Not Found", "[]"),
    ],
)
def test_unknown(agent: Client, target: str, reason: str, body: str | None) -> None:
    instance(agent, "w1", "passing")
    reply = agent.get(target)
    assert (reply.status, reply.headers["x-consul-reason"]) == (404, reason)
    if body is not None:
        assert reply.text == body
    text = agent.get(f"{target}?format=text")
    assert (text.status, text.text, text.headers["content-type"]) == (404, reason, "text/plain")


def test_a_reason_beyond_ascii_is_sent_as_utf_8(agent: Client) -> None:
    reply = agent.raw(f"GET {NAME}/n%C3%A9 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert reply.headers["x-consul-reason"].encode("latin-1").decode() == "ServiceName né Not Found"


def test_no_name_and_no_id(agent: Client) -> None:
    refused(agent.get(f"{NAME}/"), 500, "Missing service Name")
    refused(agent.get(f"{ID}/"), 500, "Missing serviceID")


@pytest.mark.parametrize(
    ("accept", "query", "text"),
    [
        ("text/plain", "", True),
        ("text/plain;q=0.5, application/json", "", True),
        ("text/plain", "?format=json", True),
        ("application/json, text/plain", "", False),
        ("*/*", "?format=text", True),
        ("*/*", "?format=json", False),
        ("*/*", "?format=x", False),
        ("*/*", "?format", False),
    ],
)
def test_text_or_json(agent: Client, accept: str, query: str, text: bool) -> None:
    instance(agent, "w1", "passing")
    reply = agent.get(f"{ID}/w1{query}", {"Accept": accept})
    assert (reply.text == "passing") is text
    assert reply.headers["content-type"] == ("text/plain" if text else "application/json")


def test_a_change_shows_at_once(agent: Client) -> None:
    instance(agent, "w1", "passing")
    for call, code in (("warn", 429), ("fail", 503), ("pass", 200)):
        done(agent.put(f"/v1/agent/check/{call}/service:w1"))
        assert agent.get(f"{ID}/w1").status == code
        assert agent.get(f"{NAME}/web?format=text").status == code
    done(agent.put("/v1/agent/service/deregister/w1"))
    assert agent.get(f"{ID}/w1").status == 404
