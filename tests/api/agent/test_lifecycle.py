"""Reload, leave, join and force-leave."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.client import Client
from harness.server import RegistryServer

from agent.calls import done, refused, register


def test_join(agent: Client) -> None:
    refused(
        agent.put("/v1/agent/join/10.0.0.9:8301"),
        500,
        "1 error occurred:\n\t* Failed to join 10.0.0.9:8301: this registry runs alone, "
        "without a pool of agents\n\n",
    )
    refused(agent.put("/v1/agent/join/10.0.0.9?wan=1"), 500, "WAN Federation is disabled")


def test_force_leave(agent: Client, agent_server: RegistryServer) -> None:
    refused(agent.put("/v1/agent/force-leave/nope"), 500, "agent: No node found with name 'nope'")
    refused(agent.put("/v1/agent/force-leave/?prune"), 500, "agent: No node found with name ''")
    done(agent.put(f"/v1/agent/force-leave/{agent_server.node}"))
    assert len(agent.get("/v1/agent/members").json) == 1


def test_reload_takes_up_what_may_change(tmp_path: Path) -> None:
    settings = tmp_path / "registry.toml"
    settings.write_text("max_tags = 2\n")
    server = RegistryServer(tmp_path, workers=1, args=("--config", str(settings))).start()
    try:
        client = server.client
        tags = {"Name": "web", "Tags": ["a", "b", "c"]}
        assert client.put("/v1/agent/service/register", tags).status == 400
        settings.write_text("max_tags = 3\n")
        done(client.put("/v1/agent/reload"))
        _until(lambda: client.put("/v1/agent/service/register", tags).status == 200)
        settings.write_text("max_tags = -1\n")
        reply = client.put("/v1/agent/reload")
        assert reply.status == 500
        assert reply.text.startswith("setting max_tags")
        assert client.get("/v1/agent/services").status == 200
    finally:
        server.close()


def test_leave_stops_the_registry_after_the_answer(server: RegistryServer) -> None:
    register(server.client, {"Name": "web"})
    done(server.client.put("/v1/agent/leave"))
    _until(lambda: not server.running)
    server.start()
    assert list(server.client.get("/v1/agent/services").json) == ["web"]


def _until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that happens in other processes."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s")
        time.sleep(0.02)
