"""What is counted, in Consul's JSON and as Prometheus's text."""

import re
from typing import Any

import pytest
from harness.client import Client
from harness.process import wait_until
from prometheus_client.parser import text_string_to_metric_families

from agent.calls import register

METRICS = "/v1/agent/metrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""The Accept header of Prometheus."""


def named(shown: Any, name: str) -> list[Any]:
    return [entry for entry in shown if entry["Name"] == name]


@pytest.fixture
def busy(agent: Client) -> Client:
    """An agent with a check of each status and one that runs."""
    for status in ("passing", "warning", "critical"):
        register(agent, {"Name": status, "Check": {"TTL": "10m", "Status": status}})
    register(agent, {"Name": "web", "Check": {"TCP": "127.0.0.1:1", "Interval": "24h"}})
    return agent


def test_json_has_consuls_shape(busy: Client) -> None:
    reply = busy.get(METRICS)
    shown = reply.json

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert list(shown) == ["Timestamp", "Gauges", "Points", "Counters", "Samples"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", shown["Timestamp"])
    assert shown["Points"] == []
    by_status = {
        entry["Labels"]["status"]: entry["Value"] for entry in named(shown["Gauges"], "registry.checks")
    }
    assert by_status == {"passing": 2, "warning": 1, "critical": 2, "other": 0}
    assert named(shown["Gauges"], "registry.instances") == [
        {"Name": "registry.instances", "Value": 5, "Labels": {}}
    ]
    assert named(shown["Gauges"], "registry.guards.active")[0]["Value"] == 0
    for entry in (*shown["Counters"], *shown["Samples"]):
        assert list(entry) == [
            *("Name", "Count", "Rate", "Sum", "Min", "Max", "Mean", "Stddev", "Labels"),
        ]


def test_counters_and_samples_add_up(busy: Client) -> None:
    register(busy, {"Name": "fast", "Check": {"TCP": "127.0.0.1:1", "Interval": "1s"}})

    def probed() -> dict[str, Any] | None:
        shown = busy.get(METRICS).json
        return shown if named(shown["Samples"], "registry.probe.duration.seconds") else None

    shown = wait_until(probed, 15)
    assert shown is not None
    (sample,) = [
        entry
        for entry in named(shown["Samples"], "registry.probe.duration.seconds")
        if entry["Labels"] == {"kind": "tcp"}
    ]
    (run,) = [
        entry for entry in named(shown["Counters"], "registry.probes") if entry["Labels"] == {"kind": "tcp"}
    ]
    failed = [
        entry
        for entry in named(shown["Counters"], "registry.probes.failed")
        if entry["Labels"] == {"kind": "tcp", "result": "critical"}
    ]
    assert run["Count"] >= sample["Count"] >= 1
    assert failed[0]["Count"] >= 1
    assert sample["Min"] <= sample["Mean"] <= sample["Max"]
    assert sample["Mean"] == pytest.approx(sample["Sum"] / sample["Count"])
    assert 0 < run["Rate"] <= run["Count"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?format=prometheus", {}),
        ("", {"Accept": PROMETHEUS}),
        ("", {"Accept": "application/openmetrics-text"}),
        ("", {"Accept": "text/plain; version=0.0.4"}),
    ],
)
def test_prometheus_gets_its_text(busy: Client, query: str, headers: dict[str, str]) -> None:
    reply = busy.get(METRICS + query, headers)

    assert (reply.status, reply.headers["content-type"]) == (200, TEXT)
    families = {family.name: family for family in text_string_to_metric_families(reply.text)}
    assert {sample.labels["status"]: sample.value for sample in families["registry_checks"].samples} == {
        "passing": 2,
        "warning": 1,
        "critical": 2,
        "other": 0,
    }
    assert families["registry_probes"].type == "counter"
    assert families["registry_probe_duration_seconds"].type == "histogram"
    assert [(sample.name, sample.value) for sample in families["registry_guard_trips"].samples] == [
        ("registry_guard_trips_total", 0)
    ]
    assert all(family.documentation for family in families.values())
    assert all("pid" not in sample.labels for family in families.values() for sample in family.samples)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html,application/xhtml+xml", "text/plain"]
)
def test_everybody_else_gets_json(busy: Client, accept: str) -> None:
    assert busy.get(METRICS, {"Accept": accept}).headers["content-type"] == "application/json"


def test_statuses_that_clients_made_up_are_one(busy: Client) -> None:
    checks = [{"CheckID": f"c{number}", "Name": "c", "Status": f"odd-{number}"} for number in range(3)]
    busy.put("/v1/catalog/register", {"Node": "odd", "Address": "10.0.0.1", "Checks": checks})

    shown = busy.get(METRICS).json

    busy.put("/v1/catalog/deregister", {"Node": "odd"})
    labels = [entry["Labels"]["status"] for entry in named(shown["Gauges"], "registry.checks")]
    assert labels == ["passing", "warning", "critical", "other"]
    assert named(shown["Gauges"], "registry.checks")[-1]["Value"] == 3


def test_pretty_and_head(busy: Client) -> None:
    assert busy.get(METRICS + "?pretty").text.startswith('{\n    "Timestamp": "')
    assert busy.request("HEAD", METRICS).status == 200
