"""Reads of the catalog and of health, with every parameter."""

import pytest

from differential.pair import Pair

REGISTER = "/v1/catalog/register"

LISTS = (
    "/v1/catalog/nodes",
    "/v1/catalog/services",
    "/v1/catalog/service/web",
    "/v1/catalog/connect/web",
    "/v1/catalog/node/n2",
    "/v1/catalog/node-services/n2",
    "/v1/health/node/n2",
    "/v1/health/checks/web",
    "/v1/health/service/web",
    "/v1/health/connect/web",
    "/v1/health/ingress/web",
    "/v1/health/state/any",
    "/v1/health/state/critical",
    "/v1/catalog/gateway-services/gate",
    "/v1/coordinate/datacenters",
)


def fill(pair: Pair) -> None:
    """Register a small catalog of three nodes with services in all states."""
    rack = {"n1": {"rack": "a", "os": "linux"}, "n2": {"rack": "b", "os": "linux"}, "n3": None}
    for node, meta in rack.items():
        pair.put(REGISTER, {"Node": node, "Address": f"10.0.0.{node[1]}", "NodeMeta": meta})
    states = [
        ("n3", "w9", "passing"),
        ("n1", "w2", "critical"),
        ("n2", "w1", "warning"),
        ("n1", "w1", "passing"),
    ]
    for node, service, state in states:
        tags = {"w1": ["v1", "Blue"], "w2": ["v2", "blue", "a&b"], "w9": []}[service]
        instance = {
            "ID": service,
            "Service": "web",
            "Tags": tags,
            "Port": int(service[1]),
            "Meta": {"k": state},
        }
        check = {"CheckID": f"c-{service}", "Name": "up", "ServiceID": service, "Status": state}
        pair.put(
            REGISTER,
            {"Node": node, "Address": f"10.0.0.{node[1]}", "SkipNodeUpdate": True, "Service": instance},
        )
        pair.put(REGISTER, {"Node": node, "SkipNodeUpdate": True, "Check": check})
    pair.put(
        REGISTER, {"Node": "n2", "SkipNodeUpdate": True, "Check": {"CheckID": "disk", "Status": "passing"}}
    )
    pair.put(REGISTER, {"Node": "n3", "SkipNodeUpdate": True, "Service": {"Service": "db", "Tags": ["only"]}})
    proxy = {
        "Kind": "connect-proxy",
        "ID": "p1",
        "Service": "web-proxy",
        "Port": 21000,
        "Proxy": {
            "DestinationServiceName": "web",
            "Upstreams": [{"DestinationName": "db", "LocalBindPort": 5}],
        },
    }
    pair.put(REGISTER, {"Node": "n1", "SkipNodeUpdate": True, "Service": proxy})
    native = {"ID": "nat", "Service": "web", "Connect": {"Native": True}, "Tags": ["v1"]}
    pair.put(REGISTER, {"Node": "n3", "SkipNodeUpdate": True, "Service": native})


PARAMETERS = (
    *("?pretty", "?pretty=false", "?stale", "?stale=false", "?consistent=", "?leader", "?leader&stale"),
    *("?leader&consistent", "?max_stale=10s", "?max_stale=0s", "?max_stale=-1s", "?max_stale=", "?cached"),
    *("?stale&consistent", "?cached&consistent", "?max_stale=x", "?max_stale=5s&consistent", "?cached&stale"),
    *(
        "?dc=dc1",
        "?dc=",
        "?dc=dc2",
        "?dc=DC1",
        "?near=n3",
        "?near=nobody",
        "?token=",
        "?peer=",
    ),
    *("?node-meta=rack:a", "?node-meta=rack:b&node-meta=os:linux", "?node-meta=rack", "?node-meta="),
    *("?node-meta=rack:a&node-meta=rack:b", "?node-meta=RACK:a", "?node-meta=no:such"),
    *(
        "?tag=v1",
        "?tag=V1&tag=blue",
        "?tag=v1&tag=v2",
        "?tag=",
        "?tag",
        "?tag=v1&tag=",
        "?tag=a%26b",
        "?tag=none",
    ),
    *(
        "?passing",
        "?passing=",
        "?passing=1",
        "?passing=false",
        "?passing=T",
        "?passing=maybe",
        "?passing=0&passing",
    ),
    *("?ns=", "?ns=default", "?ns=other", "?partition=default", "?partition=other"),
    *("?filter=", "?index=0", "?index=1&wait=10ms", "?index=x", "?index=-1", "?index=1.5", "?index="),
    *("?index=18446744073709551615&wait=10ms", "?index=18446744073709551616", "?index=0&index=x"),
    *("?wait=x", "?wait=5", "?wait=1s&index=x", "?wait=x&index=x", "?wait=", "?wait=-5s", "?wait=0s"),
    *("?stale&consistent&index=x&wait=y", "?index=x&dc=dc2&passing=maybe", "?dc=dc2&passing=maybe"),
    *("?index=9999999&wait=10ms", "?merge-central-config", "?unknown=1&x", "?a=b;c=d", "?&&"),
)


@pytest.mark.parametrize("target", LISTS)
def test_parameters(pair: Pair, target: str) -> None:
    fill(pair)
    pair.get(target)
    for query in PARAMETERS:
        pair.get(target + query)


def test_cache_control(pair: Pair) -> None:
    fill(pair)
    values = (
        "max-age=0",
        "must-revalidate",
        "max-age=x",
        "max-age=-1",
        "stale-if-error=x",
        "max-age",
        "no-cache",
    )
    for value in values:
        pair.get("/v1/health/service/web", {"Cache-Control": value})
        pair.get("/v1/catalog/services", {"Cache-Control": value})


@pytest.mark.parametrize(
    "target",
    [
        *("/v1/catalog/service/", "/v1/catalog/connect/", "/v1/catalog/node/", "/v1/catalog/node-services/"),
        *("/v1/catalog/gateway-services/", "/v1/health/node/", "/v1/health/checks/", "/v1/health/state/"),
        *("/v1/health/service/", "/v1/health/connect/", "/v1/health/ingress/", "/v1/coordinate/node/"),
        *("/v1/catalog/service/nope", "/v1/catalog/connect/nope", "/v1/catalog/node/nope"),
        *("/v1/catalog/node-services/nope", "/v1/health/node/nope", "/v1/health/checks/nope"),
        *("/v1/health/service/nope", "/v1/health/connect/nope", "/v1/health/ingress/nope"),
        *("/v1/health/state/nope", "/v1/health/state/PASSING", "/v1/health/state/maintenance"),
        *("/v1/coordinate/node/nope", "/v1/agent/service/nope", "/v1/agent/service/"),
    ],
)
def test_absent_and_unnamed(pair: Pair, target: str) -> None:
    pair.get(target)
    pair.get(target + "?pretty")
    fill(pair)
    pair.get(target)
    pair.get(target + "?stale")


@pytest.mark.parametrize("state", ["any", "passing", "warning", "critical"])
def test_states(pair: Pair, state: str) -> None:
    fill(pair)
    pair.read(f"/v1/health/state/{state}", f"/v1/health/state/{state}?node-meta=os:linux")
    pair.put(REGISTER, {"Node": "n1", "SkipNodeUpdate": True, "Check": {"CheckID": "odd", "Status": "odd"}})
    pair.read(f"/v1/health/state/{state}", "/v1/health/state/odd", "/v1/health/service/web?passing")
    pair.put(REGISTER, {"Node": "n4", "Address": "10.0.0.4"})
    pair.read(f"/v1/health/state/{state}", f"/v1/health/state/{state}?node-meta=os:linux")


def test_status_and_datacenters(pair: Pair) -> None:
    targets = (
        "/v1/status/leader",
        "/v1/status/peers",
        "/v1/catalog/datacenters",
        "/v1/coordinate/datacenters",
    )
    for target in targets:
        for query in (
            "",
            "?pretty",
            "?dc=dc1",
            "?dc=dc2",
            "?stale",
            "?index=1",
            "?stale&consistent",
            "?stale&consistent&pretty",
            "?cached&consistent",
            "?max_stale=x",
            "?index=x",
            "?wait=x",
            "?stale&consistent&index=x&wait=x",
            "?cached",
        ):
            pair.get(target + query)


def test_coordinates(pair: Pair) -> None:
    for query in ("", "?pretty", "?dc=dc2", "?index=x", "?wait=x", "?stale&consistent", "?segment=none"):
        replies = (
            pair.theirs.client.get(f"/v1/coordinate/nodes{query}"),
            pair.ours.client.get(f"/v1/coordinate/nodes{query}"),
        )
        assert replies[0].status == replies[1].status
        assert replies[0].headers.get("content-type") == replies[1].headers.get("content-type")
        if replies[0].status == 200:
            assert isinstance(replies[1].json, list)
            assert replies[1].index >= 1
        else:
            assert replies[1].text == replies[0].text
    for query in ("?index=x", "?wait=x", "?stale&consistent", "?max_stale=x"):
        pair.get(f"/v1/coordinate/node/ext{query}")


@pytest.mark.parametrize("encoding", ["gzip", "gzip;q=0", "identity", "deflate", "gzip, deflate, br"])
def test_compression(pair: Pair, encoding: str) -> None:
    fill(pair)
    for number in range(20):
        service = {"ID": f"big-{number:02}", "Service": "big", "Meta": {"text": "x" * 200}}
        pair.put(REGISTER, {"Node": "n1", "SkipNodeUpdate": True, "Service": service})
    for target in (
        "/v1/health/service/big",
        "/v1/catalog/services",
        "/v1/health/state/x",
        "/v1/health/node/",
    ):
        pair.get(target, {"Accept-Encoding": encoding})
