"""Heartbeats: pass, warn, fail and update."""

from typing import Any
from urllib.parse import quote

import pytest
from harness.client import Client
from hypothesis import given
from hypothesis import strategies as st

from agent.calls import HTTP, TTL, checks, done, everything, refused, register
from registry.api.agent.ttl import clipped

UNKNOWN = 'Unknown check ID "{}". Ensure that the check ID is passed, not the check name.'


@pytest.mark.parametrize(("call", "status"), [("pass", "passing"), ("warn", "warning"), ("fail", "critical")])
def test_status_and_note(agent: Client, call: str, status: str) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put(f"/v1/agent/check/{call}/service:web?note={quote('all <well> & 100% ü')}"))
    check = checks(agent)["service:web"]
    assert (check["Status"], check["Output"]) == (status, "all <well> & 100% ü")
    assert agent.get("/v1/health/checks/web").json[0]["Status"] == status
    done(agent.put(f"/v1/agent/check/{call}/service:web", "no body is looked at"))
    assert checks(agent)["service:web"]["Output"] == ""


def test_a_new_status_takes_over_the_name_and_tags_of_the_service(agent: Client) -> None:
    register(agent, {"Name": "old", "ID": "one", "Tags": ["t"], "Check": TTL})
    register(agent, {"Name": "new", "ID": "one", "Tags": ["u"]})
    done(agent.put("/v1/agent/check/fail/service:one?note=still"))
    assert [len(agent.get(f"/v1/health/checks/{name}").json) for name in ("old", "new")] == [1, 0]
    watches = [
        agent.watch(target, agent.get(target).index)
        for target in ("/v1/health/checks/old", "/v1/health/checks/new")
    ]
    done(agent.put("/v1/agent/check/pass/service:one"))
    assert [len(watch.result().json) for watch in watches] == [0, 1]
    (moved,) = agent.get("/v1/health/checks/new").json
    assert (moved["ServiceName"], moved["ServiceTags"]) == ("new", ["u"])


def test_passing_puts_the_service_among_the_healthy(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    assert agent.get("/v1/health/service/web?passing").json == []
    watch = agent.watch("/v1/health/service/web?passing", agent.get("/v1/health/service/web").index)
    done(agent.put("/v1/agent/check/pass/service:web"))
    assert len(watch.result().json) == 1


def test_a_heartbeat_that_says_nothing_new_changes_nothing(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put("/v1/agent/check/pass/service:web?note=fine"))
    before = everything(agent)
    for _ in range(3):
        done(agent.put("/v1/agent/check/pass/service:web?note=fine"))
    done(agent.put("/v1/agent/check/update/service:web", {"Status": "passing", "Output": "fine"}))
    assert everything(agent) == before


def own_check(entry: dict[str, Any]) -> dict[str, Any]:
    """The check of the service web in an element of a health answer."""
    (found,) = [check for check in entry["Checks"] if check["CheckID"] == "service:web"]
    return dict(found)


def test_a_new_text_alone_is_seen_and_moves_nothing(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put("/v1/agent/check/pass/service:web?note=fine"))
    target = "/v1/health/service/web"
    before = agent.get(target)
    watch = agent.watch(target, before.index, "700ms")
    done(agent.put("/v1/agent/check/pass/service:web?note=better"))
    after = agent.get(target)
    assert own_check(after.json[0])["Output"] == "better"
    assert checks(agent)["service:web"]["Output"] == "better"
    assert after.index == before.index
    assert agent.get("/v1/health/state/passing").index <= before.index
    assert own_check(after.json[0])["ModifyIndex"] == own_check(before.json[0])["ModifyIndex"]
    slept = watch.result()
    assert (slept.index, slept.json) == (before.index, after.json)
    assert slept.seconds >= 0.7


def test_texts_by_the_dozen_are_held_back_and_a_new_status_is_not(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    for number in range(12):
        done(agent.put(f"/v1/agent/check/pass/service:web?note={number}"))
    shown = checks(agent)["service:web"]["Output"]
    assert shown != "11"
    before = everything(agent)
    done(agent.put("/v1/agent/check/pass/service:web?note=12"))
    assert everything(agent) == before
    done(agent.put("/v1/agent/check/warn/service:web?note=13"))
    check = checks(agent)["service:web"]
    assert (check["Status"], check["Output"]) == ("warning", "13")


@pytest.mark.parametrize(
    ("body", "status", "output"),
    [
        ({"Status": "passing", "Output": "fine"}, "passing", "fine"),
        ({"status": "warning"}, "warning", ""),
        ({"Status": "critical", "Output": None}, "critical", ""),
        (b'{"Status":"passing","Output":"x"} {', "passing", "x"),
    ],
)
def test_update(agent: Client, body: object, status: str, output: str) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put("/v1/agent/check/pass/service:web?note=before"))
    done(agent.put("/v1/agent/check/update/service:web", body))
    check = checks(agent)["service:web"]
    assert (check["Status"], check["Output"]) == (status, output)


@pytest.mark.parametrize(
    ("target", "body", "status", "text"),
    [
        ("update/service:web", {"Status": "PASSING"}, 400, "Invalid check status: 'PASSING'"),
        ("update/service:web", {}, 400, "Invalid check status: ''"),
        ("update/service:web", {"Status": "maintenance"}, 400, "Invalid check status: 'maintenance'"),
        ("update/nope", {"Status": "x"}, 400, "Invalid check status: 'x'"),
        ("update/nope", "", 400, "Request decode failed: EOF"),
        (
            "update/service:web",
            {"Status": 1},
            400,
            "Request decode failed: "
            "json: cannot unmarshal number into Go struct field .Status of type string",
        ),
        ("update/nope", {"Status": "passing"}, 404, UNKNOWN.format("nope")),
        ("pass/nope", None, 404, UNKNOWN.format("nope")),
        ("warn/SERVICE:WEB", None, 404, UNKNOWN.format("SERVICE:WEB")),
        ("fail/serfHealth", None, 404, UNKNOWN.format("serfHealth")),
        ("pass/", None, 404, UNKNOWN.format("")),
        ("pass/http", None, 500, 'CheckID "http" does not have associated TTL'),
        ("update/http", {"Status": "passing"}, 500, 'CheckID "http" does not have associated TTL'),
        (
            "pass/_node_maintenance",
            None,
            500,
            'CheckID "_node_maintenance" does not have associated TTL',
        ),
    ],
)
def test_refused(agent: Client, target: str, body: object, status: int, text: str) -> None:
    register(agent, {"Name": "web", "Checks": [TTL, {**HTTP, "CheckID": "http"}]})
    done(agent.put("/v1/agent/maintenance?enable=true"))
    before = everything(agent)
    refused(agent.put(f"/v1/agent/check/{target}", body), status, text)
    assert everything(agent) == before


def test_output_is_cut_to_the_limit(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    done(agent.put("/v1/agent/check/update/service:web", {"Status": "passing", "Output": "x" * 5000}))
    assert checks(agent)["service:web"]["Output"] == "x" * 4096 + " ... (captured 4096 of 5000 bytes)"
    done(agent.put(f"/v1/agent/check/pass/service:web?note={'y' * 5000}"))
    assert checks(agent)["service:web"]["Output"] == "y" * 4096 + " ... (captured 4096 of 5000 bytes)"


@pytest.mark.parametrize(("own", "kept"), [(5, 5), (0, 4096), (9000, 4096)])
def test_a_checks_own_limit_can_only_lower_it(agent: Client, own: int, kept: int) -> None:
    register(agent, {"Name": "web", "Check": {**TTL, "OutputMaxSize": own}})
    done(agent.put("/v1/agent/check/update/service:web", {"Status": "passing", "Output": "z" * 5000}))
    assert checks(agent)["service:web"]["Output"] == "z" * kept + f" ... (captured {kept} of 5000 bytes)"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 40))
def test_clipped_text_is_a_beginning_within_the_limit(output: str, most: int) -> None:
    size = len(output.encode())
    kept = clipped(output, most)
    if size <= most:
        assert kept == output
        return
    remark = f" ... (captured {most} of {size} bytes)"
    assert kept.endswith(remark)
    beginning = kept.removesuffix(remark)
    assert output.startswith(beginning)
    assert most - 3 <= len(beginning.encode()) <= most
