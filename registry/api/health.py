"""/v1/health: services with their nodes and checks, and checks by node, service and state."""

from collections.abc import Sequence
from typing import Any

from registry.api.guarded import guarded, topics_of, wants_guard
from registry.api.params import argument, elsewhere, filter_of, json_list, node_meta, passing
from registry.api.world import World
from registry.catalog import select, topics
from registry.catalog.entities import Check, Group, Instance
from registry.catalog.filter import CHECK_SERVICE_NODE, HEALTH_CHECK
from registry.catalog.rows import fold
from registry.http.answer import Result
from registry.http.request import Read
from registry.http.routing import ReadRoute


def service(read: Read[World]) -> Result:
    """Answer the instances of a service with their nodes and checks."""
    name = fold(argument(read, "service name"))
    group = read.world.catalog.services.get(name)
    return _instances(read, group, topics.service(name), tags=read.params.get("tag", ()))


def connect(read: Read[World]) -> Result:
    """Answer the Connect proxies and native instances of a service; Consul ignores ``tag`` here."""
    name = fold(argument(read, "service name"))
    group = read.world.catalog.connects.get(name)
    return _instances(read, group, topics.connect(name), *topics_of(group))


def ingress(read: Read[World]) -> Result:
    """Answer an empty list: no ingress gateway is bound to services here."""
    argument(read, "service name")
    filter_of(read, CHECK_SERVICE_NODE)
    passing(read)
    wants_guard(read)
    return Result(b"[]", (topics.GATEWAYS,))


def _instances(read: Read[World], group: Group | None, *seen: str, tags: Sequence[str] = ()) -> Result:
    test, healthy = filter_of(read, CHECK_SERVICE_NODE), passing(read)
    found: list[Instance] = []
    held, headers = guarded(read, None if elsewhere(read) else group)
    if not elsewhere(read):
        found = select.instances(
            read.world.catalog,
            group,
            tags=tags,
            passing=healthy,
            node_meta=node_meta(read),
            held=held,
        )
    if test:
        found = [instance for instance in found if test(_entry_dict(read.world, instance))]
    entry = read.world.views.health_entry
    parts: list[bytes] = [b"["]
    for instance in found:
        parts += entry(instance)
    if found:
        parts[1] = parts[1][1:]  # every entry brings a comma in front
    parts.append(b"]")
    return Result(b"".join(parts), seen, headers=headers)


def _entry_dict(world: World, instance: Instance) -> dict[str, Any]:
    views, node = world.views, instance.node
    return {
        "Node": views.node_dict(node),
        "Service": views.service_dict(instance),
        "Checks": [views.check_dict(check) for check in (*node.level_checks, *instance.checks)],
    }


def node(read: Read[World]) -> Result:
    """Answer all checks of a node, its services' included; here Consul knows nodes by name alone."""
    key = fold(argument(read, "node name"))
    found = read.world.catalog.nodes.get(key)
    checks = list(found.checks.values()) if found else []
    return _checks(read, select.in_order(read.world.catalog, checks), topics.node_checks(key))


def checks(read: Read[World]) -> Result:
    """Answer the checks bound to a service."""
    name = argument(read, "service name")
    found = select.checks_of_service(read.world.catalog, name, node_meta(read))
    return _checks(read, found, topics.service(fold(name)))


def state(read: Read[World]) -> Result:
    """Answer the checks in a state, "any" for all."""
    wanted = argument(read, "check state")
    found = select.checks_with_status(read.world.catalog, wanted, node_meta(read))
    nodes = (topics.NODES,) if "node-meta" in read.params else ()
    return _checks(read, found, topics.CHECKS, *nodes)


def _checks(read: Read[World], found: list[Check], *seen: str) -> Result:
    test = filter_of(read, HEALTH_CHECK)
    views = read.world.views
    if elsewhere(read):
        found = []
    if test:
        found = [check for check in found if test(views.check_dict(check))]
    return Result(json_list([views.check(check) for check in found]), seen)


_READ: dict[str, Any] = {"meta": True, "blocking": True, "effective": True}

ROUTES = (
    ReadRoute(
        path="/v1/health/node/",
        handler=node,
        summary="Checks of a node",
        right="node:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/health/checks/",
        handler=checks,
        summary="Checks of a service",
        right="service:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/health/state/",
        handler=state,
        summary="Checks in a state",
        right="node:read",
        **_READ,
    ),
    ReadRoute(
        path="/v1/health/service/",
        handler=service,
        summary="Instances of a service with nodes and checks",
        right="service:read",
        cached=True,
        **_READ,
    ),
    ReadRoute(
        path="/v1/health/connect/",
        handler=connect,
        summary="Connect proxies of a service with nodes and checks",
        right="service:read",
        cached=True,
        **_READ,
    ),
    ReadRoute(
        path="/v1/health/ingress/",
        handler=ingress,
        summary="Ingress gateways of a service",
        right="service:read",
        cached=True,
        **_READ,
    ),
)
