"""Endpoints outside of Consul's API: the root, and the health of the registry itself."""

from datetime import UTC, datetime

from registry import __version__
from registry.api.world import API_VERSION, World
from registry.http.answer import Result
from registry.http.request import Read, Request, Response
from registry.http.routing import ReadRoute, WriteRoute
from registry.wire.encode import dumps

JSON = b"application/json"

WELCOME = f"""fr0g-ai-registry {__version__}, a service registry that speaks Consul's HTTP API {API_VERSION}

  GET  /v1/catalog/services          all services
  GET  /v1/health/service/NAME       instances of a service with their checks; ?passing for healthy ones
  PUT  /v1/agent/service/register    {{"Name": "web", "Port": 8080}}
  GET  /health                       state of the registry itself
"""


def root(_: Read[World]) -> Result:
    """Say what this is."""
    return Result(WELCOME.encode(), (), content_type=b"text/plain; charset=utf-8")


async def health(request: Request[World]) -> Response:
    """Answer the state of the registry: 200 when it can be read and written, 503 when it is full."""
    world = request.world
    facts = world.store.facts()
    full = bool(facts["full"])
    body = {
        "status": "degraded" if full else "healthy",
        "service": "fr0g-ai-registry",
        "version": __version__,
        "timestamp": datetime.fromtimestamp(world.now_s(), UTC).isoformat().replace("+00:00", "Z"),
        "uptime_seconds": round(world.now_s() - world.started_s, 3),
        "services": world.catalog.instance_count,
        "nodes": len(world.catalog.nodes),
        "store": facts,
    }
    return Response(dumps(body), status=503 if full else 200, content_type=JSON)


ROUTES = (
    ReadRoute(path="/", handler=root, summary="What this is", any_dc=True),
    WriteRoute(path="/health", handler=health, method="GET", summary="State of the registry itself"),
)
