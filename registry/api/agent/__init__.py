"""/v1/agent: the services and checks of the own node, and the registry as an agent.

The agent is the own node. What is registered here is marked as local in the catalog's rows, and only that
is shown here, as Consul's agent shows its own state and not the catalog.
"""

from registry.api.agent import (
    about,
    check_register,
    checks,
    health,
    host,
    lifecycle,
    maintenance,
    metrics,
    register,
    services,
    ttl,
)
from registry.http.routing import ReadRoute, WriteRoute

ROUTES: tuple[ReadRoute | WriteRoute, ...] = (
    *about.ROUTES,
    *host.ROUTES,
    *services.ROUTES,
    *register.ROUTES,
    *maintenance.ROUTES,
    *checks.ROUTES,
    *check_register.ROUTES,
    *ttl.ROUTES,
    *health.ROUTES,
    *lifecycle.ROUTES,
    *metrics.ROUTES,
)
