"""A keeper that was stopped does not hold it against those who were well meanwhile."""

import os
import re
import signal
import time
from collections.abc import Callable

from harness.process import wait_until
from harness.server import RegistryServer

from running.target import Target, becomes, output_of, register, status_of

STOPPED_S = 2.5
"""Longer than any timeout and TTL here."""


def beating_until(server: RegistryServer, condition: Callable[[], bool]) -> None:
    """Wait for something while the service ``beating`` goes on with its heartbeats."""

    def beat() -> bool:
        assert server.client.put("/v1/agent/check/pass/service:beating").status == 200
        return condition()

    wait_until(beat)


def test_a_stopped_keeper_makes_nobody_critical(server: RegistryServer, target: Target) -> None:
    register(server, "beating", TTL="2s", Status="passing")
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/", Interval="1s", Timeout="1s")
    beating_until(server, lambda: status_of(server, "web") == "passing")
    critical = "/v1/health/state/critical"
    watch = server.client.watch(critical, index=server.client.get(critical).index)
    target.open.clear()
    asked = target.asked
    beating_until(server, lambda: target.asked > asked)
    os.kill(server.keeper_pid(), signal.SIGSTOP)
    target.open.set()
    until = time.monotonic() + STOPPED_S
    beating_until(server, lambda: time.monotonic() >= until)
    asked = target.asked

    os.kill(server.keeper_pid(), signal.SIGCONT)
    beating_until(server, lambda: target.asked >= asked + 2)

    assert not watch.done, watch.result().text
    assert (status_of(server, "web"), status_of(server, "beating")) == ("passing", "passing")
    watch.cancel()


def test_a_target_that_is_dead_all_the_same_is_told_what_it_was_given(
    server: RegistryServer, target: Target
) -> None:
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/", Interval="1s", Timeout="1s")
    becomes(server, "web", "passing")
    target.open.clear()
    asked = target.asked
    wait_until(lambda: target.asked > asked)
    pid = server.keeper_pid()
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + STOPPED_S
    wait_until(lambda: time.monotonic() >= until)
    os.kill(pid, signal.SIGCONT)

    becomes(server, "web", "critical")

    output = output_of(server, "web")
    assert "context deadline exceeded" in output
    late = r"\(the keeper itself was late by [0-9.]+s; the timeout was extended from 1s to [0-9.]+s\)"
    assert re.search(late, output), output
    target.open.set()
