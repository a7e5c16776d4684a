"""Paths and methods: what is known, what is refused and how, what is redirected."""

import pytest

from differential.pair import Both, Pair

PATHS = (
    *("/v1/agent/self", "/v1/agent/host", "/v1/agent/members", "/v1/agent/services", "/v1/agent/checks"),
    *("/v1/agent/service/x", "/v1/agent/service/register", "/v1/agent/service/deregister/x"),
    *("/v1/agent/service/maintenance/x", "/v1/agent/maintenance", "/v1/agent/check/register"),
    *("/v1/agent/check/deregister/x", "/v1/agent/check/pass/x", "/v1/agent/check/warn/x"),
    *("/v1/agent/check/fail/x", "/v1/agent/check/update/x", "/v1/agent/health/service/name/x"),
    *("/v1/agent/health/service/id/x", "/v1/agent/reload", "/v1/agent/leave"),
    *("/v1/catalog/register", "/v1/catalog/deregister", "/v1/catalog/datacenters", "/v1/catalog/nodes"),
    *("/v1/catalog/services", "/v1/catalog/service/x", "/v1/catalog/connect/x", "/v1/catalog/node/x"),
    *("/v1/catalog/node-services/x", "/v1/catalog/gateway-services/x", "/v1/health/node/x"),
    *("/v1/health/ingress/x", "/v1/coordinate/node/x", "/v1/agent/join/x", "/v1/agent/force-leave/x"),
    *("/v1/health/checks/x", "/v1/health/state/any", "/v1/health/service/x", "/v1/health/connect/x"),
    *("/v1/status/leader", "/v1/status/peers", "/v1/coordinate/datacenters", "/v1/coordinate/nodes"),
)

# These do something when they are called properly.
READ_BY_GET = tuple(path for path in PATHS if not path.endswith(("/reload", "/leave")))


@pytest.mark.parametrize("path", PATHS)
def test_other_methods(pair: Pair, path: str) -> None:
    for method in ("POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "FROB"):
        pair.request(method, path)
        pair.request(method, f"{path}?stale&consistent&index=x")
    if path in READ_BY_GET:
        reads = "OPTIONS,GET" in pair.theirs.client.request("OPTIONS", path).headers["allow"]
        pair.request("PUT" if reads else "GET", path)
        pair.request("PUT" if reads else "GET", path, "{broken" if reads else None)


def test_methods_are_taken_as_they_are(pair: Pair) -> None:
    for method in ("get", "Get", "options"):
        request = (
            f"{method} /v1/catalog/nodes HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        replies = Both(pair.theirs.client.raw(request), pair.ours.client.raw(request))
        pair.note(method, "/v1/catalog/nodes", None, replies)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/", "/v1", "/v1/nope", "/v1/agent", "/v1/agent/", "/v1/agent/self/", "/v1/agent/services/x"),
        *("/v1/catalog", "/v1/catalog/nodes/", "/v1/catalog/nodes/x", "/v1/catalog/register/", "/v1/health"),
        *("/v1/health/", "/v1/status", "/v1/status/leader/", "/v1/V1", "/V1/agent/self", "/v1/AGENT/self"),
        *(
            "/v2/agent/self",
            "/nope",
            "/x/v1/y",
            "/v1x",
            "/v1/agent/service",
            "/v1/agent/check",
            "/v1/coordinate",
        ),
        "/v1/agent/check/",
    ],
)
def test_unknown_paths(pair: Pair, path: str) -> None:
    for method in ("GET", "PUT", "POST", "OPTIONS", "DELETE"):
        pair.request(method, path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/v1/catalog/service",
            "/v1/catalog/node",
            "/v1/catalog/connect",
            "/v1/health/service",
            "/v1/health/state",
        ),
        *("/v1/health/node", "/v1/health/checks", "/v1/agent/check/pass", "/v1/agent/service/deregister"),
        *("/v1/agent/service/maintenance", "/v1/catalog/node-services", "/v1/coordinate/node"),
        *("//v1/catalog/nodes", "/v1//catalog/nodes", "/v1/./catalog/nodes", "/v1/x/../catalog/nodes"),
        *("/v1/catalog/service//web", "/v1/catalog/service/a//b", "/v1/catalog/service/a/../b"),
        *("/v1/catalog/service/%2Fweb", "/v1/catalog/service/a%2F%2Fb", "/v1/catalog/service/..%2Fnodes"),
        *(
            "/v1/catalog/service/a/.",
            "/v1/catalog/service/..",
            "/v1/catalog/service/a/..",
            "/../v1/agent/self",
        ),
    ],
)
def test_redirects(pair: Pair, path: str) -> None:
    for query in ("", "?a=b&c=%20d"):
        for method in ("GET", "PUT", "HEAD", "POST"):
            pair.request(method, path + query)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/catalog/service/%00", "/v1/catalog/service/a%0ab", "/v1/catalog/service/%7f", "/v1/%01"),
        *("/v1/catalog/service/%C3%A9", "/v1/catalog/service/%FF", "/v1/catalog/service/a%20b"),
        *("/v1/catalog/service/%2e%2e", "/v1/catalog/service/a+b", "/v1/catalog/service/%25zz"),
        *(
            "/v1/catalog/service/%zz",
            "/v1/catalog/service/%",
            "/v1/catalog/service/a%2",
            "/%76%31/catalog/nodes",
        ),
        *("/v1/catalog/service/a;b", "/v1/catalog/service/a:b@c", "/v1/catalog/service/a%3Fb%23c"),
        *("/v1/catalog/service/" + "x" * 5000,),
    ],
)
def test_odd_characters_in_paths(pair: Pair, path: str) -> None:
    pair.put("/v1/agent/service/register", {"Name": "a+b"})
    pair.put("/v1/agent/service/register", {"Name": "..", "ID": "dots"})
    pair.put("/v1/agent/service/register", {"Name": "%zz", "ID": "percent"})
    pair.get(path)


@pytest.mark.parametrize(
    "query", ["?%zz", "?a=%", "?%", "?a=%2", "?tag=%FF", "?tag=%00", "?tag=%C3%A9", "?=", "?;"]
)
def test_odd_query_strings(pair: Pair, query: str) -> None:
    pair.put("/v1/agent/service/register", {"Name": "web"})
    for target in ("/v1/catalog/service/web", "/v1/agent/services", "/v1/status/leader", "/v1/nope"):
        pair.get(target + query)
    pair.put(f"/v1/agent/service/register{query}", {"Name": "odd"})
    pair.get("/v1/agent/services")
