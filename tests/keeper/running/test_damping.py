"""Checks that flap are held, by the server's setting or their own, and let go by themselves."""

import os
import signal
from functools import partial
from typing import Any

from harness.process import wait_until
from harness.server import RegistryServer

from running.target import Target, becomes, output_of, register, status_of

CALMING = ("--flap-threshold", "3", "--flap-calm", "2s")


def is_held(server: RegistryServer, name: str) -> bool:
    return output_of(server, name).startswith("held critical: changed 3 times within 1m0s, calm again after ")


def asked_since(target: Target, before: int) -> bool:
    return target.asked > before


def flap(target: Target, name: str, server: RegistryServer) -> None:
    """Change what the target answers, each time that the check has seen it, until the check is held."""
    register_http(server, name, target)
    becomes(server, name, "passing")
    for status in (500, 200, 500):
        target.status = status
        asked = target.asked
        wait_until(partial(asked_since, target, asked))
    wait_until(lambda: is_held(server, name))


def register_http(server: RegistryServer, name: str, target: Target, **more: Any) -> None:
    register(server, name, HTTP=f"http://127.0.0.1:{target.port}/{name}", Interval="1s", **more)


def test_a_flapping_check_is_held_critical_and_let_go_when_calm(server_factory: Any, target: Target) -> None:
    server = server_factory(args=CALMING)
    flap(target, "web", server)
    index = server.client.get("/v1/health/service/web").index
    target.status = 200
    asked = target.asked

    wait_until(lambda: target.asked >= asked + 2)

    assert status_of(server, "web") == "critical"
    assert is_held(server, "web")
    assert server.client.get("/v1/health/service/web").index == index, "nobody was woken"

    os.kill(server.keeper_pid(), signal.SIGKILL)
    asked = target.asked
    wait_until(lambda: target.asked > asked)

    assert status_of(server, "web") == "critical", "the next keeper holds on"

    becomes(server, "web", "passing")

    assert output_of(server, "web").startswith("HTTP GET ")


def test_a_check_of_its_own_mind_is_not_held(server_factory: Any, target: Target) -> None:
    server = server_factory(args=("--flap-threshold", "1"))
    register_http(server, "web", target, FlapThreshold=-1)
    for status, expected in ((200, "passing"), (500, "critical"), (200, "passing"), (500, "critical")):
        target.status = status
        becomes(server, "web", expected)

    assert output_of(server, "web").startswith("HTTP GET ")


def test_an_alias_is_held_by_its_own_definition_and_let_go_though_nothing_changes(
    server: RegistryServer,
) -> None:
    register(server, "web", TTL="60s")
    register(server, "front", AliasService="web", FlapThreshold=2, FlapCalm="1s")
    for call, status in (("pass", "passing"), ("fail", "critical"), ("pass", "critical")):
        server.client.put(f"/v1/agent/check/{call}/service:web")
        becomes(server, "front", status)
    wait_until(lambda: output_of(server, "front").startswith("held critical: "))

    becomes(server, "front", "passing")

    assert output_of(server, "front") == "All checks passing."
    assert status_of(server, "web") == "passing"
