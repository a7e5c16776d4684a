"""Checks that run: real targets, a real server, its keeper killed in between."""

import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from harness.process import wait_until
from harness.server import RegistryServer
from running.target import Target, becomes, output_of, register, status_of


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.end()


def test_a_live_service_is_found_passing_and_a_dead_one_critical(
    server: RegistryServer, target: Target
) -> None:
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/health", Interval="1s", Timeout="1s")
    becomes(server, "web", "passing")
    seen = server.client.get("/v1/health/service/web?passing")
    watch = server.client.watch("/v1/health/service/web?passing", index=seen.index)

    target.end()

    assert watch.result().json == []
    assert "connection refused" in output_of(server, "web")

    target.begin()

    becomes(server, "web", "passing")
    assert (
        output_of(server, "web") == f"HTTP GET http://127.0.0.1:{target.port}/health: 200 OK Output: as ever"
    )


def test_status_429_is_a_warning(server: RegistryServer, target: Target) -> None:
    target.status = 429
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/", Interval="1s")

    becomes(server, "web", "warning")


def test_failures_before_critical_are_counted(server: RegistryServer, target: Target) -> None:
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/", Interval="1s", FailuresBeforeCritical=3)
    becomes(server, "web", "passing")
    target.status = 500
    asked = target.asked

    becomes(server, "web", "critical")

    assert target.asked - asked == 3


def test_a_result_that_changes_nothing_moves_no_index(server: RegistryServer, target: Target) -> None:
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/", Interval="1s")
    becomes(server, "web", "passing")
    index = server.client.get("/v1/health/service/web").index
    asked = target.asked

    wait_until(lambda: target.asked >= asked + 3, 10)

    assert server.client.get("/v1/health/service/web").index == index


def test_a_ttl_check_expires_without_heartbeats_and_recovers_with_one(server: RegistryServer) -> None:
    register(server, "web", TTL="1s")
    assert server.client.put("/v1/agent/check/pass/service:web?note=fine").status == 200
    assert status_of(server, "web") == "passing"

    becomes(server, "web", "critical")

    assert output_of(server, "web") == "TTL expired (last output before timeout follows): fine"

    server.client.put("/v1/agent/check/pass/service:web")

    assert status_of(server, "web") == "passing"


def test_heartbeats_through_any_worker_keep_a_ttl_check_alive_and_write_nothing(
    server_factory: Any,
) -> None:
    server = server_factory(workers=3)
    register(server, "web", TTL="2s")
    server.client.put("/v1/agent/check/pass/service:web")
    index = server.client.get("/v1/health/service/web").index
    beats = 0

    def beat() -> bool:
        nonlocal beats
        beats += 1
        # A connection of its own each time, so that the workers take turns.
        raw = b"PUT /v1/agent/check/pass/service:web HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert server.client.raw(raw).status == 200
        return beats >= 60

    wait_until(beat, 20)

    assert status_of(server, "web") == "passing"
    assert server.client.get("/v1/health/service/web").index == index


def test_after_a_restart_a_ttl_check_keeps_its_status_and_gets_a_full_ttl(server: RegistryServer) -> None:
    register(server, "web", TTL="2s")
    server.client.put("/v1/agent/check/pass/service:web")
    server.restart()

    assert status_of(server, "web") == "passing"

    becomes(server, "web", "critical")


def test_an_alias_follows_its_service(server: RegistryServer) -> None:
    register(server, "web", TTL="60s")
    register(server, "front", AliasService="web")
    becomes(server, "front", "critical")
    server.client.put("/v1/agent/check/pass/service:web")
    becomes(server, "front", "passing")

    assert output_of(server, "front") == "All checks passing."

    server.client.put("/v1/agent/check/fail/service:web?note=no")
    becomes(server, "front", "critical")

    assert output_of(server, "front") == "Aliased check \"Service 'web' check\" failing: no"


def test_an_alias_on_the_node_does_not_stand_for_itself(server: RegistryServer) -> None:
    register(server, "web", TTL="60s", Status="passing")
    reply = server.client.put("/v1/agent/check/register", {"Name": "front", "AliasService": "web"})
    assert reply.status == 200

    wait_until(lambda: server.client.get("/v1/agent/checks").json["front"]["Status"] == "passing")


def test_a_service_that_stays_critical_is_deregistered(server: RegistryServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        register(
            server,
            "web",
            TCP=f"127.0.0.1:{free.getsockname()[1]}",
            Interval="1s",
            DeregisterCriticalServiceAfter="1s",
        )
        wait_until(lambda: server.client.get("/v1/catalog/service/web").json == [], 20)

    assert server.client.get("/v1/agent/checks").json == {}
    counted = "registry_services_reaped_total 1.0"
    wait_until(lambda: counted in server.client.get("/v1/agent/metrics?format=prometheus").text, 5)
    assert server.output().count("deregistered service web") == 1


def test_a_killed_keeper_is_replaced_and_no_check_is_forgotten(
    server: RegistryServer, target: Target
) -> None:
    register(server, "web", HTTP=f"http://127.0.0.1:{target.port}/", Interval="1s")
    becomes(server, "web", "passing")
    index = server.client.get("/v1/health/service/web").index
    os.kill(server.keeper_pid(), signal.SIGKILL)
    asked = target.asked

    wait_until(lambda: target.asked > asked, 10)

    assert server.client.get("/v1/health/service/web").index == index
    target.end()
    becomes(server, "web", "critical")
    target.begin()
