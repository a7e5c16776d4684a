"""Every route there is."""

from registry.api import agent, catalog, catalog_write, guards, health, internal, plain, status
from registry.http.routing import ReadRoute, WriteRoute

ROUTES: tuple[ReadRoute | WriteRoute, ...] = (
    *agent.ROUTES,
    *catalog.ROUTES,
    *catalog_write.ROUTES,
    *guards.ROUTES,
    *health.ROUTES,
    *internal.ROUTES,
    *plain.ROUTES,
    *status.ROUTES,
)
