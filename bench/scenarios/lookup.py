"""Lookups as fast as 64 connections can ask: from the cache, past the cache, and of the list of services."""

import contextlib
from collections.abc import Callable, Iterator

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_least
from bench.population import PER_SERVICE, even
from bench.process import BenchError
from bench.race import Race, race
from bench.servers import Server
from bench.wrk import Blast, blast

TARGET = "/v1/health/service/svc-0000?passing"
CONNECTIONS = 64
SERVICES = 100
WARM_UP_S = 1

Blaster = Callable[[Server, int], Blast]


@contextlib.contextmanager
def field(bench: Bench, target: str, least: int, *, with_consul: bool = True) -> Iterator[list[Server]]:
    """Run the servers on the same instances: the bare server on the registry's answer, the registry, Consul.

    Raises:
        BenchError: an answer does not have at least so many elements.
    """
    members = even(SERVICES)
    with contextlib.ExitStack() as running:
        ours = running.enter_context(bench.registry(members))
        consul = running.enter_context(bench.consul(members)) if with_consul else []
        for server in (ours, *consul):
            found = server.instances(target)
            if found < least:
                raise BenchError(f"{server.name} was to answer {target} with {least} or more, found {found}")
        bare = running.enter_context(bench.bare(ours.get(target)))
        yield [bare, ours, *consul]


def cached(bench: Bench) -> Outcome:
    """Ask for one service over and over."""
    with field(bench, TARGET, PER_SERVICE) as servers:
        expected = {server.name: server.get(TARGET).body for server in servers}

        def load(server: Server, _: int) -> Blast:
            found = blast(server.port, TARGET, connections=CONNECTIONS, seconds=bench.seconds)
            if server.get(TARGET).body != expected[server.name]:
                raise BenchError(f"{server.name} has changed its answer to {TARGET}")
            return found

        result = _race(bench, "cached lookup", servers, load)
    return _outcome(result, goal=0.8)


def uncached(bench: Bench) -> Outcome:
    """Ask for another service with another query string each time."""
    with field(bench, TARGET, PER_SERVICE) as servers:

        def load(server: Server, _: int) -> Blast:
            return blast(
                server.port,
                "/",
                connections=CONNECTIONS,
                seconds=bench.seconds,
                script="unique.lua",
                arguments=("/v1/health/service/svc-", "passing", str(SERVICES)),
            )

        result = _race(bench, "uncached lookup", servers, load)
    return _outcome(result)


def services(bench: Bench) -> Outcome:
    """Ask for the names and tags of all services."""
    target = "/v1/catalog/services"
    with field(bench, target, SERVICES) as servers:

        def load(server: Server, _: int) -> Blast:
            return blast(server.port, target, connections=CONNECTIONS, seconds=bench.seconds)

        result = _race(bench, "list of services", servers, load)
    return _outcome(result)


def _race(bench: Bench, what: str, servers: list[Server], load: Blaster) -> Race:
    for server in servers:
        blast(server.port, TARGET, connections=CONNECTIONS, seconds=WARM_UP_S)
    return race(bench, what, servers, load)


def _outcome(result: Race, goal: float | None = None) -> Outcome:
    figures = []
    for server in result.runs:
        figures.append(Figure(f"{server}: answers", result.median(server, lambda run: run.rate), "/s"))
        figures.append(Figure(f"{server}: median", result.median(server, lambda run: run.p50_ms), "ms"))
    figures += [
        Figure(
            "registry / bare server",
            result.ratio("registry", "bare server", lambda run: run.rate),
            "x",
            at_least(goal) if goal else None,
        ),
        Figure(
            "registry / bare server, by processor time for an answer",
            result.ratio("bare server", "registry", lambda run: run.cpu_us),
            "x",
        ),
    ]
    if "Consul" in result.runs:
        figures.append(
            Figure("registry / Consul", result.ratio("registry", "Consul", lambda run: run.rate), "x")
        )
    return Outcome(figures, result.detail)
