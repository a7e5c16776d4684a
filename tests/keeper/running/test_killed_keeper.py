"""The keeper is killed again and again while checks of all kinds run: nobody notices."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.process import wait_until
from harness.server import RegistryServer

from running.target import Target, register

KILLS = 2
BEATING = 40
PROBED = 20
KINDS = (("beat", BEATING), ("probed", PROBED))
CRITICAL = "/v1/health/state/critical"


@contextmanager
def heartbeats(server: RegistryServer) -> Iterator[list[int]]:
    """Send heartbeats for all TTL checks in turn, on new connections so that both workers get some.

    Gives how many rounds have been made.
    """
    rounds = [0]
    stop = threading.Event()

    def beat() -> None:
        while not stop.is_set():
            for number in range(BEATING):
                raw = f"PUT /v1/agent/check/pass/service:beat-{number} HTTP/1.1\r\nHost: localhost\r\n"
                assert server.client.raw(raw.encode() + b"Connection: close\r\n\r\n").status == 200
            rounds[0] += 1

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield rounds
    finally:
        stop.set()
        thread.join(30)


def next_keeper(server: RegistryServer, before: int) -> int:
    """Return the process of the keeper that came after another."""

    def found() -> int:
        try:
            pid = server.keeper_pid()
        except ValueError:
            return 0
        return pid if pid != before else 0

    return wait_until(found)


def critical_checks(server: RegistryServer) -> set[str]:
    return {check["CheckID"] for check in server.client.get(CRITICAL).json}


def test_no_check_is_forgotten_and_none_is_falsely_critical(server_factory: Any, target: Target) -> None:
    server: RegistryServer = server_factory(workers=2)
    for number in range(BEATING):
        register(server, f"beat-{number}", TTL="5s", Status="passing")
    for number in range(PROBED):
        url = f"http://127.0.0.1:{target.port}/{number}"
        register(server, f"probed-{number}", HTTP=url, Interval="1s", Status="passing")
    register(server, "front", AliasService="beat-0", Status="passing")
    with heartbeats(server) as rounds:
        watch = server.client.watch(CRITICAL, index=server.client.get(CRITICAL).index, wait="60s")
        for _ in range(KILLS):
            pid = server.keeper_pid()
            os.kill(pid, signal.SIGKILL)
            next_keeper(server, pid)
            target.paths.clear()
            wait_until(lambda: len(target.paths) == PROBED, what="every check to be probed again")
        done = rounds[0]
        wait_until(lambda: rounds[0] > done + 1)
        assert not watch.done, watch.result().text
        watch.cancel()

    target.status = 500
    everything = {f"service:{kind}-{n}" for kind, most in KINDS for n in range(most)} | {"service:front"}
    wait_until(lambda: critical_checks(server) == everything, 20, "every check to be found critical")

    target.status = 200
    with heartbeats(server):
        wait_until(lambda: not critical_checks(server), 20, "every check to recover")
