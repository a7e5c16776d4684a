"""Checks that run: the same definitions against the same targets give the same status and output.

The agent's own view is compared: a Consul holds back the output in its catalog for minutes.
"""

from functools import partial
from typing import Any

import pytest
from harness.process import wait_until

from differential.pair import Pair
from differential.side import Side
from differential.targets import closed_port, grpc_target, http_target

REGISTER = "/v1/agent/check/register"
SERVICE = "/v1/agent/service/register"
CHECKS = "/v1/agent/checks"
EVERY = {"Interval": "1s"}


def run(pair: Pair, checks: dict[str, dict[str, Any]]) -> None:
    """Register checks, wait until each has run once, and compare what came of it."""
    for name, check in checks.items():
        pair.put(REGISTER, {"Name": name, **EVERY, **check})
    for side in (pair.theirs, pair.ours):
        wait_until(partial(all_have_run, side, list(checks)), 30)
        side.settle()
    pair.get(CHECKS)


def shown(side: Side, name: str) -> Any:
    return side.client.get(CHECKS).json[name]


def all_have_run(side: Side, names: list[str]) -> bool:
    return all(shown(side, name)["Output"] for name in names)


def has_expired(side: Side, name: str) -> bool:
    return str(shown(side, name)["Output"]).startswith("TTL expired")


def test_http(pair: Pair) -> None:
    with http_target() as target:
        url = f"http://127.0.0.1:{target.port}"
        header = {"X-One": ["1"], "Accept": ["text/html"], "Host": ["other.example"]}
        run(
            pair,
            {f"status {n}": {"HTTP": f"{url}/status/{n}"} for n in (200, 201, 204, 301, 404, 429, 500, 503)}
            | {
                "get": {"HTTP": f"{url}/echo?a=b"},
                "headers": {"HTTP": f"{url}/echo", "Header": header},
                "several": {"HTTP": f"{url}/echo", "Header": {"X-Two": ["1", "2"]}},
                "agent": {"HTTP": f"{url}/echo", "Header": {"User-Agent": ["probe"]}},
                "post": {"HTTP": f"{url}/echo", "Method": "POST", "Body": '{"a": 1}'},
                "empty post": {"HTTP": f"{url}/echo", "Method": "POST"},
                "get with body": {"HTTP": f"{url}/echo", "Body": "b"},
                "put": {"HTTP": f"{url}/echo", "Method": "PUT", "Body": "b"},
                "delete": {"HTTP": f"{url}/echo", "Method": "DELETE"},
                "head": {"HTTP": f"{url}/status/200", "Method": "HEAD"},
                "big": {"HTTP": f"{url}/big"},
                "big, cut": {"HTTP": f"{url}/big", "OutputMaxSize": 100},
            },
        )


def test_http_that_gets_no_answer(pair: Pair) -> None:
    with http_target() as target, http_target(tls=True) as secure:
        url = f"https://127.0.0.1:{secure.port}/status/200"
        run(
            pair,
            {
                "refused": {"HTTP": f"http://127.0.0.1:{closed_port()}/"},
                "slow": {"HTTP": f"http://127.0.0.1:{target.port}/hang", "Timeout": "200ms"},
                "unknown host": {"HTTP": "http://nowhere.invalid/"},
                "not trusted": {"HTTP": url},
                "not verified": {"HTTP": url, "TLSSkipVerify": True},
                "no tls there": {"HTTP": f"https://127.0.0.1:{target.port}/status/200"},
                "tls there": {"HTTP": f"http://127.0.0.1:{secure.port}/status/200"},
            },
        )


def test_each_run_makes_a_connection_of_its_own(pair: Pair) -> None:
    """Consul asks for the connection to be closed; so that is where connections are not reused."""
    with http_target() as target:
        for side, path in ((pair.theirs, "/theirs"), (pair.ours, "/ours")):
            check = {"Name": "c", "HTTP": f"http://127.0.0.1:{target.port}{path}", **EVERY}
            assert side.client.put(REGISTER, check).status == 200
        wait_until(lambda: all(len(target.requests.get(path, ())) >= 3 for path in ("/theirs", "/ours")), 20)
        for ports in target.requests.values():
            assert len(set(ports)) == len(ports)


def test_tcp(pair: Pair) -> None:
    with http_target() as target:
        run(
            pair,
            {
                "listening": {"TCP": f"127.0.0.1:{target.port}"},
                "by name": {"TCP": f"localhost:{target.port}"},
                "refused": {"TCP": f"127.0.0.1:{closed_port()}"},
                "unknown host": {"TCP": "nowhere.invalid:1"},
                "no port": {"TCP": "127.0.0.1"},
            },
        )


def test_grpc(pair: Pair) -> None:
    with grpc_target() as port:
        run(
            pair,
            {
                "whole server": {"GRPC": f"127.0.0.1:{port}"},
                "up": {"GRPC": f"127.0.0.1:{port}/up"},
                "down": {"GRPC": f"127.0.0.1:{port}/down"},
                "unknown": {"GRPC": f"127.0.0.1:{port}/unknown"},
                "refused": {"GRPC": f"127.0.0.1:{closed_port()}", "Timeout": "500ms"},
            },
        )


@pytest.mark.parametrize("call", ["pass", "warn", "fail"])
def test_ttl_expires_and_recovers(pair: Pair, call: str) -> None:
    pair.put(REGISTER, {"Name": "beat", "TTL": "1s"})
    pair.put(f"/v1/agent/check/{call}/beat?note=note")
    pair.get(CHECKS)
    for side in (pair.theirs, pair.ours):
        wait_until(partial(has_expired, side, "beat"), 20)
        side.settle()
    pair.get(CHECKS)
    pair.put("/v1/agent/check/update/beat", {"Status": "passing", "Output": "again"})
    pair.get(CHECKS)


def test_alias(pair: Pair) -> None:
    """Aliases that belong to services: those of the node count themselves in a Consul, and never recover."""
    aliases = {"front": "web", "lone": "bare", "lost": "nope"}
    pair.put(SERVICE, {"Name": "web", "Check": {"TTL": "10m", "Status": "passing"}})
    pair.put(SERVICE, {"Name": "bare"})
    for name, of in aliases.items():
        pair.put(SERVICE, {"Name": name, "Check": {"AliasService": of}})
    for call, status in (("pass", "passing"), ("warn", "warning"), ("fail", "critical")):
        pair.put(f"/v1/agent/check/{call}/service:web?note={call}")
        for side in (pair.theirs, pair.ours):
            wait_until(partial(aliases_say, side, status, [f"service:{name}" for name in aliases]), 30)
            side.settle()
        pair.get(CHECKS)
        pair.get("/v1/agent/health/service/name/front?format=text")


def aliases_say(side: Side, status: str, aliases: list[str]) -> bool:
    return shown(side, aliases[0])["Status"] == status and all(shown(side, one)["Output"] for one in aliases)
