"""What the registry says of itself: self, version, members, host."""

from pathlib import Path
from urllib.parse import quote

import pytest
from harness.client import Client
from harness.server import RegistryServer

from agent.calls import HTTP, TTL, refused, register
from registry import __version__
from registry.api.agent import host


def test_self_has_objects_only_in_consuls_order(agent: Client) -> None:
    reply = agent.get("/v1/agent/self")
    found = reply.json
    assert reply.headers["content-type"] == "application/json"
    assert list(found) == ["Config", "DebugConfig", "Coord", "Member", "Stats", "Meta"]
    assert all(isinstance(value, dict) for value in found.values())
    assert all(isinstance(value, str) for section in found["Stats"].values() for value in section.values())


def test_config_names_the_api_and_us(agent: Client, agent_server: RegistryServer) -> None:
    config = agent.get("/v1/agent/self").json["Config"]
    (node,) = [node for node in agent.get("/v1/catalog/nodes").json if node["Node"] == agent_server.node]
    assert config == {
        "Datacenter": "dc1",
        "PrimaryDatacenter": "dc1",
        "NodeName": agent_server.node,
        "NodeID": node["ID"],
        "Revision": "",
        "Server": True,
        "Version": "1.21.3+fr0g-ai-registry",
        "BuildDate": "2025-07-18T00:00:00Z",
        "RegistryVersion": __version__,
    }


def test_effective_settings_without_secrets(agent: Client, agent_server: RegistryServer) -> None:
    shown = agent.get("/v1/agent/self").json["DebugConfig"]
    assert (shown["workers"], shown["node_name"], shown["max_body_bytes"]) == (2, agent_server.node, "1MiB")
    assert "tls_key" not in shown


def test_stats_count(agent: Client) -> None:
    register(agent, {"Name": "web", "Checks": [TTL, TTL, HTTP]})
    stats = agent.get("/v1/agent/self").json["Stats"]
    assert stats["agent"] == {"check_monitors": "0", "check_ttls": "2", "checks": "3", "services": "1"}
    before = int(stats["raft"]["applied_index"])
    register(agent, {"Name": "db"})
    stats = agent.get("/v1/agent/self").json["Stats"]
    assert (stats["agent"]["services"], int(stats["raft"]["applied_index"])) == ("2", before + 1)
    assert stats["consul"]["leader_addr"] == agent.get("/v1/status/leader").json


def test_meta_is_the_nodes(agent: Client) -> None:
    meta = agent.get("/v1/agent/self").json["Meta"]
    assert meta == {"consul-network-segment": "", "consul-version": "1.21.3"}


def test_one_member(agent: Client, agent_server: RegistryServer) -> None:
    (member,) = agent.get("/v1/agent/members").json
    assert member == agent.get("/v1/agent/self").json["Member"]
    assert (member["Name"], member["Addr"], member["Status"]) == (agent_server.node, "127.0.0.1", 1)
    assert member["Tags"].items() >= {"role": "consul", "dc": "dc1", "bootstrap": "1"}.items()
    assert len(agent.get("/v1/agent/members?segment=_all&wan=").json) == 1


def test_members_elsewhere(agent: Client) -> None:
    assert agent.get("/v1/agent/members?wan=1").body == b"null"
    assert agent.get("/v1/agent/members?wan=1&segment=_all").body == b"null"
    refused(agent.get("/v1/agent/members?wan=1&segment=x"), 400, "Cannot provide a segment with wan=true")
    text = "Network segments are not supported in this version of Consul"
    refused(agent.get("/v1/agent/members?segment=x"), 500, text)


@pytest.mark.parametrize(
    ("expression", "found"),
    [("Status == 1", 1), ('Tags.role == "consul"', 1), ('"nope" in Tags', 0), ("Port == 1", 0)],
)
def test_members_filtered(agent: Client, expression: str, found: int) -> None:
    assert len(agent.get(f"/v1/agent/members?filter={quote(expression)}").json) == found


def test_members_with_a_bad_filter(agent: Client) -> None:
    text = 'Failed to create boolean expression evaluator: Selector "Foo" is not valid'
    refused(agent.get("/v1/agent/members?filter=Foo==1"), 500, text)


def test_version(agent: Client) -> None:
    assert agent.get("/v1/agent/version").json == {
        "SHA": "",
        "BuildDate": "2025-07-18T00:00:00Z",
        "HumanVersion": "1.21.3+fr0g-ai-registry",
        "FIPS": "",
    }


def test_host(agent: Client) -> None:
    found = agent.get("/v1/agent/host").json
    assert list(found) == ["Memory", "CPU", "Host", "Disk", "CollectionTime", "Errors"]
    assert found["Errors"] is None
    assert 0 < found["Memory"]["available"] <= found["Memory"]["total"]
    assert [each["cpu"] for each in found["CPU"]] == list(range(len(found["CPU"])))
    assert found["Host"]["hostname"]
    assert 0 <= found["Disk"]["free"] <= found["Disk"]["total"]
    assert found["CollectionTime"] > 10**18


def test_host_names_what_can_not_be_read(tmp_path: Path) -> None:
    found = host.collect(tmp_path, 5, proc=tmp_path)
    assert (found["Memory"], found["CPU"], found["Host"], found["CollectionTime"]) == (None, None, None, 5)
    assert found["Disk"]["path"] == str(tmp_path)
    assert [error.partition(":")[0] for error in found["Errors"]] == ["Memory", "CPU", "Host"]


@pytest.mark.parametrize("target", ["self", "host", "members", "version"])
def test_pretty(agent: Client, target: str) -> None:
    body = agent.get(f"/v1/agent/{target}?pretty").text
    assert body.startswith(("{\n    ", "[\n    {"))
    assert body.endswith("\n")
