"""Consistency modes: the header that tells them, and the requests that are refused, in which order."""

from collections.abc import Iterator

import pytest
from harness.client import Client
from served import refused, serving

EFFECTIVE = (
    *("/v1/catalog/nodes", "/v1/catalog/services", "/v1/catalog/service/x", "/v1/catalog/connect/x"),
    *("/v1/catalog/node/x", "/v1/catalog/node-services/x", "/v1/catalog/gateway-services/x"),
    *("/v1/health/node/x", "/v1/health/checks/x", "/v1/health/state/any", "/v1/health/service/x"),
    *("/v1/health/connect/x", "/v1/health/ingress/x"),
)
CONFLICT = "Cannot specify ?{} with ?consistent, conflicting semantics."
BAD_CACHE_CONTROL = "Invalid Cache-Control header."


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory) as server:
        yield server.client


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        ("", "leader"),
        ("leader", "leader"),
        ("cached", "leader"),
        *((f"stale{value}", "stale") for value in ("", "=", "=1", "=false", "=no")),
        *((f"consistent{value}", "consistent") for value in ("", "=", "=0")),
        ("leader&stale", "stale"),
        ("leader&consistent", "consistent"),
        ("cached&stale", "stale"),
        ("max_stale=10s", "stale"),
        ("max_stale=1ns", "stale"),
        ("max_stale=0s", "leader"),
        ("max_stale=0", "leader"),
        ("max_stale=-5s", "leader"),
        ("max_stale=", "leader"),
        ("max_stale", "leader"),
        ("max_stale=-1s&consistent", "consistent"),
        ("max_stale=0&max_stale=1s", "leader"),
        ("Stale", "leader"),
    ],
)
def test_the_mode_is_echoed(api: Client, query: str, mode: str) -> None:
    for path in EFFECTIVE:
        reply = api.get(f"{path}?{query}")
        told = [
            reply.headers[f"x-consul-{name}"]
            for name in ("effective-consistency", "knownleader", "lastcontact")
        ]
        assert (reply.status, told) == (200, [mode, "true", "0"])


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("stale&consistent", CONFLICT.format("stale")),
        ("consistent=false&stale=false", CONFLICT.format("stale")),
        ("consistent&max_stale=1s", CONFLICT.format("stale")),
        ("cached&consistent", CONFLICT.format("cached")),
        ("cached&consistent&stale", CONFLICT.format("stale")),
        ("max_stale=10", 'Invalid max_stale value "10"'),
        ("max_stale=x", 'Invalid max_stale value "x"'),
        ("max_stale=1d&stale&consistent", 'Invalid max_stale value "1d"'),
        ("stale&consistent&wait=x&index=x", CONFLICT.format("stale")),
        ("wait=x&index=x", "Invalid wait time"),
        ("index=x&dc=dc2", "Invalid index"),
        ("stale&consistent&dc=dc2&filter=(&passing=no", CONFLICT.format("stale")),
    ],
)
def test_refusals(api: Client, query: str, text: str) -> None:
    for path in (*EFFECTIVE, "/v1/coordinate/nodes"):
        reply = api.get(f"{path}?{query}")
        refused(reply, 400, text)
        assert "x-consul-index" not in reply.headers


@pytest.mark.parametrize(
    "value",
    [
        *(
            "max-age=0",
            "max-age=10",
            "must-revalidate",
            "stale-if-error=5, max-age=3",
            "no-cache",
            "no-store",
        ),
        *("max-age", "max-age=-1", "MAX-AGE=1", "private, only-if-cached", "", ",,", "max-stale=x"),
    ],
)
def test_cache_control_that_is_accepted(api: Client, value: str) -> None:
    for query in ("", "?cached"):
        assert api.get(f"/v1/catalog/nodes{query}", {"Cache-Control": value}).status == 200


@pytest.mark.parametrize(
    "value", ["max-age=x", "max-age=", "stale-if-error=1.5", "no-cache, max-age=1s", "max-age=--1"]
)
def test_cache_control_that_is_not(api: Client, value: str) -> None:
    headers = {"Cache-Control": value}
    for path in EFFECTIVE:
        for query in ("", "?cached"):
            assert api.get(f"{path}{query}").status == 200  # so that the answer is in the cache
            refused(api.get(f"{path}{query}", headers), 400, BAD_CACHE_CONTROL)
    refused(api.get("/v1/catalog/nodes?wait=x", headers), 400, BAD_CACHE_CONTROL)
    refused(api.get("/v1/catalog/nodes?max_stale=x", headers), 400, 'Invalid max_stale value "x"')
    refused(api.get("/v1/catalog/nodes?stale&consistent", headers), 400, CONFLICT.format("stale"))
