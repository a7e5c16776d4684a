"""From a request line to an endpoint: redirects, decoding, unknown paths, methods."""

from collections.abc import Iterator

import pytest
from harness.client import Client
from harness.server import RegistryServer
from served import JSON, REGISTER, head, last_index, refused, register, serving

from registry.api.routes import ROUTES

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "TRACE", "FROB")
UNKNOWN_API = "Invalid URL path: not a recognized HTTP API endpoint\n"
UNKNOWN = "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'\n"


def by_path() -> dict[str, list[str]]:
    """The methods of every path in the table; prefixes with an argument."""
    found: dict[str, list[str]] = {}
    for route in ROUTES:
        path = f"{route.path}x" if route.path.endswith("/") and route.path != "/" else route.path
        found.setdefault(path, []).append(route.method)
    return found


PATHS = by_path()
PREFIXES = sorted({route.path for route in ROUTES if route.path.endswith("/") and route.path != "/"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with serving(tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def api(server: RegistryServer) -> Client:
    return server.client


def found(api: Client, target: str) -> list[str]:
    """The IDs of the instances that a catalog/service request finds."""
    reply = api.get(target)
    assert reply.status == 200, reply.text
    return [instance["ServiceID"] for instance in reply.json]


# Redirects


@pytest.mark.parametrize(
    ("path", "location"),
    [
        *((prefix.removesuffix("/"), prefix) for prefix in PREFIXES),
        ("//v1/catalog/nodes", "/v1/catalog/nodes"),
        ("/v1//catalog/nodes", "/v1/catalog/nodes"),
        ("/v1/./catalog/nodes", "/v1/catalog/nodes"),
        ("/v1/x/../catalog/nodes", "/v1/catalog/nodes"),
        ("/../v1/catalog/nodes", "/v1/catalog/nodes"),
        ("/v1/catalog/service//web", "/v1/catalog/service/web"),
        ("/v1/catalog/service/%2Fweb", "/v1/catalog/service/web"),
        ("/v1/catalog/service/a%2F%2Fb", "/v1/catalog/service/a/b"),
        ("/v1/catalog/service/..%2Fnodes", "/v1/catalog/nodes"),
        ("/v1/catalog/service/%2e%2e%2fnodes", "/v1/catalog/nodes"),
        ("/v1/catalog/service/%2E%2E/nodes", "/v1/catalog/nodes"),
        ("/v1/catalog/service/..", "/v1/catalog"),
        ("/v1/catalog/service/a/.", "/v1/catalog/service/a"),
        ("/v1/catalog/service/a//", "/v1/catalog/service/a/"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/v1/catalog/service//a%20b%22%3C", "/v1/catalog/service/a%20b%22%3C"),
        ("//evil.example/x", "/evil.example/x"),
    ],
)
def test_paths_are_cleaned_by_redirect(api: Client, path: str, location: str) -> None:
    for query in ("", "?a=b&c=%20d"):
        page = api.get(path + query)
        assert (page.status, page.headers["location"]) == (301, location + query)
        shown = (location + query).replace("&", "&amp;")
        assert page.text == f'<a href="{shown}">Moved Permanently</a>.\n\n'
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for method in ("PUT", "POST", "OPTIONS", "HEAD"):
            reply = api.request(method, path + query)
            assert (reply.status, reply.headers["location"], reply.body) == (301, location + query, b"")
    assert not {"vary", "x-consul-default-acl-policy"} & page.headers.keys()


def test_a_redirect_is_not_followed_into_a_change(api: Client) -> None:
    before = last_index(api)
    assert api.put("/v1//catalog/register", {"Node": "n", "Address": "1"}).status == 301
    assert last_index(api) == before


# Decoding: once, and compared after it


def test_the_argument_is_decoded_once(api: Client) -> None:
    for name in ("a/b", "a%2Fb", "a%252Fb", "a b", "a+b", "é", "a;b=1", "a\\b", "a?b#c", "..a", "a/"):
        register(api, "decoding", {"Service": name, "ID": f"the one named {name}"})
    asked = {
        "a/b": "a/b",
        "a%2Fb": "a/b",
        "a%2fb": "a/b",
        "%61/b": "a/b",
        "a%252Fb": "a%2Fb",
        "a%25252Fb": "a%252Fb",
        "a%20b": "a b",
        "a+b": "a+b",
        "a%2Bb": "a+b",
        "%C3%A9": "é",
        "%c3%89": "é",
        "a;b=1": "a;b=1",
        "a%5Cb": "a\\b",
        "a\\b": "a\\b",
        "a%3Fb%23c": "a?b#c",
        "..a": "..a",
        "a/": "a/",
    }
    for path, name in asked.items():
        for escaped in (path, path.replace("a", "%61", 1)):
            assert found(api, f"/v1/catalog/service/{escaped}") == [f"the one named {name}"], escaped


def test_bytes_that_are_no_ascii_are_taken_as_they_are(server: RegistryServer, api: Client) -> None:
    register(api, "raw-bytes", {"Service": "naïve", "Tags": ["é"]})
    for path, query in (("naïve", "tag=é"), ("na%C3%AFve", "tag=%c3%a9"), ("naïve", "tag=É")):
        target = f"/v1/catalog/service/{path}?{query}".encode()
        reply = api.raw(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert [instance["ServiceName"] for instance in reply.json] == ["naïve"], target


@pytest.mark.parametrize("name", ["%FF", "%C0%AF", "%ED%A0%80", "%E2%82", "x" * 5000, "%252e%252e", "%25zz"])
def test_odd_names_find_nothing(api: Client, name: str) -> None:
    assert found(api, f"/v1/catalog/service/{name}") == []


@pytest.mark.parametrize(
    "path", ["%00", "a%0ab", "%7f", "%1F", "a%0d%0aX-Evil: 1", "%zz", "%", "a%2", "%u0041"]
)
def test_control_characters_and_broken_escapes(api: Client, path: str) -> None:
    for method in ("GET", "PUT", "OPTIONS"):
        reply = api.request(method, f"/v1/catalog/service/{path.replace(' ', '%20')}")
        assert (reply.status, reply.body) == (400, b"")
        assert not {"vary", "x-consul-default-acl-policy", "x-evil", "content-type"} & reply.headers.keys()


@pytest.mark.parametrize(
    ("query", "place"), [("?%zz", 0), ("?a=%", 2), ("?tag=x&tag=%a", 10), ("?a=%25&b=%2", 8)]
)
def test_query_strings_that_cannot_be_decoded(api: Client, query: str, place: int) -> None:
    for target in ("/v1/catalog/service/web", "/v1/status/leader"):
        reply = api.get(target + query)
        refused(reply, 400, f"Invalid query string: incomplete escape at offset {place}")
    before = last_index(api)
    assert api.put(REGISTER + query, {"Node": "n", "Address": "1"}).status == 400
    assert last_index(api) == before


@pytest.mark.parametrize(
    "query", ["?", "?=", "?&&", "?=&=x", "?;", "?a=b=c", "?%FF=%FF", "?%00=%00", "?&pretty"]
)
def test_odd_query_strings_that_can(api: Client, query: str) -> None:
    assert api.get("/v1/status/peers" + query).json == ["127.0.0.1:8300"]


# Unknown paths


@pytest.mark.parametrize(
    ("path", "text"),
    [
        *(
            (path, UNKNOWN_API)
            for path in (
                *("/v1/", "/v1/nope", "/v1/catalog/nodes/", "/v1/catalog/nodes/x", "/v1/catalog/register/"),
                *("/v1/health/", "/v1/status/leader/", "/v1/V1", "/v1/CATALOG/nodes", "/x/v1/y"),
                *("/v1/catalog/nodes;x=1", "/v1/catalog%5Cnodes"),
            )
        ),
        *(
            (path, UNKNOWN)
            for path in ("/v1", "/v1x", "/v2/catalog/nodes", "/V1/catalog/nodes", "/nope", "/health/")
        ),
        ("/.git/config", UNKNOWN),
        ("/v1.json", UNKNOWN),
    ],
)
def test_unknown_paths(api: Client, path: str, text: str) -> None:
    for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS"):
        reply = api.request(method, path, b"{broken" if method == "PUT" else None)
        refused(reply, 404, text)
        assert not {"vary", "x-consul-default-acl-policy", "allow"} & reply.headers.keys()
        assert reply.headers["x-content-type-options"] == "nosniff"


# Methods


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused(api: Client, path: str) -> None:
    allow = ",".join(("OPTIONS", *PATHS[path]))
    for method in METHODS:
        if method in PATHS[path]:
            continue
        # Bad parameters and bodies do not matter: the method is looked at first.
        for target, body in ((path, None), (f"{path}?stale&consistent&index=x&ns=x", b"{broken")):
            reply = api.request(method, target, body)
            refused(reply, 405, f"method {method} not allowed")
            assert reply.headers["allow"] == allow
            assert reply.headers["vary"] == "Accept-Encoding"


def test_methods_are_taken_as_they_are(api: Client) -> None:
    for method in ("get", "Get", "options", "HEAD2"):
        reply = api.raw(head(method, "/v1/catalog/nodes"))
        refused(reply, 405, f"method {method} not allowed")


@pytest.mark.parametrize("path", PATHS)
def test_options(api: Client, path: str) -> None:
    for target in (path, f"{path}?index=x"):
        reply = api.request("OPTIONS", target, headers={"Origin": "http://evil.example"})
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["allow"] == ",".join(("OPTIONS", *PATHS[path]))
        assert "content-type" not in reply.headers


READS = [path for path, methods in PATHS.items() if "GET" in methods]


@pytest.mark.parametrize("path", READS)
def test_head_is_get_without_the_body(api: Client, path: str) -> None:
    for target in (path, f"{path}?pretty"):
        get, bare = api.get(target), api.request("HEAD", target)
        assert (bare.status, bare.body) == (get.status, b"")
        if path == "/health" or path.startswith("/v1/agent/"):  # these show times and figures
            continue
        names = get.headers.keys() - {"date", "x-request-id", *(() if get.body else ("content-length",))}
        assert {name: bare.headers.get(name) for name in names} == {name: get.headers[name] for name in names}


def test_head_waits_like_get(api: Client) -> None:
    index = api.get("/v1/catalog/nodes").index
    reply = api.request("HEAD", f"/v1/catalog/nodes?index={index}&wait=10ms")
    assert (reply.status, reply.index, reply.body) == (200, index, b"")


@pytest.mark.parametrize("path", [path for path in PATHS if path not in READS])
def test_head_of_a_write(api: Client, path: str) -> None:
    reply = api.request("HEAD", path)
    assert (reply.status, reply.body, reply.headers["content-length"]) == (405, b"", "23")
    assert reply.headers["allow"] == ",".join(("OPTIONS", *PATHS[path]))


# Request lines of other forms


def test_absolute_targets(api: Client) -> None:
    reply = api.raw(head("GET", "http://127.0.0.1:1/v1/status/peers"))
    assert (reply.status, reply.headers["content-type"]) == (200, JSON)


def test_targets_without_a_path(api: Client) -> None:
    refused(api.raw(head("OPTIONS", "*")), 404, UNKNOWN)
    reply = api.raw(head("CONNECT", "evil.example:443"))
    refused(reply, 405, "method CONNECT not allowed")


def test_the_root_says_what_this_is(api: Client) -> None:
    reply = api.get("/")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert "/v1/catalog/services" in reply.text
