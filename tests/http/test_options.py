"""The parameters that all reads share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.http.errors import HttpError
from registry.http.options import (
    check_datacenter,
    check_tenancy,
    parse_consistency,
    parse_index,
    parse_wait,
)
from registry.http.query import parse_query


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        (b"", "leader"),
        (b"stale", "stale"),
        (b"stale=false", "stale"),
        (b"consistent", "consistent"),
        (b"max_stale=1s", "stale"),
        (b"max_stale=0s", "leader"),
        (b"max_stale=-1s&consistent", "consistent"),
        (b"cached", "leader"),
        (b"cached&stale", "stale"),
    ],
)
def test_consistency_modes(query: bytes, mode: str) -> None:
    assert parse_consistency(parse_query(query)) == mode


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (b"stale&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics."),
        (b"max_stale=1s&consistent", "Cannot specify ?stale with ?consistent, conflicting semantics."),
        (b"cached&consistent", "Cannot specify ?cached with ?consistent, conflicting semantics."),
        (b"max_stale=soon", 'Invalid max_stale value "soon"'),
    ],
)
def test_modes_that_can_not_be(query: bytes, text: str) -> None:
    with pytest.raises(HttpError) as refused:
        parse_consistency(parse_query(query))
    assert (refused.value.status, refused.value.text) == (400, text)


@pytest.mark.parametrize(
    "value", [b"max-age=10", b"no-cache, max-age=0", b"stale-if-error=-5", b"max-age", b"x=y"]
)
def test_cache_control_is_accepted(value: bytes) -> None:
    assert parse_consistency({}, value) == "leader"


@pytest.mark.parametrize("value", [b"max-age=soon", b"max-age=", b"no-cache, stale-if-error=1.5"])
def test_cache_control_with_a_bad_number_is_refused(value: bytes) -> None:
    with pytest.raises(HttpError, match=r"^Invalid Cache-Control header.$"):
        parse_consistency({}, value)


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ("", None),
        ("0s", None),
        ("-5s", None),
        ("10s", 10.0),
        ("1m30s", 90.0),
        ("250ms", 0.25),
        ("9000h", 32_400_000.0),
    ],
)
def test_waits(wait: str, seconds: float | None) -> None:
    assert parse_wait({"wait": [wait]}) == seconds


@pytest.mark.parametrize("wait", ["10", "s", "10 s", "1e3s", "∞"])
def test_bad_waits(wait: str) -> None:
    with pytest.raises(HttpError, match=r"^Invalid wait time$") as refused:
        parse_wait({"wait": [wait]})
    assert refused.value.status == 400


@given(st.integers(0, (1 << 64) - 1))
def test_every_unsigned_number_is_an_index(index: int) -> None:
    assert parse_index({"index": [str(index), "bad, but not the first"]}) == index


@pytest.mark.parametrize(
    "index", ["-1", "+1", "1.0", "0x1", " 1", "1_000", "\uff11", "\u00b2", str(1 << 64), "9" * 5000]
)
def test_bad_indexes(index: str) -> None:
    with pytest.raises(HttpError, match=r"^Invalid index$") as refused:
        parse_index({"index": [index]})
    assert refused.value.status == 400


def test_no_index_is_zero() -> None:
    assert parse_index({}) == parse_index({"index": [""]}) == 0


@pytest.mark.parametrize("value", ["", "default"])
def test_the_default_tenancy_is_accepted(value: str) -> None:
    headers = {b"x-consul-namespace": value.encode(), b"x-consul-partition": value.encode()}
    check_tenancy({"ns": [value], "partition": [value]}, headers)


@pytest.mark.parametrize(
    ("params", "headers", "text"),
    [
        ({"ns": ["a"]}, {}, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'),
        (
            {"partition": ["a"]},
            {},
            'Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature',
        ),
        (
            {},
            {b"x-consul-namespace": b"a"},
            'Invalid header: "X-Consul-Namespace" - Namespaces are a Consul Enterprise feature',
        ),
        (
            {},
            {b"x-consul-partition": b"a"},
            'Invalid header: "X-Consul-Partition" - Partitions are a Consul Enterprise feature',
        ),
    ],
)
def test_other_tenancies_are_refused(
    params: dict[str, list[str]], headers: dict[bytes, bytes], text: str
) -> None:
    with pytest.raises(HttpError) as refused:
        check_tenancy(params, headers)
    assert (refused.value.status, refused.value.text) == (400, text)


@pytest.mark.parametrize("params", [{}, {"dc": [""]}, {"dc": ["dc1"]}, {"dc": ["dc1", "dc2"]}])
def test_our_datacenter(params: dict[str, list[str]]) -> None:
    check_datacenter(params, "dc1", meta=True)


@pytest.mark.parametrize("meta", [False, True])
def test_another_datacenter_can_not_be_reached(meta: bool) -> None:
    with pytest.raises(HttpError, match=r"^No path to datacenter$") as refused:
        check_datacenter({"dc": ["dc2"]}, "dc1", meta=meta)
    assert (refused.value.status, refused.value.meta) == (500, meta)
