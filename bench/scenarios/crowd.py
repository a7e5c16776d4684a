"""Two hundred connections: latency at the top rate, and by the clock at half of it."""

from statistics import median

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Outcome, at_most
from bench.load import Open, Sample, get, measure
from bench.race import Race, race
from bench.scenarios.field import TARGET, checked_blast, field, warm_up
from bench.servers import Server
from bench.wrk import Blast

CONNECTIONS = 200
TOP_GOALS = {"p50": at_most(5), "p99": at_most(10)}
HALF_P99_MS = 5.0
PARTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def crowd(bench: Bench) -> Outcome:
    """Ask as fast as can be, then at half of the registry's rate; the peers at the same rate."""
    with field(bench, with_consul=False) as servers:
        warm_up(servers)
        bodies = {server.name: server.get(TARGET).body for server in servers}

        def top(server: Server, _: int) -> Blast:
            return checked_blast(server, TARGET, connections=CONNECTIONS, seconds=bench.seconds)

        fastest = race(bench, "200 connections", servers, top)
        rate = fastest.median("registry", lambda run: run.rate) / 2

        def half(server: Server, _: int) -> Sample:
            call = get(TARGET, bodies[server.name])
            return measure(Open(server.port, (call,), rate, CONNECTIONS, bench.seconds))

        steady = race(bench, f"{rate:,.0f}/s by the clock", servers, half)
    outcome = Outcome(_figures(fastest, steady, rate), {"top": fastest.detail, "half": steady.detail})
    outcome.charts.append(
        Chart(
            "crowd",
            f"200 connections, {rate:,.0f} requests/s by the clock",
            "ms",
            list(PARTS),
            {
                name: [
                    median([found.all.quantile_ms(part) for found in steady.samples(name)])
                    for part in PARTS.values()
                ]
                for name in steady.runs
            },
            lines=True,
            log=True,
        )
    )
    return outcome


def _figures(fastest: Race, steady: Race, rate: float) -> list[Figure]:
    figures = []
    for name in fastest.runs:
        at_the_top = fastest.figures(name, TOP_GOALS if name == "registry" else None)
        figures += [Figure(f"top rate, {each.what}", each.value, each.unit, each.goal) for each in at_the_top]
    figures.append(Figure("half of the registry's top rate, kept by the clock", rate, "/s"))
    for name in steady.runs:
        figures += open_figures(name, steady, HALF_P99_MS if name == "registry" else None)
    return figures


def open_figures(name: str, result: Race, p99_ms: float | None = None) -> list[Figure]:
    """Return what an open loop found of one; with a p99 to stay below, no errors are a goal, too."""
    samples = result.samples(name)
    with_goal = p99_ms is not None

    def quantile(part: float) -> float:
        return median([each.all.quantile_ms(part) for each in samples])

    return [
        Figure(f"by the clock, {name}: p50", quantile(0.5), "ms"),
        Figure(f"by the clock, {name}: p99", quantile(0.99), "ms", at_most(p99_ms) if p99_ms else None),
        Figure(f"by the clock, {name}: p99.9", quantile(0.999), "ms"),
        Figure(f"by the clock, {name}: max", max(each.all.quantile_ms(1) for each in samples), "ms"),
        Figure(
            f"by the clock, {name}: errors",
            sum(each.errors for each in samples),
            "",
            at_most(0) if with_goal else None,
        ),
        Figure(
            f"by the clock, {name}: worst second against the mean",
            min(each.worst_second for each in samples),
            "x",
        ),
        Figure(
            f"by the clock, {name}: processor time for 1,000 answers",
            result.median(name, lambda run: run.cpu_us) / 1000,
            "s",
        ),
        Figure(
            f"by the clock, {name}: the generator sent late by (p99)",
            median([each.late_p99_ms for each in samples]),
            "ms",
        ),
    ]
