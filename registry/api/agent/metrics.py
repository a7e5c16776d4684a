"""/v1/agent/metrics: what is counted, in Consul's JSON or as Prometheus wants it.

What processes count is declared in `registry.observe.metrics`; what can be seen in the catalog is read
here when it is asked for, so that it is never stale.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from registry.api.check_page import STATUSES
from registry.api.world import World
from registry.catalog.guards import TRIPS_KEY
from registry.catalog.state import Catalog
from registry.http.request import Request, Response
from registry.http.routing import WriteRoute
from registry.store.layout import DataFolder
from registry.wire.encode import dumps, pretty

Known = tuple[str, str, str, dict[tuple[tuple[str, str], ...], float]]
"""A metric: type, name, help, and the value for each set of labels."""


async def metrics(request: Request[World]) -> Response:
    """Answer all metrics; Prometheus's text for ``format=prometheus`` or an Accept header that names it."""
    world = request.world
    known = _known(world)
    # The library is loaded for whoever asks, and reads files; in a thread it lets requests through.
    if _wants_text(request):
        body, kind = await asyncio.to_thread(_text, world, known)
        return Response(body, content_type=kind)
    body = await asyncio.to_thread(_consul, world, known)
    return Response(pretty(body) if "pretty" in request.params else body, content_type=b"application/json")


def _wants_text(request: Request[World]) -> bool:
    accept = request.headers.get(b"accept", b"").replace(b" ", b"").lower()
    named = b"openmetrics" in accept or b"text/plain;version=" in accept
    return request.first("format") == "prometheus" or named


def _text(world: World, known: list[Known]) -> tuple[bytes, bytes]:
    from registry.observe import exposition

    return exposition.text(world.run, known), exposition.TEXT_TYPE.encode()


def _consul(world: World, known: list[Known]) -> bytes:
    from registry.observe import exposition

    now_s = world.now_s()
    moment = datetime.fromtimestamp(int(now_s), UTC)
    shown: dict[str, Any] = {"Timestamp": moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")}
    # Workers come and go; what is counted is counted since the registry was started.
    uptime_s = now_s - DataFolder(world.settings.data_dir).held_since()
    return dumps(shown | exposition.consul(world.run, known, uptime_s))


def _known(world: World) -> list[Known]:
    catalog, facts = world.catalog, world.store.facts()
    active = sum(not guard.row.released for guard in catalog.guards.values())
    return [
        ("gauge", "registry_checks", "Checks by status", _by_status(catalog)),
        ("gauge", "registry_instances", "Service instances", {(): catalog.instance_count}),
        ("gauge", "registry_services", "Names that services have", {(): len(catalog.services)}),
        ("gauge", "registry_nodes", "Nodes", {(): len(catalog.nodes)}),
        ("gauge", "registry_store_bytes", "Bytes of live data in the store", {(): int(facts["bytes_used"])}),
        ("gauge", "registry_store_full", "Whether writes that add are refused", {(): int(facts["full"])}),
        ("gauge", "registry_guards_active", "Guards against mass failures that are on", {(): active}),
        (
            "counter",
            "registry_guard_trips",
            "Times that a guard has begun, kept over restarts",
            {(): int(catalog.meta.get(TRIPS_KEY, b"0"))},
        ),
    ]


def _by_status(catalog: Catalog) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the number of checks by status; those that the catalog's clients made up are one."""
    counts = dict.fromkeys((*STATUSES, "other"), 0)
    known = catalog.statuses.keys()
    for status in known:
        counts[status if status in STATUSES else "other"] += len(catalog.statuses.get(status))
    return {(("status", status),): count for status, count in counts.items()}


ROUTES = (
    WriteRoute(
        path="/v1/agent/metrics",
        handler=metrics,
        method="GET",
        summary="What is counted, as JSON or as Prometheus's text",
        right="agent:read",
    ),
)
