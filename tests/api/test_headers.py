"""The headers of every kind of answer, and request ids."""

from collections.abc import Iterator

import pytest
from harness.client import Client, Reply
from served import JSON, REGISTER, TEXT, head, register, serving

SERVER = {"server", "date"}
EVERY = {"x-request-id", "x-content-type-options", *SERVER}
ENDPOINT = {*EVERY, "vary", "x-consul-default-acl-policy"}
META = {"x-consul-index", "x-consul-knownleader", "x-consul-lastcontact", "x-consul-query-backend"}
QUERY = {*ENDPOINT, *META, "x-consul-effective-consistency", "etag", "content-type", "content-length"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory) as server:
        register(server.client, "one", "web")
        yield server.client


def named(reply: Reply) -> set[str]:
    return set(reply.headers)


def test_a_query(api: Client) -> None:
    for target in ("/v1/health/service/web", "/v1/catalog/service/nope", "/v1/catalog/node/nope"):
        for _ in range(2):  # made anew, and from the cache
            reply = api.get(target)
            assert named(reply) == QUERY
            assert reply.headers["content-type"] == JSON
            assert reply.headers["vary"] == "Accept-Encoding"
            assert reply.headers["x-consul-default-acl-policy"] == "allow"
            assert reply.headers["x-consul-query-backend"] == "blocking-query"
            assert (reply.headers["x-consul-knownleader"], reply.headers["x-consul-lastcontact"]) == (
                "true",
                "0",
            )
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.index >= 1


def test_reads_without_an_index(api: Client) -> None:
    for target in ("/v1/status/leader", "/v1/catalog/datacenters", "/v1/coordinate/datacenters"):
        assert named(api.get(target)) == {*ENDPOINT, "content-type", "content-length"}
    assert named(api.get("/v1/coordinate/nodes")) == QUERY - {"x-consul-effective-consistency", "etag"}


def test_writes(api: Client) -> None:
    reply = api.put(REGISTER, {"Node": "one", "Address": "1"})
    assert named(reply) == {*ENDPOINT, "content-type", "content-length"}


def test_errors(api: Client) -> None:
    text = {"content-type", "content-length"}
    refused = {
        "/v1/catalog/nodes?index=x": {*ENDPOINT, *text},
        "/v1/catalog/nodes?dc=x": {*ENDPOINT, *text, *(META - {"x-consul-query-backend"})},
        "/v1/nope": {*EVERY, *text},
        "/v1/catalog/service/%00": {*EVERY, "content-length"},
        "/v1/catalog/service": {*EVERY, *text, "location"},
    }
    for target, names in refused.items():
        reply = api.get(target)
        assert named(reply) == names, target
        expected = "text/html; charset=utf-8" if reply.status == 301 else TEXT
        assert reply.headers.get("content-type", expected) == expected
    assert named(api.put("/v1/catalog/nodes")) == {*ENDPOINT, *text, "allow"}
    assert named(api.request("OPTIONS", REGISTER)) == {*ENDPOINT, "allow", "content-length"}


def test_no_header_is_sent_twice(api: Client) -> None:
    for target in ("/v1/catalog/nodes", "/v1/nope", "/v1/catalog/nodes?dc=x", "/v1/catalog/service"):
        reply = api.raw(head("GET", target, "Accept-Encoding: gzip", "X-Request-Id: mine"))
        # Doubled headers are joined with a comma by the client.
        assert not [value for name, value in reply.headers.items() if "," in value and name != "date"]


# Request ids


def request_id(api: Client, target: str, given: str | None = None) -> str:
    """The id that an answer shows to a request with the id ``given``."""
    lines = [] if given is None else [f"X-Request-Id: {given}"]
    return api.raw(head("GET", target, *lines)).headers["x-request-id"]


TARGETS = ("/v1/catalog/nodes", "/v1/catalog/nodes?index=x", "/v1/nope", "/health", "/v1/catalog/service")


def test_generated_request_ids_are_unique(api: Client) -> None:
    seen = [request_id(api, target, given) for target in TARGETS * 5 for given in (None, "")]
    assert len(set(seen)) == len(seen)
    assert all(0 < len(each) <= 64 for each in seen)


@pytest.mark.parametrize(
    "given", ["a", "0123-abc", "x" * 128, "with space", "quotes\"'<b>&", "~!@#$%^*()_+{}|:?"]
)
def test_request_ids_are_echoed(api: Client, given: str) -> None:
    for target in TARGETS:
        assert request_id(api, target, given) == given
        reply = api.request("PUT", REGISTER, b"{broken", {"X-Request-Id": given})
        assert (reply.status, reply.headers["x-request-id"]) == (400, given)


@pytest.mark.parametrize("given", ["x" * 129, "é", "tab\tinside", "\N{SNOWMAN}"])
def test_hostile_request_ids_are_replaced(api: Client, given: str) -> None:
    for target in TARGETS:
        data = head("GET", target, f"X-Request-Id: {given}").decode().encode("utf-8")
        shown = api.raw(data).headers["x-request-id"]
        assert shown != given
        assert shown.isascii()
        assert shown.isprintable()


def test_the_first_of_several_request_ids_counts(api: Client) -> None:
    for target in TARGETS:
        reply = api.raw(head("GET", target, "X-Request-Id: first", "X-Request-Id: second"))
        assert reply.headers["x-request-id"] == "first"


def test_a_request_id_cannot_split_the_answer(api: Client) -> None:
    reply = api.raw(head("GET", "/v1/catalog/nodes", "X-Request-Id: a\rX-Evil: 1"))
    assert reply.status == 400
    assert "x-evil" not in reply.headers
