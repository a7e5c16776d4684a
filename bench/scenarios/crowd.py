"""Two hundred connections: latency at the top rate, and by the clock at half of it."""

from statistics import median

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_most
from bench.load import Open, Sample, in_own_process
from bench.load.connection import http_request
from bench.population import PER_SERVICE
from bench.race import Race, race
from bench.scenarios.lookup import TARGET, field
from bench.servers import Server
from bench.wrk import Blast, blast

CONNECTIONS = 200
GOAL_MS = 5.0


def crowd(bench: Bench) -> Outcome:
    """Ask as fast as can be, then at half of the registry's rate; the bare server at the same rate."""
    with field(bench, TARGET, PER_SERVICE, with_consul=False) as servers:
        bodies = {server.name: server.get(TARGET).body for server in servers}

        def top(server: Server, _: int) -> Blast:
            return blast(server.port, TARGET, connections=CONNECTIONS, seconds=bench.seconds)

        fastest = race(bench, "200 connections", servers, top)
        rate = fastest.median("registry", lambda run: run.rate) / 2

        def half(server: Server, _: int) -> Sample:
            return in_own_process(
                Open(
                    server.port,
                    http_request("GET", TARGET),
                    rate,
                    CONNECTIONS,
                    bench.seconds,
                    bodies[server.name],
                )
            )

        steady = race(bench, f"{rate:,.0f}/s by the clock", servers, half)
    return Outcome(_figures(fastest, steady, rate), {"top": fastest.detail, "half": steady.detail})


def _figures(fastest: Race, steady: Race, rate: float) -> list[Figure]:
    figures = []
    for server in fastest.runs:
        goal = at_most(GOAL_MS) if server == "registry" else None
        figures += [
            Figure(f"{server}: top rate", fastest.median(server, lambda run: run.rate), "/s"),
            Figure(
                f"{server}: median at the top rate",
                fastest.median(server, lambda run: run.p50_ms),
                "ms",
                goal,
            ),
            Figure(f"{server}: p99 at the top rate", fastest.median(server, lambda run: run.p99_ms), "ms"),
        ]
    figures.append(Figure("half of the registry's top rate, kept by the clock", rate, "/s"))
    for server, runs in steady.runs.items():
        goal = at_most(GOAL_MS) if server == "registry" else None
        samples = [run.found for run in runs if isinstance(run.found, Sample)]
        figures += [
            Figure(f"{server}: median at that rate", median([each.p50_ms for each in samples]), "ms"),
            Figure(f"{server}: p99 at that rate", median([each.p99_ms for each in samples]), "ms", goal),
            Figure(f"{server}: errors", sum([each.errors for each in samples]), "", at_most(0)),
            Figure(
                f"{server}: worst second against the mean",
                min([each.worst_second for each in samples]),
                "x",
            ),
            Figure(
                f"{server}: the generator sent late by (p99)",
                median([each.late_p99_ms for each in samples]),
                "ms",
            ),
            Figure(
                f"{server}: the generator used of a core",
                median([each.cpu_s / each.seconds for each in samples]),
            ),
        ]
    return figures
