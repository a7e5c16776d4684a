"""Whether a lookup takes longer, the more is registered: catalogs of different sizes, side by side."""

import contextlib
from functools import partial

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Outcome, at_most
from bench.load import Call, Closed, Sample, get, measure
from bench.population import PER_SERVICE
from bench.process import BenchError, listening_on
from bench.race import Entry, Race, contest
from bench.servers import Server

INSTANCES = (1_000, 10_000, 100_000, 1_000_000)
QUICK_INSTANCES = (1_000, 10_000)
CONNECTIONS = 4
LOOKED_UP = 1000
"""Services that are asked for, spread evenly over the catalog, as far as there are so many."""

WITHIN = 1.2
LAPS, QUICK_LAPS = 4, 2
NUMBERS_A_RUN = 1_000_000
MIB = 2**20


def growth(bench: Bench) -> Outcome:
    """Look up services of ten instances, cached and not, in catalogs of different sizes."""
    chosen = QUICK_INSTANCES if bench.quick else INSTANCES
    outcome = Outcome()
    charted: dict[str, list[float | None]] = {}
    with contextlib.ExitStack() as running:
        servers = {}
        for instances in chosen:
            data_dir = bench.filled(instances)
            last = f"/v1/health/service/{_name(instances // PER_SERVICE - 1)}?passing"
            servers[instances] = running.enter_context(
                bench.registry(data_dir=data_dir, workers=1, ready=(last, PER_SERVICE))
            )
        for instances, server in servers.items():
            _run(bench, server, _calls(instances, fresh=False), 0)  # fills the cache
        for place, what in enumerate(("cached", "uncached")):
            calls = {instances: _calls(instances, fresh=what == "uncached") for instances in chosen}

            def load(instances: int, server: Server, lap: int, place: int = place) -> Sample:
                return _run(bench, server, calls[instances], (place * 20 + lap) * NUMBERS_A_RUN)  # noqa: B023

            entries = [
                Entry(f"{instances:,} instances", server, partial(load, instances, server))
                for instances, server in servers.items()
            ]
            result = contest(bench, f"{what} lookup", entries, QUICK_LAPS if bench.quick else LAPS)
            outcome.detail[what] = result.detail
            outcome.figures += _figures(what, result)
            charted[what] = [result.median(name, lambda run: run.p50_ms) for name in result.runs]
        outcome.figures += _memory(servers)
    places = [f"{instances:,}" for instances in chosen]
    outcome.charts.append(
        Chart("growth", "Median latency by instances registered", "ms", places, charted, lines=True)
    )
    return outcome


def _figures(what: str, result: Race) -> list[Figure]:
    figures = []
    names = list(result.runs)
    for name in names:
        figures += [
            Figure(f"{what}, {name}: p50", result.median(name, lambda run: run.p50_ms), "ms"),
            Figure(f"{what}, {name}: p99", result.median(name, lambda run: run.p99_ms), "ms"),
            Figure(f"{what}, {name}: answers", result.median(name, lambda run: run.rate), "/s"),
        ]
    for name in names[1:]:
        ratio = result.ratio(name, names[0], lambda run: run.p50_ms)
        goal = at_most(WITHIN) if name == names[-1] else None
        figures.append(Figure(f"{what}, p50: {name} / {names[0]}", ratio, "x", goal))
    return figures


def _memory(servers: dict[int, Server]) -> list[Figure]:
    figures = []
    for instances, server in servers.items():
        memory = server.process.memory_bytes()
        (worker,) = listening_on(server.port, list(memory))
        total = sum(server.process.shared_memory_bytes().values())
        figures += [
            Figure(f"{instances:,} instances: memory of the worker", memory[worker] / MIB, "MiB"),
            Figure(f"{instances:,} instances: memory of all processes", total / MIB, "MiB"),
        ]
    return figures


def _calls(instances: int, *, fresh: bool) -> tuple[Call, ...]:
    services = instances // PER_SERVICE
    count = min(services, LOOKED_UP)
    query = "passing&n=@@@@@@@@" if fresh else "passing"
    names = [_name(number * services // count) for number in range(count)]
    return tuple(
        get(f"/v1/health/service/{name}?{query}", holds=f'"Service":"{name}"'.encode()) for name in names
    )


def _name(number: int) -> str:
    return f"svc-{number:04d}"


def _run(bench: Bench, server: Server, calls: tuple[Call, ...], first: int) -> Sample:
    found = measure(Closed(server.port, calls, CONNECTIONS, bench.seconds, first))
    if found.errors:
        raise BenchError(f"{found.errors} lookups failed: {found.error}")
    return found
