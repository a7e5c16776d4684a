"""/v1/agent/self, version and members: what the registry says of itself as Consul's agent does.

``Version`` is the Consul release whose API is followed, as tools gate features on it; build metadata
behind the plus sign, which comparisons of versions ignore, names us. Every top-level value of self is an
object: Consul's Go client breaks on anything else.
"""

import asyncio
import os
import platform
import tomllib
from typing import Any

from registry import __version__
from registry.api.agent.check_rows import count_ttl
from registry.api.agent.local import local_checks, local_services, own_key
from registry.api.params import filter_of, json_list
from registry.api.status import RPC_PORT, rpc_address
from registry.api.world import API_VERSION, World
from registry.catalog import topics
from registry.catalog.entities import Check
from registry.catalog.filter.schema import NUMBER, TEXT, MapOf, Schema
from registry.catalog.rows import unpack_node
from registry.config import DECLARED, Settings
from registry.http.answer import Result
from registry.http.errors import HttpError
from registry.http.request import Read, Request, Response
from registry.http.routing import ReadRoute, WriteRoute
from registry.wire.encode import dumps, pretty

BUILD_METADATA = "fr0g-ai-registry"
HUMAN_VERSION = f"{API_VERSION}+{BUILD_METADATA}"
API_DATE = "2025-07-18T00:00:00Z"
"""The date of the Consul release whose API is followed; clients parse it."""

SERF_PORT = 8301
"""Consul's gossip port. Nothing listens on it here."""

_PRIVATE = frozenset(("tls_key",))

_NUMBERS = ("ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur")
MEMBER = Schema(
    {
        "Name": TEXT,
        "Addr": TEXT,
        "Port": NUMBER,
        "Tags": MapOf(TEXT),
        "Status": NUMBER,
        **dict.fromkeys(_NUMBERS, NUMBER),
    }
)
"""An element of ``agent/members``."""

ALIVE = 1


async def self_(request: Request[World]) -> Response:
    """Answer who this is and how it runs; not cached, as it has figures that move."""
    world = request.world
    checks = local_checks(world.own_node)
    # Counting reads every check's row; in a thread it lets requests through meanwhile.
    ttls = await asyncio.to_thread(count_ttl, checks)
    body = dumps(
        {
            "Config": _config(world),
            "DebugConfig": _effective(world.settings),
            "Coord": {"Vec": [0] * 8, "Error": 1.5, "Adjustment": 0, "Height": 0.00001},
            "Member": member(world),
            "Stats": _stats(world, checks, ttls),
            "Meta": _node_meta(world),
        }
    )
    return Response(pretty(body) if "pretty" in request.params else body, content_type=b"application/json")


def _config(world: World) -> dict[str, Any]:
    return {
        "Datacenter": world.datacenter,
        "PrimaryDatacenter": world.datacenter,
        "NodeName": world.settings.node_name,
        "NodeID": _node_id(world),
        "Revision": "",
        "Server": True,
        "Version": HUMAN_VERSION,
        "BuildDate": API_DATE,
        "RegistryVersion": __version__,
    }


def _effective(settings: Settings) -> dict[str, Any]:
    """Return the settings in effect, as one would write them in the file."""
    lines = [
        f"{name} = {setting.kind.show(getattr(settings, name))}"
        for name, setting in DECLARED.items()
        if name not in _PRIVATE
    ]
    return tomllib.loads("\n".join(lines))


def _stats(world: World, checks: list[Check], ttls: int) -> dict[str, dict[str, str]]:
    """Return figures; all are strings, as Consul's are."""
    node, index = world.own_node, str(world.catalog.index)
    return {
        "agent": {
            "check_monitors": "0",
            "check_ttls": str(ttls),
            "checks": str(len(checks)),
            "services": str(len(local_services(node))),
        },
        "build": {
            "prerelease": "",
            "revision": "",
            "version": API_VERSION,
            "version_metadata": BUILD_METADATA,
        },
        "consul": {
            "acl": "disabled",
            "bootstrap": "true",
            "known_datacenters": "1",
            "leader": "true",
            "leader_addr": rpc_address(world),
            "server": "true",
        },
        "raft": {"applied_index": index, "commit_index": index, "num_peers": "0", "state": "Leader"},
        "runtime": {
            "arch": platform.machine(),
            "cpu_count": str(os.cpu_count()),
            "max_procs": str(world.settings.workers),
            "os": platform.system().lower(),
            "version": f"python{platform.python_version()}",
        },
        "serf_lan": {"encrypted": "false", "failed": "0", "left": "0", "members": "1"},
        "store": {name: str(fact).lower() for name, fact in world.store.facts().items()},
    }


def _node_id(world: World) -> str:
    return world.own_node.id if world.own_node else ""


def _node_meta(world: World) -> dict[str, str]:
    return (unpack_node(world.own_node.packed).meta or {}) if world.own_node else {}


def member(world: World) -> dict[str, Any]:
    """Return the one member of the pool: this registry."""
    return {
        "Name": world.settings.node_name,
        "Addr": world.settings.node_address,
        "Port": SERF_PORT,
        "Tags": {
            "acls": "0",
            "bootstrap": "1",
            "build": f"{API_VERSION}:",
            "dc": world.datacenter,
            "ft_fs": "1",
            "ft_si": "1",
            "id": _node_id(world),
            "port": str(RPC_PORT),
            "raft_vsn": "3",
            "role": "consul",
            "segment": "",
            "vsn": "2",
            "vsn_max": "3",
            "vsn_min": "2",
        },
        "Status": ALIVE,
        "ProtocolMin": 1,
        "ProtocolMax": 5,
        "ProtocolCur": 2,
        "DelegateMin": 2,
        "DelegateMax": 5,
        "DelegateCur": 4,
    }


def members(read: Read[World]) -> Result:
    """Answer the members of the pool: this registry alone. There is no WAN pool, which shows as null."""
    segment = read.first("segment")
    if read.first("wan"):
        if segment not in ("", "_all"):
            raise HttpError(400, "Cannot provide a segment with wan=true")
        return Result(b"null", ())
    if segment not in ("", "_all"):
        raise HttpError(500, "Network segments are not supported in this version of Consul")
    test = filter_of(read, MEMBER)
    found = [each for each in (member(read.world),) if test is None or test(each)]
    return Result(json_list([dumps(each) for each in found]), (topics.node(own_key(read.world)),))


def version(_: Read[World]) -> Result:
    """Answer the release."""
    shown = {"SHA": "", "BuildDate": API_DATE, "HumanVersion": HUMAN_VERSION, "FIPS": ""}
    return Result(dumps(shown), ())


ROUTES = (
    WriteRoute(
        path="/v1/agent/self",
        handler=self_,
        method="GET",
        summary="Who this is and how it runs",
        right="agent:read",
    ),
    ReadRoute(path="/v1/agent/version", handler=version, summary="The release", any_dc=True),
    ReadRoute(
        path="/v1/agent/members",
        handler=members,
        summary="Members of the pool",
        right="node:read",
        any_dc=True,
    ),
)
