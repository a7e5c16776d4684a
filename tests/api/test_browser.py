"""What a web page could try against a registry on the same machine."""

from collections.abc import Iterator

import pytest
from harness.client import Client
from served import JSON, REGISTER, TEXT, last_index, refused, register, serving

from registry.api.routes import ROUTES
from registry.http.routing import Route

SCRIPT = "<script>alert(1)</script>"
EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry in which every text is a script."""
    with serving(tmp_path_factory, "--allowed-hosts", "registry.example,Other.Example") as server:
        api = server.client
        service = {"Service": SCRIPT, "Tags": [SCRIPT], "Meta": {"k": SCRIPT}, "Address": SCRIPT}
        check = {"CheckID": SCRIPT, "Notes": SCRIPT, "Output": SCRIPT, "Status": SCRIPT, "ServiceID": SCRIPT}
        register(api, SCRIPT, service, Address=SCRIPT, NodeMeta={"k": SCRIPT}, Check=check)
        api.put("/v1/agent/service/register", {"Name": SCRIPT, "Check": {"TTL": "1h", "Notes": SCRIPT}})
        yield api


def target_of(route: Route) -> str:
    """A path that leads to a route."""
    return f"{route.path}x" if route.path.endswith("/") and route.path != "/" else route.path


# The Host header


def asked(
    api: Client, *hosts: str, target: str = "/v1/catalog/nodes", method: str = "GET"
) -> tuple[int, str]:
    """Status and text of the answer to a request with these Host headers."""
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    reply = api.raw(f"{method} {target} HTTP/1.1\r\n{lines}Content-Length: 0\r\n\r\n".encode())
    return reply.status, reply.text


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8500", "127.0.0.1:1", "[::1]", "[::1]:8500", "10.1.2.3:8500"),
        *("localhost", "LOCALHOST:80", "localhost.", "a.localhost", "registry.localhost:8500"),
        *("node-a", "NODE-A:8500", "registry.example", "REGISTRY.example:1", "other.example."),
    ],
)
def test_hosts_that_are_answered(api: Client, host: str) -> None:
    for target in ("/v1/catalog/nodes", "/v1/catalog/nodes?index=0", "/health"):
        assert asked(api, host, target=target)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8500", "localhost.evil.example", "127.0.0.1.evil.example"),
        *("evillocalhost", "127.0.0.1@evil.example", "evil.example:127.0.0.1", "[::1].evil.example"),
        *("sub.registry.example", "xregistry.example", "node-b", "localhost,evil.example"),
        *("0x7f.1", "2130706433", "é", "x" * 60_000, "[", "]", ":"),
    ],
)
def test_hosts_that_are_not(api: Client, host: str) -> None:
    for method, target in (
        ("GET", "/v1/catalog/nodes"),
        ("GET", "/health"),
        ("PUT", REGISTER),
        ("GET", "/nope"),
    ):
        status, text = asked(api, host, target=target, method=method)
        assert status == 421
        assert text.startswith("This registry does not answer to the host name ")


def test_every_route_looks_at_the_host(api: Client) -> None:
    before = last_index(api)
    for route in ROUTES:
        target = target_of(route)
        assert asked(api, "evil.example", target=target, method=route.method)[0] == 421
    assert last_index(api) == before


def test_exactly_one_host(api: Client) -> None:
    good = "127.0.0.1"
    assert asked(api, good) == (200, asked(api, good)[1])
    for hosts, found in (((), "none"), (("",), "none"), ((good, good), "2"), ((good, "evil.example"), "2")):
        for path in ("/v1/catalog/nodes", "/v1/nope"):
            assert asked(api, *hosts, target=path) == (400, f"Expected one Host header, found {found}")
    old = api.raw(b"GET /v1/catalog/nodes HTTP/1.0\r\n\r\n")
    refused(old, 400, "Expected one Host header, found none")


def test_the_refusal_is_not_forgotten_nor_the_cache_asked(api: Client) -> None:
    for host, status in (("evil.example", 421), ("127.0.0.1", 200)) * 3:
        assert asked(api, host)[0] == status


# Requests of other origins


def test_no_request_that_a_page_may_send_unasked_changes_anything(api: Client) -> None:
    """PUT and DELETE need a preflight, which is never granted; there is no POST, and GET only reads."""
    before = last_index(api)
    for route in ROUTES:
        assert route.method in ("GET", "PUT", "DELETE")
        if route.method == "GET":
            api.get(target_of(route))
    assert last_index(api) == before


def test_forms_change_nothing(api: Client) -> None:
    before = last_index(api)
    for route in ROUTES:
        target = target_of(route)
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            headers = {"Origin": EVIL, "Content-Type": kind, "Sec-Fetch-Site": "cross-site"}
            reply = api.request("POST", target, '{"Node":"n","Address":"1","x":"="}', headers)
            assert reply.status == 405
    assert last_index(api) == before


def test_no_origin_is_ever_granted_anything(api: Client) -> None:
    for route in ROUTES:
        target = target_of(route)
        for origin in (EVIL, "null", "http://localhost", api.url.raw_host.decode()):
            asks = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            preflight = api.request("OPTIONS", target, headers=asks)
            replies = (
                [preflight, api.get(target, {"Origin": origin})] if route.method == "GET" else [preflight]
            )
            for reply in replies:
                assert not [name for name in reply.headers if name.startswith("access-control-")]


# What an answer could be taken for

PAGES = (
    *("/v1/catalog/nodes", "/v1/catalog/services", "/v1/health/state/any", "/v1/agent/services"),
    *("/v1/agent/checks", "/v1/agent/self", "/v1/agent/members", "/health", "/", "/v1/status/leader"),
    *(
        f"/v1/{kind}/%3Cscript%3Ealert(1)%3C%2Fscript%3E"
        for kind in (
            *("catalog/service", "catalog/node", "catalog/node-services", "health/service", "health/node"),
            *("health/checks", "health/state", "agent/service", "agent/health/service/name"),
            *("agent/health/service/id", "nope", "agent/check/pass"),
        )
    ),
)


@pytest.mark.parametrize("page", PAGES)
def test_no_answer_is_a_page(api: Client, page: str) -> None:
    for query in (
        "",
        "?pretty",
        f"?filter={SCRIPT}&ns={SCRIPT}",
        f"?dc={SCRIPT}",
        f"?format=text&index={SCRIPT}",
    ):
        target = (page + query).replace("<", "%3C").replace(">", "%3E")
        for method in ("GET", "PUT", "POST"):
            reply = api.request(method, target)
            kind = reply.headers.get("content-type", "")
            assert kind in (JSON, TEXT, "text/plain") or not (kind or reply.body)
            assert reply.headers["x-content-type-options"] == "nosniff"
            if kind == JSON:
                assert b"<" not in reply.body


@pytest.mark.parametrize(
    "target",
    [
        "/v1//%3Cscript%3Ealert(1)%3C/script%3E",
        "/v1//x?'onmouseover='alert(1)",
        "/v1//%22%3E%3Cscript%3E",
        "/v1//javascript:alert(1)",
        "/v1/catalog/service?a='%3E%3Cb",
    ],
)
def test_redirects_echo_nothing_unescaped(api: Client, target: str) -> None:
    reply = api.get(target)
    assert reply.status == 301
    page = reply.text.removeprefix('<a href="').removesuffix('">Moved Permanently</a>.\n\n')
    assert not set("<>\"'") & set(page)
    assert reply.headers["location"].startswith("/v1/")


def test_redirects_stay_on_this_host(api: Client) -> None:
    for target in (
        "//evil.example",
        "//evil.example/%2e%2e",
        "/%5Cevil.example//",
        "/%09//evil.example",
        "///x",
    ):
        reply = api.get(target)
        location = reply.headers.get("location", "/")
        assert reply.status in (301, 400, 404)
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))
