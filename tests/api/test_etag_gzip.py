"""Conditional requests and compressed answers."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from served import deregister, register, serving

TAGGED = (
    *("/v1/catalog/nodes", "/v1/catalog/services", "/v1/catalog/service/web", "/v1/catalog/connect/web"),
    *(
        "/v1/catalog/node/big",
        "/v1/catalog/node-services/big",
        "/v1/health/node/big",
        "/v1/health/checks/web",
    ),
    *("/v1/health/state/passing", "/v1/health/service/web", "/v1/health/service/nope"),
)
BIG = "/v1/health/node/huge"
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """``huge`` has answers of 3 MB, ``big`` some of a few KB."""
    with serving(tmp_path_factory) as server:
        api = server.client
        for number in range(5):
            check = {"Name": f"check {number}", "Notes": f"{number} <notes> " * 60_000}
            register(api, "huge", Check=check)
        register(api, "big", "web", NodeMeta={f"key-{number}": "value" for number in range(60)})
        yield api


# If-None-Match


@pytest.mark.parametrize("target", TAGGED)
def test_not_modified(api: Client, target: str) -> None:
    for variant in (target, f"{target}?pretty", f"{target}?stale"):
        whole = api.get(variant)
        etag = whole.headers["etag"]
        assert etag.startswith('W/"')
        opaque = etag.removeprefix("W/")
        for given in (etag, opaque, f'"other", {etag}', f'{opaque} , "x"', "*"):
            reply = api.get(variant, {"If-None-Match": given})
            assert (reply.status, reply.body) == (304, b""), given
            assert (reply.headers["etag"], reply.index) == (etag, whole.index)
            assert reply.headers["vary"] == "Accept-Encoding"
            assert not {"content-type", "content-encoding"} & reply.headers.keys()
            assert api.request("HEAD", variant, headers={"If-None-Match": given}).status == 304
        for given in ('"other"', etag[:-2] + '"', etag.strip('W/"'), "", "W/*"):
            reply = api.get(variant, {"If-None-Match": given})
            assert (reply.status, reply.body) == (200, whole.body), given


def test_not_modified_and_compressed(api: Client) -> None:
    etag = api.get("/v1/catalog/nodes", GZIP).headers["etag"]
    assert api.get("/v1/catalog/nodes", {**GZIP, "If-None-Match": etag}).status == 304


def test_a_change_makes_the_tag_stale(api: Client) -> None:
    register(api, "changing", {"Service": "changing", "Port": 1})
    target = "/v1/health/service/changing"
    etag, beside = api.get(target).headers["etag"], api.get("/v1/health/service/web").headers["etag"]
    register(api, "changing", {"Service": "changing", "Port": 2})
    reply = api.get(target, {"If-None-Match": etag})
    assert (reply.status, reply.json[0]["Service"]["Port"], reply.headers["etag"] != etag) == (200, 2, True)
    assert api.get("/v1/health/service/web", {"If-None-Match": beside}).status == 304
    register(api, "changing", {"Service": "changing", "Port": 1})
    assert api.get(target, {"If-None-Match": etag}).status == 200
    etag = api.get(target).headers["etag"]
    deregister(api, "changing")
    reply = api.get(target, {"If-None-Match": etag})
    assert (reply.status, reply.text) == (200, "[]")


def test_a_waiting_request_is_not_cut_short(api: Client) -> None:
    reply = api.get("/v1/catalog/nodes")
    known = {"If-None-Match": reply.headers["etag"]}
    waited = api.get(f"/v1/catalog/nodes?index={reply.index}&wait=200ms", known)
    assert (waited.status, waited.index) == (304, reply.index)
    assert waited.seconds >= 0.2


@pytest.mark.parametrize(
    "target", ["/v1/status/leader", "/v1/catalog/datacenters", "/v1/coordinate/nodes", "/"]
)
def test_answers_without_a_tag(api: Client, target: str) -> None:
    reply = api.get(target, {"If-None-Match": "*"})
    assert (reply.status, "etag" in reply.headers) == (200, False)


# gzip


@pytest.mark.parametrize("target", [BIG, "/v1/catalog/node/big", f"{BIG}?pretty"])
def test_compressed(api: Client, target: str) -> None:
    plain = api.get(target)
    assert "content-encoding" not in plain.headers
    for accepted in ("gzip", "deflate, GZIP", "gzip;q=0.5", "br;q=1.0, gzip; q=0.001, *;q=0", "gzip;q=1"):
        packed = api.get(target, {"Accept-Encoding": accepted})
        assert packed.headers["content-encoding"] == "gzip", accepted
        assert packed.headers["vary"] == "Accept-Encoding"
        assert packed.body == plain.body  # the client unpacks it
        assert packed.index == plain.index


@pytest.mark.parametrize(
    "accepted",
    ["", "identity", "br, deflate", "gzip;q=0", "gzip;q=0.0", "gzip; q=0.000", "*", "x-gzip2", "gzi p"],
)
def test_not_compressed_unless_asked_for(api: Client, accepted: str) -> None:
    for _ in range(2):
        reply = api.get(BIG, {"Accept-Encoding": accepted})
        assert "content-encoding" not in reply.headers
        assert reply.headers["vary"] == "Accept-Encoding"
        assert api.get(BIG, GZIP).headers["content-encoding"] == "gzip"


def test_the_bytes_on_the_wire(api: Client) -> None:
    plain = api.get(BIG).body
    request = b"GET " + BIG.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n"
    packed = api.raw(request).body
    assert packed[:2] == b"\x1f\x8b"
    assert len(packed) < len(plain) / 10
    assert gzip.decompress(packed) == plain


def test_from_which_size_on(api: Client) -> None:
    packed = {}
    for length in (1000, *range(1130, 1170)):
        register(api, "sized", Check={"Name": "sized", "Notes": "n" * length})
        reply = api.get("/v1/health/node/sized", GZIP)
        packed[len(reply.body)] = "content-encoding" in reply.headers
    assert {1399, 1400} <= packed.keys()
    assert [size for size in packed if packed[size] is not (size >= 1400)] == []
    for small in ("/v1/catalog/datacenters", "/v1/nope"):
        assert "content-encoding" not in api.get(small, GZIP).headers


def test_a_compressed_answer_changes_with_the_plain_one(api: Client) -> None:
    register(api, "flips", NodeMeta={f"key-{number}": "old" for number in range(60)})
    target = "/v1/catalog/node/flips"
    assert "old" in api.get(target, GZIP).text
    register(api, "flips", NodeMeta={f"key-{number}": "new" for number in range(60)})
    assert "old" not in api.get(target, GZIP).text
    assert api.get(target).body == api.get(target, GZIP).body


def test_large_answers_to_many_at_once(api: Client) -> None:
    whole = api.get(BIG).body
    assert len(whole) > 1 << 20
    with ThreadPoolExecutor(8) as pool:
        packing = [{}, GZIP] * 4
        replies = list(pool.map(lambda headers: api.get(BIG, headers), packing))
    assert [reply.body == whole for reply in replies] == [True] * 8


def test_head_of_a_large_answer(api: Client) -> None:
    reply = api.request("HEAD", BIG)
    assert (reply.status, reply.body) == (200, b"")
