"""Which host names a registry on loopback answers to."""

import pytest

from registry.http.host import HostPolicy

LOCAL = HostPolicy("127.0.0.1", ["Registry.internal"])


@pytest.mark.parametrize(
    "value",
    [
        b"127.0.0.1",
        b"127.0.0.1:8500",
        b"localhost",
        b"LOCALHOST:8500",
        b"localhost.",
        b"app.localhost:80",
        b"[::1]:8500",
        b"[::1]",
        b"::1",
        b"10.1.2.3:8500",
        b"registry.internal:8500",
        b"REGISTRY.INTERNAL",
    ],
)
def test_names_that_no_web_page_can_have_are_answered(value: bytes) -> None:
    assert LOCAL.allows(value)
    assert LOCAL.memo[value]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"evil.example",
        b"evil.example:8500",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"evillocalhost",
        b"[evil.example]:8500",
        b"internal",
        b"127.0.0.1@evil.example",
        b"\xff",
    ],
)
def test_names_that_a_web_page_can_have_are_not(value: bytes) -> None:
    assert not LOCAL.allows(value)
    assert not LOCAL.allows(value)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "10.0.0.1", "registry.example"])
def test_off_loopback_every_name_is_answered(bound: str) -> None:
    policy = HostPolicy(bound, [])
    assert policy.allows(b"anything.example:1")
    assert not policy.allows(b"")


@pytest.mark.parametrize("bound", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost"])
def test_loopback_has_several_names(bound: str) -> None:
    policy = HostPolicy(bound, [])
    assert policy.allows(b"localhost:8500")
    assert not policy.allows(b"evil.example")


def test_remembering_is_bounded() -> None:
    policy = HostPolicy("127.0.0.1", [])
    for number in range(5000):
        assert not policy.allows(b"host%d.example" % number)
    assert len(policy.memo) <= 1024
    policy = HostPolicy("127.0.0.1", [])
    assert not policy.allows(b"a" * 10_000)
    assert policy.memo == {}
