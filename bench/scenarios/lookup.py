"""Lookups as fast as 64 connections can ask: from the cache and past the cache."""

from functools import partial

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Outcome, at_least
from bench.load import Open, get, measure
from bench.process import BenchError
from bench.race import Entry, contest, race
from bench.scenarios.field import TARGET, checked_blast, field, unique_blast, warm_up
from bench.servers import Server
from bench.wrk import Blast

OF_BARE, OF_CONSUL, UNCACHED_OF_CACHED = 0.9, 5.0, 0.5
CHECKED_MISSES = 200


def cached(bench: Bench) -> Outcome:
    """Ask for one service over and over."""
    with field(bench) as servers:
        warm_up(servers)

        def load(server: Server, _: int) -> Blast:
            return checked_blast(server, TARGET, seconds=bench.seconds)

        result = race(bench, "cached lookup", servers, load)
    outcome = Outcome([], result.detail)
    for name in result.runs:
        outcome.figures += result.figures(name)
    outcome.figures += result.against("registry", "bare server", at_least(OF_BARE))
    outcome.figures += result.against("registry", "nginx")
    outcome.figures += result.against("registry", "Consul", at_least(OF_CONSUL))
    outcome.figures += result.memory_figures()
    rates = result.rates()
    chart = Chart(
        "lookup", "Cached lookup, 64 connections", "answers/s", list(rates), {"": [*rates.values()]}
    )
    outcome.charts.append(chart)
    return outcome


def uncached(bench: Bench) -> Outcome:
    """Ask for another service with another query string each time; beside it, for one over and over."""
    with field(bench) as servers:
        peers = [server for server in servers if server.name in ("registry", "Consul")]
        warm_up(peers)
        entries = []
        for server in peers:
            _compare_misses(server)
            entries += [
                Entry(f"{server.name}, cached", server, partial(_cached, bench, server)),
                Entry(f"{server.name}, uncached", server, partial(_uncached, bench, server)),
            ]
        # Consul has no cache of answers to compare with.
        entries = [entry for entry in entries if entry.name != "Consul, cached"]
        result = contest(bench, "lookup", entries)
    outcome = Outcome([], result.detail)
    for name in result.runs:
        outcome.figures += result.figures(name)
    goal = at_least(UNCACHED_OF_CACHED)
    outcome.figures += result.against("registry, uncached", "registry, cached", goal)
    outcome.figures += result.against("registry, uncached", "Consul, uncached")
    return outcome


def _cached(bench: Bench, server: Server, _: int) -> Blast:
    return checked_blast(server, TARGET, seconds=bench.seconds)


def _uncached(bench: Bench, server: Server, _: int) -> Blast:
    return unique_blast(bench, server)


def _compare_misses(server: Server) -> None:
    """See that an answer under a query string never seen before is the answer under the plain one."""
    call = get(f"{TARGET}&m=@@@@@@@@", server.get(TARGET).body)
    found = measure(Open(server.port, (call,), CHECKED_MISSES, 8, 1))
    if found.errors:
        raise BenchError(f"{server.name}: {found.error}")
