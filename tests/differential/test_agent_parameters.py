"""Query parameters and headers that agent endpoints share, ignore or refuse."""

import pytest

from differential import views
from differential.pair import Pair

SERVICE = {"Name": "web", "ID": "w1", "Tags": ["t"], "Checks": [{"TTL": "10m"}, {"TTL": "10m"}]}
READS = (
    *("/v1/agent/services", "/v1/agent/service/w1", "/v1/agent/service/nope", "/v1/agent/checks"),
    *("/v1/agent/health/service/name/web", "/v1/agent/health/service/id/w1"),
)
PARAMETERS = (
    *("?pretty", "?pretty=false", "?dc=dc2", "?stale&consistent", "?cached&consistent", "?max_stale=x"),
    *("?index=x", "?index=5", "?index=-1", "?wait=x", "?wait=x&index=x", "?token=", "?token=&token="),
    *("?filter=", "?ns=", "?ns=default", "?partition=", "?near=_agent", "?hash=", "?a=b;c=d"),
)


@pytest.mark.parametrize("target", READS)
def test_reads(pair: Pair, target: str) -> None:
    pair.get(target + "?pretty")
    pair.put("/v1/agent/service/register", SERVICE)
    pair.get(target)
    for query in PARAMETERS:
        pair.get(target + query)


@pytest.mark.parametrize("query", ["?dc=dc2", "?pretty", "?stale&consistent", "?index=x&wait=x", "?token="])
def test_writes_ignore_what_is_for_reads(pair: Pair, query: str) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"))
    for target, body in (
        ("service/register", SERVICE),
        ("check/register", {"Name": "beat", "TTL": "10m"}),
        ("check/pass/beat", None),
        ("check/update/beat", {"Status": "warning"}),
        ("check/deregister/beat", None),
        ("service/deregister/w1", None),
    ):
        pair.put(f"/v1/agent/{target}{query}", body)
    pair.put(f"/v1/catalog/register{query}", {"Node": "ext", "Address": "x", "Service": {"Service": "web"}})
    pair.read(*reads)
    pair.put(f"/v1/catalog/deregister{query}", {"Node": "ext"})
    pair.read(*reads)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Consul-Token": ""},
        {"X-Consul-Namespace": ""},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"X-Forwarded-For": "10.9.9.9"},
        {"Cache-Control": "max-age=x"},
        {"Content-Length": "0"},
    ],
    ids=str,
)
def test_headers(pair: Pair, headers: dict[str, str]) -> None:
    pair.put("/v1/agent/service/register", SERVICE)
    for target in ("/v1/agent/services", "/v1/agent/service/w1", "/v1/status/leader"):
        pair.get(target, headers)
    pair.put("/v1/agent/check/pass/service:w1:1", None, headers)
    pair.read(*views.EVERYTHING)


def test_members_that_leave(pair: Pair) -> None:
    for target in ("nope", "nope?prune", "nope?wan", "", "node-a"):
        pair.put(f"/v1/agent/force-leave/{target}")
    pair.put("/v1/agent/join/127.0.0.1:1?wan=1")
