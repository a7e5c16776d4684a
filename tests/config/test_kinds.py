import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.config import kinds
from registry.config.address import Address, parse_address


def refuses(parse: Callable[[str], object], found: Any) -> bool:
    try:
        parse(found)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8500", "127.0.0.1", 8500),
        ("0.0.0.0:1", "0.0.0.0", 1),
        ("localhost:65535", "127.0.0.1", 65535),
        ("[::1]:8500", "::1", 8500),
        ("[0:0:0:0:0:0:0:1]:80", "::1", 80),
    ],
)
def test_address_is_read(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":8500", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1"),
        *("127.0.0.1:+80", "127.0.0.1: 80", "127.0.0.1:8_0", "127.0.0.1:٨٠", "127.0.0.1:000001999999"),
        *("::1:8500", "[::1]", "[::1:8500", "[127.0.0.1]:80", "[fe80::1%eth0]:80", "registry.lan:80"),
        *("http://127.0.0.1:80", "127.1:80", "1:80", "127.0.0.1:80:80"),
    ],
)
def test_address_is_refused(text: str) -> None:
    assert refuses(parse_address, text)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_address_reads_back(ip: object, port: int) -> None:
    address = Address(str(ip), port)
    assert parse_address(str(address)) == address


def test_address_says_whom_it_reaches() -> None:
    assert parse_address("127.0.0.1:1").is_loopback
    assert parse_address("[::1]:1").is_loopback
    assert not parse_address("0.0.0.0:1").is_loopback
    assert parse_address("[::]:1").is_unspecified
    assert not parse_address("10.0.0.1:1").is_unspecified


@pytest.mark.parametrize(
    ("kind", "found", "value"),
    [
        (kinds.integer(1, 64), "64", 64),
        (kinds.integer(1, 64), 1, 1),
        (kinds.size(0, 2**40), "0", 0),
        (kinds.size(0, 2**40), 1024, 1024),
        (kinds.size(0, 2**40), "17B", 17),
        (kinds.size(0, 2**40), "512KiB", 512 * 1024),
        (kinds.size(0, 2**40), "1TiB", 2**40),
        (kinds.duration(0, 3600), "1h", 3600.0),
        (kinds.duration(0, 3600), "1m30.5s", 90.5),
        (kinds.choice("a", "b"), "b", "b"),
        (kinds.label(5), "é é", "é é"),
        (kinds.host(), "10.0.0.1", "10.0.0.1"),
        (kinds.host(), "::0:1", "::1"),
        (kinds.host(), "Db-1.example_lan", "Db-1.example_lan"),
        (kinds.host_names(), "", ()),
        (kinds.host_names(), "A.lan, b", ("a.lan", "b")),
        (kinds.host_names(), ["A.lan", "b"], ("a.lan", "b")),
        (kinds.some_path(), "/run/there.sock", Path("/run/there.sock")),
        (kinds.switch(), True, True),
        (kinds.switch(), "true", True),
        (kinds.switch(), "False", False),
        (kinds.derived(kinds.integer(1, 9), "auto", "x"), "auto", None),
        (kinds.derived(kinds.integer(1, 9), "auto", "x"), "9", 9),
    ],
)
def test_value_is_read(kind: kinds.Kind, found: object, value: object) -> None:
    read = kind.parse(found)
    assert read == value
    assert type(read) is type(value)


REFUSED: list[tuple[kinds.Kind, list[object]]] = [
    (kinds.integer(1, 64), ["", "0", "65", 65, "-1", "+1", "1.0", 1.0, True, "1_0", [], "٣", "9" * 5000]),
    (kinds.size(1, 100), ["", "0", "101B", "1 KiB", "1KB", "1k", -1, 1.5, True, "B"]),
    (kinds.duration(1, 60), ["", "30", 30, 30.0, "0.9s", "61s", "-30s", "1x", "nan"]),
    (kinds.choice("a", "b"), ["", "A", "c", 1, ["a"]]),
    (kinds.pattern("[a-z]{1,3}", ""), ["", "abcd", "A", "a\n", 1]),
    (kinds.label(4), ["", "abcde", "ééé", "a\nb", "a\0", "a\u2028b", "\ud800", 7]),
    (kinds.host(), ["", "a..b", "-a", "a-", "a b", "a:1", "a" * 64, "a." * 127 + "bc", 1]),
    (kinds.host_names(), ["a,,b", ",", ["a", 1], {"a": 1}, 1, "a/b"]),
    (kinds.folder(), ["", "/dev/null", "a\0b", "a\nb", "~nobody-has-this-name/x", 1]),
    (kinds.some_path(), ["", "a\0b", "~nobody-has-this-name/x", 1]),
    (kinds.existing_folder(), ["", "/dev/null", "/no/such/folder", "a\0b", 1]),
    (kinds.switch(), ["", "1", "yes", "truely", 1, 0, ["true"]]),
    (kinds.readable_file(), ["", "/", "/no/such/file", 1]),
]


@pytest.mark.parametrize(("kind", "found"), [(kind, each) for kind, found in REFUSED for each in found])
def test_value_is_refused(kind: kinds.Kind, found: object) -> None:
    assert refuses(kind.parse, found)


@given(st.integers(0, 10**18 - 1))
def test_sizes_read_back(size: int) -> None:
    kind = kinds.size(0, 10**18)
    assert kind.parse(kind.show(size).strip('"')) == size


@given(st.integers(0, 10**15))
def test_durations_read_back(nanoseconds: int) -> None:
    kind = kinds.duration(0, 10**9)
    shown = kind.show(nanoseconds / 10**9).strip('"')
    assert round(kind.parse(shown) * 10**9) == nanoseconds


@pytest.mark.parametrize(
    ("found", "value"),
    [("0", 0.0), ("1", 1.0), ("0.5", 0.5), (".25", 0.25), (0, 0.0), (1, 1.0), (0.3, 0.3), ("0.70", 0.7)],
)
def test_share_is_read(found: object, value: float) -> None:
    assert kinds.share().parse(found) == value


@pytest.mark.parametrize(
    "found",
    ["", "-0.5", "1.1", "50%", "1e-1", "nan", "inf", "0,5", "½", True, None, 2, -0.1, float("nan"), [0.5]],
)
def test_share_is_refused(found: object) -> None:
    assert refuses(kinds.share().parse, found)


@given(st.floats(0, 1, allow_subnormal=False))
def test_share_reads_back(value: float) -> None:
    kind = kinds.share()
    assert kind.parse(tomllib.loads(f"share = {kind.show(value)}")["share"]) == value
