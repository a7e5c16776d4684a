"""/v1/status and /v1/coordinate: what a single server says of its cluster."""

from registry.api.world import World
from registry.catalog import topics
from registry.http.answer import Result
from registry.http.request import Read
from registry.http.routing import ReadRoute
from registry.wire.encode import dumps

RPC_PORT = 8300
"""Consul's server port. Nothing listens on it here; clients only look whether the text is empty."""


def rpc_address(world: World) -> str:
    """Return the address that Consul's clients take for the leader's."""
    host = world.settings.node_address
    return f"[{host}]:{RPC_PORT}" if ":" in host else f"{host}:{RPC_PORT}"


def leader(read: Read[World]) -> Result:
    """Answer the leader's address: there is one server, and it leads."""
    return Result(dumps(rpc_address(read.world)), ())


def peers(read: Read[World]) -> Result:
    """Answer the addresses of all servers."""
    return Result(dumps([rpc_address(read.world)]), ())


def coordinate_datacenters(read: Read[World]) -> Result:
    """Answer no coordinates: they are not kept, and there is no WAN pool."""
    return Result(b"[]", ())


def coordinate_nodes(read: Read[World]) -> Result:
    """Answer no coordinates, with an index that stands still."""
    return Result(b"[]", (topics.COORDINATES,))


def coordinate_node(_: Read[World]) -> Result:
    """Answer 404 with an empty body, as Consul does for a node without coordinates, or without a name."""
    return Result(b"", (), status=404, content_type=b"")


ROUTES = (
    ReadRoute(
        path="/v1/status/leader", handler=leader, summary="Address of the leading server", checked=True
    ),
    ReadRoute(path="/v1/status/peers", handler=peers, summary="Addresses of all servers", checked=True),
    ReadRoute(
        path="/v1/coordinate/datacenters",
        handler=coordinate_datacenters,
        summary="Network coordinates of servers in the WAN pool",
        any_dc=True,
    ),
    ReadRoute(
        path="/v1/coordinate/nodes",
        handler=coordinate_nodes,
        summary="Network coordinates of nodes",
        right="node:read",
        meta=True,
        blocking=True,
    ),
    ReadRoute(
        path="/v1/coordinate/node/",
        handler=coordinate_node,
        summary="Network coordinates of one node",
        right="node:read",
        checked=True,
    ),
)
