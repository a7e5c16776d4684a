"""Checks of the agent: registering, setting by hand, moving, removing; local health of services."""

import pytest

from differential import views
from differential.pair import Pair

REGISTER = "/v1/agent/check/register"
SERVICE = "/v1/agent/service/register"
TTL = {"TTL": "10m"}
HTTP = {"HTTP": "http://127.0.0.1:1/health", "Interval": "24h"}
READS = (*views.EVERYTHING, *views.of_service("web"))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Name": "beat", **TTL}, id="of the node"),
        pytest.param({"Name": "beat", "ServiceID": "web-1", **TTL}, id="of a service"),
        pytest.param({"Name": "beat", "ID": "b/1", "Notes": "n", "Status": "passing", **TTL}, id="given id"),
        pytest.param({"name": "beat", "id": "b", "service_id": "web-1", "ttl": "10m"}, id="lower case"),
        pytest.param({"Name": "beat", "Status": "warning", **TTL}, id="warning"),
        pytest.param({"Name": "beat", "Status": "", **TTL}, id="empty status"),
        pytest.param({"Name": "beat", "ServiceID": "web-1", **HTTP}, id="http"),
        pytest.param({"Name": "beat", "TCP": "127.0.0.1:1", "Interval": "24h", "Timeout": "90s"}, id="tcp"),
        pytest.param({"Name": "beat", "GRPC": "127.0.0.1:1/x", "Interval": 86_400_000_000_000}, id="grpc"),
        pytest.param({"Name": "beat", "ServiceID": "nope", **TTL}, id="unknown service"),
        pytest.param({"Name": "beat", "ServiceID": "web", **TTL}, id="name for an id"),
        pytest.param({"Name": "beat", "ServiceID": "WEB-1", **TTL}, id="service id in another case"),
        pytest.param({"Name": ""}, id="empty name"),
        pytest.param({**TTL}, id="no name"),
        pytest.param({"ID": "x", **TTL}, id="id only"),
        pytest.param({"Name": "beat"}, id="no type"),
        pytest.param({"Name": "beat", "Status": "maintenance", **TTL}, id="bad status"),
        pytest.param({"Name": "beat", "Status": "PASSING", **TTL}, id="loud status"),
        pytest.param({"Name": "beat", "HTTP": "http://h"}, id="no interval"),
        pytest.param({"Name": "beat", **HTTP, **TTL}, id="interval and ttl"),
        pytest.param({"Name": "beat", "AliasService": "web-1", "Interval": "1s", **TTL}, id="alias and ttl"),
        pytest.param({"Name": "beat", "Args": ["true"], "Interval": "24h"}, id="script"),
        pytest.param(
            {"Name": "beat", "DockerContainerID": "x", "Interval": "24h"}, id="docker without a script"
        ),
        pytest.param({"Name": "beat", "TTL": "1x"}, id="bad duration"),
        pytest.param({"Name": "beat", "TTL": -1}, id="negative ttl"),
        pytest.param({"Name": "beat", "OutputMaxSize": -1, **TTL}, id="negative output size"),
        pytest.param({"Name": 5, **TTL}, id="name of a wrong type"),
    ],
)
def test_register(pair: Pair, body: dict[str, object]) -> None:
    pair.put(SERVICE, {"Name": "web", "ID": "web-1", "Tags": ["t"]})
    pair.read(*READS)
    pair.put(REGISTER, body)
    pair.read(*READS)


def test_registering_again_keeps_state_and_takes_the_rest(pair: Pair) -> None:
    pair.put(SERVICE, {"Name": "web"})
    pair.put(REGISTER, {"Name": "beat", "ServiceID": "web", **TTL})
    pair.put("/v1/agent/check/pass/beat?note=well")
    pair.read(*READS)
    pair.put(REGISTER, {"Name": "beat", "ServiceID": "web", **TTL})
    pair.read(*READS)
    pair.put(REGISTER, {"Name": "beat", "ServiceID": "web", "Notes": "n", "Status": "critical", **TTL})
    pair.read(*READS)
    pair.put(REGISTER, {"Name": "beat", "ServiceID": "web", **HTTP})
    pair.read(*READS)


def test_registering_with_another_service_moves_the_check(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("a"), *views.of_service("b"))
    for name in "ab":
        pair.put(SERVICE, {"Name": name})
    pair.read(*reads)
    for owner in ("a", "b", "", "a"):
        pair.put(REGISTER, {"Name": "beat", "ServiceID": owner, **TTL})
        pair.read(*reads)


def test_setting_by_hand(pair: Pair) -> None:
    pair.put(SERVICE, {"Name": "web", "Check": TTL})
    pair.read(*READS)
    for call in ("pass", "warn", "fail", "pass"):
        pair.put(f"/v1/agent/check/{call}/service:web?note={call}ed+%3Cb%3E")
        pair.read(*READS)
    pair.put("/v1/agent/check/fail/service:web")
    pair.read(*READS)
    pair.put("/v1/agent/check/pass/service:web", "a body that nobody reads")
    pair.read(*READS)


@pytest.mark.parametrize(
    "body",
    [
        {"Status": "passing", "Output": "all well"},
        {"status": "warning", "output": "so-so"},
        {"Status": "critical"},
        {"Status": "passing", "Output": "x" * 5000},
        {"Status": "passing", "Output": "é" * 3000},
        {"Output": "no status"},
        {"Status": "maintenance"},
        {"Status": "Passing"},
        {"Status": 1},
        [],
        "{",
        "",
        "null",
    ],
)
def test_update(pair: Pair, body: object) -> None:
    pair.put(SERVICE, {"Name": "web", "Check": TTL})
    pair.read(*READS)
    pair.put("/v1/agent/check/update/service:web", body)
    pair.read(*READS)


def test_output_is_cut_at_the_size_of_the_check(pair: Pair) -> None:
    pair.put(SERVICE, {"Name": "web", "Check": {**TTL, "OutputMaxSize": 10}})
    pair.put("/v1/agent/check/update/service:web", {"Status": "passing", "Output": "0123456789abc"})
    pair.read(*READS)


def test_checks_that_can_not_be_set(pair: Pair) -> None:
    pair.put(SERVICE, {"Name": "web", "Check": HTTP})
    pair.read(*READS)
    for check in ("service:web", "nope", "serfHealth", "", "SERVICE:web"):
        for call in ("pass", "warn", "fail"):
            pair.put(f"/v1/agent/check/{call}/{check}")
        pair.put(f"/v1/agent/check/update/{check}", {"Status": "passing"})
        pair.put(f"/v1/agent/check/update/{check}", {"Status": "bad"})
        pair.put(f"/v1/agent/check/update/{check}", "broken")
    pair.read(*READS)


def test_deregister(pair: Pair) -> None:
    pair.put(SERVICE, {"Name": "web", "Checks": [TTL, TTL]})
    pair.put(REGISTER, {"Name": "node beat", **TTL})
    pair.read(*READS)
    for check in ("service:web:1", "node%20beat", "service:web:1", "nope", "", "serfHealth"):
        pair.put(f"/v1/agent/check/deregister/{check}")
        pair.read(*READS)


def test_checks_of_the_node_count_for_every_service(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"), *views.of_service("db"))
    pair.put(SERVICE, {"Name": "web", "Check": {**TTL, "Status": "passing"}})
    pair.put(SERVICE, {"Name": "db"})
    pair.read(*reads)
    pair.put(REGISTER, {"Name": "disk", **TTL})
    pair.read(*reads)
    for call in ("pass", "warn", "fail"):
        pair.put(f"/v1/agent/check/{call}/disk")
        pair.read(*reads)
    pair.put("/v1/agent/check/deregister/disk")
    pair.read(*reads)


HEALTH = (
    "/v1/agent/health/service/name/web",
    "/v1/agent/health/service/id/w1",
    "/v1/agent/health/service/id/w2",
)


def test_local_health(pair: Pair) -> None:
    queries = ("", "?format=text", "?format=json", "?format=x")
    reads = [target + query for target in HEALTH for query in queries]
    pair.read(*reads)
    pair.put(SERVICE, {"Name": "web", "ID": "w1"})
    pair.read(*reads)
    pair.put(SERVICE, {"Name": "web", "ID": "w2", "Tags": ["t"], "Checks": [TTL, TTL]})
    pair.read(*reads)
    for check, call in (("1", "pass"), ("2", "warn"), ("1", "warn"), ("2", "pass"), ("1", "pass")):
        pair.put(f"/v1/agent/check/{call}/service:w2:{check}")
        pair.read(*reads)
    pair.put("/v1/agent/service/maintenance/w1?enable=true")
    pair.read(*reads)
    pair.put("/v1/agent/maintenance?enable=true")
    pair.read(*reads)


@pytest.mark.parametrize(
    "accept", ["text/plain", "text/plain;q=0.5", "application/json, text/plain", "*/*", "text/html"]
)
def test_local_health_by_accept(pair: Pair, accept: str) -> None:
    pair.put(SERVICE, {"Name": "web", "ID": "w1", "Check": TTL})
    for target in HEALTH:
        pair.get(target, {"Accept": accept})
        pair.get(f"{target}?format=json", {"Accept": accept})


def test_local_health_without_a_name(pair: Pair) -> None:
    pair.read("/v1/agent/health/service/name/", "/v1/agent/health/service/id/")
    pair.read("/v1/agent/health/service/name/?format=text", "/v1/agent/health/service/id/?format=text")
    pair.read("/v1/agent/health/service/id/a%2Fb", "/v1/agent/health/service/name/consul")
