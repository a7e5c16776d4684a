"""FlapThreshold, FlapWindow and FlapCalm in the definition of a check."""

from typing import Any

import pytest
from harness.client import Client

from agent.calls import HTTP, REGISTER, TTL, checks, done, everything, refused, register

CHECK = "/v1/agent/check/register"
THRESHOLD = (
    "FlapThreshold must be from 1 to 1000, -1 to never hold the check, "
    "or 0 for the server's flap_threshold, found {}"
)
SPAN = "{} must be from 1s to 24h0m0s, found {}"
OF_TTL = (
    "FlapThreshold, FlapWindow and FlapCalm do not apply to TTL checks, "
    "whose status is always the one that was set last; leave them out"
)


def test_they_are_shown_as_given(agent: Client) -> None:
    fields = {"FlapThreshold": 5, "FlapWindow": "90s", "FlapCalm": "2m"}
    shown = {"FlapThreshold": 5, "FlapWindow": "1m30s", "FlapCalm": "2m0s"}
    done(agent.put(CHECK, {"Name": "alone", **HTTP, **fields}))
    register(agent, {"Name": "web", "Check": {**HTTP, **fields}})
    register(agent, {"Name": "db", "Check": {**HTTP, "flap_threshold": -1, "FlapWindow": 0}})
    register(agent, {"Name": "front", "Check": {"AliasService": "web", "flapthreshold": 1}})

    definitions = {name: check["Definition"] for name, check in checks(agent).items()}

    assert definitions == {
        "alone": shown,
        "service:web": shown,
        "service:db": {"FlapThreshold": -1},
        "service:front": {"FlapThreshold": 1},
    }
    assert agent.get("/v1/health/checks/web").json[0]["Definition"] == shown


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ({**HTTP, "FlapThreshold": -2}, THRESHOLD.format(-2)),
        ({**HTTP, "FlapThreshold": 1001}, THRESHOLD.format(1001)),
        ({**HTTP, "FlapWindow": "999ms"}, SPAN.format("FlapWindow", "999ms")),
        ({**HTTP, "FlapWindow": "-1s"}, SPAN.format("FlapWindow", "-1s")),
        ({**HTTP, "FlapCalm": "24h1ns"}, SPAN.format("FlapCalm", "24h0m0.000000001s")),
        ({**TTL, "FlapThreshold": 5}, OF_TTL),
        ({**TTL, "FlapCalm": "5s"}, OF_TTL),
    ],
)
def test_what_is_wrong_with_them(agent: Client, check: dict[str, Any], text: str) -> None:
    before = everything(agent)
    refused(agent.put(CHECK, {"Name": "c", **check}), 400, f"Invalid check: {text}")
    refused(agent.put(REGISTER, {"Name": "web", "Check": check}), 400, f"Invalid check: {text}")
    assert everything(agent) == before


@pytest.mark.parametrize("field", ["FlapThreshold", "FlapWindow"])
def test_what_can_not_be_read(agent: Client, field: str) -> None:
    reply = agent.put(CHECK, {"Name": "c", **HTTP, field: "much"})

    assert reply.status == 400
    assert reply.text.startswith("Request decode failed: ")
