"""/v1/catalog: reads of nodes and services, whatever their health."""

from collections.abc import Sequence
from typing import Any

from registry.api.params import (
    argument,
    elsewhere,
    filter_of,
    json_list,
    node_meta,
)
from registry.api.world import World
from registry.catalog import listing, select, topics
from registry.catalog.entities import Group, Instance, Node
from registry.catalog.filter import NODE, NODE_SERVICE, SERVICE_NODE
from registry.catalog.rows import fold
from registry.http.answer import Result
from registry.http.errors import HttpError
from registry.http.options import parse_consistency
from registry.http.request import Read
from registry.http.routing import ReadRoute
from registry.wire.encode import dumps, pretty

UUID_CHARS = frozenset("0123456789abcdefABCDEF-")


def datacenters(read: Read[World]) -> Result:
    """Answer the names of all datacenters: ours.

    Raises:
        HttpError: 400 for conflicting modes; here Consul goes on after its text and adds the list.
    """
    body = dumps([read.world.datacenter])
    try:
        parse_consistency(read.params)
    except HttpError as error:
        shown = pretty(body) if read.options.pretty else body
        raise HttpError(error.status, error.text + shown.decode()) from None
    return Result(body, ())


def nodes(read: Read[World]) -> Result:
    """Answer all nodes, by name."""
    world = read.world
    test = filter_of(read, NODE)
    found = [] if elsewhere(read) else select.nodes(world.catalog, node_meta(read))
    if test:
        found = [node for node in found if test(world.views.node_dict(node))]
    return Result(json_list([world.views.node(node) for node in found]), (topics.NODES,))


def services(read: Read[World]) -> Result:
    """Answer the names of all services with their tags."""
    world, wanted = read.world, node_meta(read)
    test = filter_of(read, SERVICE_NODE)
    if not wanted and not test:
        return Result(world.catalog.service_list.body(), (topics.SERVICES,))
    found = [instance for node in select.nodes(world.catalog, wanted) for instance in node.instances.values()]
    if test:
        found = [instance for instance in found if test(world.views.service_node_dict(instance))]
    return Result(listing.render(found), (topics.NODES, topics.SERVICES))


def service(read: Read[World]) -> Result:
    """Answer the instances of a service."""
    name = fold(argument(read, "service name"))
    group = read.world.catalog.services.get(name)
    return _instances(read, group, topics.service(name), read.params.get("tag", ()))


def connect(read: Read[World]) -> Result:
    """Answer the Connect proxies and native instances of a service; Consul ignores ``tag`` here."""
    name = fold(argument(read, "service name"))
    return _instances(read, read.world.catalog.connects.get(name), topics.connect(name))


def _instances(read: Read[World], group: Group | None, topic: str, tags: Sequence[str] = ()) -> Result:
    views = read.world.views
    test = filter_of(read, SERVICE_NODE)
    found: list[Instance] = []
    if not elsewhere(read):
        found = select.instances(read.world.catalog, group, tags=tags, node_meta=node_meta(read))
    if test:
        found = [instance for instance in found if test(views.service_node_dict(instance))]
    parts: list[bytes] = []
    for instance in found:
        parts += (b",", *views.service_node_parts(instance))
    return Result(b"".join((b"[", *parts[1:], b"]")), (topic,))


def node(read: Read[World]) -> Result:
    """Answer a node with its services as a map; null when there is no such node."""
    found, seen = node_named(read)
    filter_of(read, NODE_SERVICE)
    if found is None:
        return Result(b"null", seen)
    parts: list[bytes] = []
    # Go's encoder sorts the keys of a map as they are spelled; lists are in the order of the look-up.
    for instance in sorted(_services_on(read, found), key=lambda instance: instance.id):
        parts += (b",", dumps(instance.id), b":", read.world.views.service(instance))
    return Result(
        b"".join((b'{"Node":', read.world.views.node(found), b',"Services":{', *parts[1:], b"}}")), seen
    )


def node_services(read: Read[World]) -> Result:
    """Answer a node with its services as a list: null without services, empty when none fits a filter."""
    found, seen = node_named(read)
    filter_of(read, NODE_SERVICE)
    if found is None:
        return Result(b'{"Node":null,"Services":null}', seen)
    views = read.world.views
    if found.instances or read.first("filter"):
        services = json_list([views.service(instance) for instance in _services_on(read, found)])
    else:
        services = b"null"
    return Result(b"".join((b'{"Node":', views.node(found), b',"Services":', services, b"}")), seen)


def node_named(read: Read[World]) -> tuple[Node | None, tuple[str, ...]]:
    """Return the node that the path names, by name or ID, and the topics this depends on."""
    name = argument(read, "node name")
    if elsewhere(read):
        return None, (topics.node(fold(name)),)
    catalog = read.world.catalog
    found = catalog.node(name)
    key = found.key if found else fold(name)
    if fold(name) == key and (found or not UUID_CHARS.issuperset(name)):
        return found, (topics.node(key),)
    # Which node an ID means can change with any node.
    return found, (topics.node(key), topics.NODES)


def _services_on(read: Read[World], on: Node) -> list[Instance]:
    found = [on.instances[key] for key in sorted(on.instances)]
    test = filter_of(read, NODE_SERVICE)
    return [each for each in found if test(read.world.views.service_dict(each))] if test else found


def gateway_services(read: Read[World]) -> Result:
    """Answer null: gateways have no services bound to them here."""
    argument(read, "gateway name")
    return Result(b"null", (topics.GATEWAYS,))


_READ: dict[str, Any] = {"meta": True, "blocking": True, "effective": True, "cached": True}

ROUTES = (
    ReadRoute(
        path="/v1/catalog/datacenters",
        handler=datacenters,
        summary="Names of the datacenters",
        any_dc=True,
        cached=True,
    ),
    ReadRoute(path="/v1/catalog/nodes", handler=nodes, summary="All nodes", right="node:read", **_READ),
    ReadRoute(
        path="/v1/catalog/services",
        handler=services,
        summary="All service names with their tags",
        right="service:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/catalog/service/",
        handler=service,
        summary="Instances of a service",
        right="service:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/catalog/connect/",
        handler=connect,
        summary="Connect proxies of a service",
        right="service:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/catalog/node/",
        handler=node,
        summary="A node and its services, by service ID",
        right="node:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/catalog/node-services/",
        handler=node_services,
        summary="A node and its services, as a list",
        right="node:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/catalog/gateway-services/",
        handler=gateway_services,
        summary="Services bound to a gateway",
        right="service:read",
        **_READ,
    ),
)
