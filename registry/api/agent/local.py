"""What belongs to the agent: the services and checks on the own node that came through it.

The agent's look-ups are by exact spelling, where the catalog ignores case.
"""

from registry.api.world import World
from registry.catalog.entities import Check, Instance, Node
from registry.catalog.rows import fold
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.http.errors import HttpError

RESERVED_SERVICE, RESERVED_CHECK = "consul", "serfHealth"
"""What the registry itself registers on its node."""


def own_key(world: World) -> str:
    """Return the folded name of the own node."""
    return fold(world.settings.node_name)


def own_node(catalog: Catalog, settings: Settings) -> Node:
    """Return the node that the agent's services are on.

    Raises:
        HttpError: 500 in the moment between its removal and its return.
    """
    node = catalog.nodes.get(fold(settings.node_name))
    if node is None:
        raise HttpError(
            500,
            f"the registry's own node {settings.node_name!r} is being registered again; repeat the request",
        )
    return node


def local_services(node: Node | None) -> list[Instance]:
    """Return the agent's services by ID."""
    found = [instance for instance in node.instances.values() if instance.local] if node else []
    return sorted(found, key=lambda instance: instance.id)


def local_checks(node: Node | None) -> list[Check]:
    """Return the agent's checks by ID."""
    found = [check for check in node.checks.values() if check.local] if node else []
    return sorted(found, key=lambda check: check.id)


def local_service(node: Node | None, service_id: str) -> Instance | None:
    """Return the agent's service with this ID, spelled exactly so."""
    found = node.instances.get(fold(service_id)) if node else None
    return found if found and found.local and found.id == service_id else None


def local_check(node: Node | None, check_id: str) -> Check | None:
    """Return the agent's check with this ID, spelled exactly so."""
    found = node.checks.get(fold(check_id)) if node else None
    return found if found and found.local and found.id == check_id else None


def require_service(node: Node, service_id: str) -> Instance:
    """Return the agent's service with this ID.

    Raises:
        HttpError: 404 with Consul's text.
    """
    found = local_service(node, service_id)
    if found is None:
        raise HttpError(
            404,
            f'Unknown service ID "{service_id}". Ensure that the service ID is passed, not the service name.',
        )
    return found


def require_check(node: Node, check_id: str) -> Check:
    """Return the agent's check with this ID.

    Raises:
        HttpError: 404 with Consul's text, which clients that register again on it match.
    """
    found = local_check(node, check_id)
    if found is None:
        raise HttpError(
            404, f'Unknown check ID "{check_id}". Ensure that the check ID is passed, not the check name.'
        )
    return found
