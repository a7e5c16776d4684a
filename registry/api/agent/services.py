"""/v1/agent/services and service/:id: the services registered through the agent."""

from registry.api.agent.local import local_service, local_services, own_key
from registry.api.agent.views import content_hash, json_map, service_dict, service_member
from registry.api.params import filter_of
from registry.api.world import World
from registry.catalog import topics
from registry.catalog.filter import NODE_SERVICE
from registry.catalog.rows import unpack_service
from registry.http.answer import Result
from registry.http.request import Read
from registry.http.routing import ReadRoute
from registry.wire.encode import dumps

TEXT = b"text/plain; charset=utf-8"


def services(read: Read[World]) -> Result:
    """Answer the agent's services as a map by ID."""
    world = read.world
    test = filter_of(read, NODE_SERVICE)
    found = local_services(world.own_node)
    if test:
        found = [each for each in found if test(service_dict(unpack_service(each.packed), world.datacenter))]
    members = [service_member(instance, world.datacenter) for instance in found]
    return Result(json_map(members), (topics.node(own_key(world)),))


def service(read: Read[World]) -> Result:
    """Answer one of the agent's services with the hash of its definition."""
    world = read.world
    seen = (topics.node(own_key(world)),)
    instance = local_service(world.own_node, read.argument)
    if instance is None:
        text = f"unknown service ID: {read.argument}"
        return Result(text.encode(), seen, status=404, content_type=TEXT)
    row = unpack_service(instance.packed)
    digest = content_hash(row, world.datacenter)
    return Result(
        dumps(service_dict(row, world.datacenter, digest)),
        seen,
        headers=((b"x-consul-contenthash", digest.encode()),),
        digest=digest,
    )


ROUTES = (
    ReadRoute(
        path="/v1/agent/services",
        handler=services,
        summary="Services registered through the agent",
        right="service:read",
        any_dc=True,
    ),
    ReadRoute(
        path="/v1/agent/service/",
        handler=service,
        summary="One of the agent's services; blocks on its content hash",
        right="service:read",
        hashed=True,
        any_dc=True,
    ),
)
