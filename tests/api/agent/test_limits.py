"""Limits of what can be registered: each has a text that names its setting."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import Client
from harness.server import RegistryServer

from agent.calls import REGISTER, TTL, checks, done, everything, refused, register
from agent.conftest import empty

LIMITS = {
    "REGISTRY_MAX_SERVICES": "5",
    "REGISTRY_MAX_NAME_BYTES": "40",
    "REGISTRY_MAX_TAGS": "3",
    "REGISTRY_MAX_TAG_BYTES": "10",
    "REGISTRY_MAX_META_PAIRS": "2",
    "REGISTRY_MAX_CHECKS_PER_SERVICE": "3",
    "REGISTRY_MAX_OUTPUT_BYTES": "20",
    "REGISTRY_MAX_BODY_BYTES": "4KiB",
}
CHECK = "/v1/agent/check/register"


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    server = RegistryServer(tmp_path_factory.mktemp("small"), env=LIMITS)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def small(small_server: RegistryServer) -> Client:
    empty(small_server.client)
    return small_server.client


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"Name": "n" * 41}, "Name has 41 bytes, max allowed is 40 (max_name_bytes)"),
        ({"Name": "é" * 21}, "Name has 42 bytes, max allowed is 40 (max_name_bytes)"),
        # Lower-casing makes this one longer: it is the folded form that has to fit.
        ({"Name": "İ" * 14}, "Name has 42 bytes, max allowed is 40 (max_name_bytes)"),
        ({"Name": "w", "ID": "i" * 41}, "ID has 41 bytes, max allowed is 40 (max_name_bytes)"),
        (
            {"Name": "w", "Check": {**TTL, "CheckID": "c" * 41}},
            "Check.CheckID has 41 bytes, max allowed is 40 (max_name_bytes)",
        ),
        (
            {"Name": "w", "Checks": [TTL, {**TTL, "Name": "c" * 41}]},
            "Checks[1].Name has 41 bytes, max allowed is 40 (max_name_bytes)",
        ),
        (
            {"Name": "w", "Proxy": {"DestinationServiceName": "d" * 41}},
            "Proxy.DestinationServiceName has 41 bytes, max allowed is 40 (max_name_bytes)",
        ),
        (
            {"Name": "w", "Connect": {"SidecarService": {"Name": "n" * 41}}},
            "SidecarService.Name has 41 bytes, max allowed is 40 (max_name_bytes)",
        ),
        ({"Name": "w", "Tags": ["t"] * 4}, "Tags has 4 items, max allowed is 3 (max_tags)"),
        (
            {"Name": "w", "Tags": ["t", "t" * 11]},
            "Tags[1] has 11 bytes, max allowed is 10 (max_tag_bytes)",
        ),
        (
            {"Name": "w", "Meta": {"a": "", "b": "", "c": ""}},
            "Invalid Service Meta: Node metadata cannot contain more than 2 key/value pairs",
        ),
        (
            {"Name": "w", "Check": TTL, "Checks": [TTL] * 3},
            "Too many checks: there would be 4, max allowed for one service, or for the node itself, "
            "is 3 (max_checks_per_service)",
        ),
    ],
)
def test_past_a_limit(small: Client, definition: dict[str, Any], text: str) -> None:
    before = everything(small)
    refused(small.put(REGISTER, definition), 400, text)
    assert everything(small) == before


def test_at_the_limits(small: Client) -> None:
    register(
        small,
        {
            "Name": "n" * 40,
            "ID": "i" * 40,
            "Tags": ["t" * 10] * 3,
            "Meta": {"a": "", "b": ""},
            "Checks": [TTL, TTL, {**TTL, "CheckID": "c" * 40}],
            "Connect": {"SidecarService": {}},
        },
    )
    done(small.put(f"/v1/agent/service/maintenance/{'i' * 40}?enable=true"))
    assert len(checks(small)) == 6


def test_checks_add_up(small: Client) -> None:
    text = (
        "Too many checks: there would be 4, max allowed for one service, or for the node itself, "
        "is 3 (max_checks_per_service)"
    )
    register(small, {"Name": "web", "Check": TTL})
    done(small.put("/v1/agent/service/maintenance/web?enable=true"))
    for name in ("a", "b"):
        done(small.put(CHECK, {"Name": name, "ServiceID": "web", **TTL}))
    refused(small.put(CHECK, {"Name": "c", "ServiceID": "web", **TTL}), 400, text)
    done(small.put(CHECK, {"Name": "a", "ServiceID": "web", **TTL}))
    refused(small.put(REGISTER, {"Name": "web", "Check": {**TTL, "CheckID": "new"}}), 400, text)
    register(small, {"Name": "web", "Checks": [TTL] * 3}, "?replace-existing-checks")
    for name in ("x", "y", "z"):
        done(small.put(CHECK, {"Name": name, **TTL}))
    refused(small.put(CHECK, {"Name": "c", **TTL}), 400, text)


def test_too_many_services(small: Client) -> None:
    # One of the five is the registry's own.
    for number in range(3):
        register(small, {"Name": "web", "ID": f"w{number}"})
    before = everything(small)
    with_sidecar = {"Name": "db", "Connect": {"SidecarService": {}}}
    text = "The registry has {} services, max allowed is 5 (max_services); deregister some or raise the limit"
    refused(small.put(REGISTER, with_sidecar), 500, text.format(4))
    assert everything(small) == before
    register(small, {"Name": "db"})
    refused(small.put(REGISTER, {"Name": "late"}), 500, text.format(5))
    register(small, {"Name": "db", "Port": 1})
    done(small.put("/v1/agent/service/deregister/w0"))
    register(small, {"Name": "late"})


def test_outputs_are_cut(small: Client) -> None:
    register(small, {"Name": "web", "Check": {**TTL, "OutputMaxSize": 100}})
    done(small.put(f"/v1/agent/check/pass/service:web?note={'x' * 30}"))
    assert checks(small)["service:web"]["Output"] == "x" * 20 + " ... (captured 20 of 30 bytes)"


def test_a_body_too_large(small: Client) -> None:
    before = everything(small)
    reply = small.put(REGISTER, {"Name": "web", "SocketPath": "x" * 5000})
    assert (reply.status, "max allowed is 4096 bytes" in reply.text) == (413, True)
    assert everything(small) == before
