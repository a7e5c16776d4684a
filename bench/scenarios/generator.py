"""Is the generator the bottleneck? Its own top rate beside others', and how late it sends by the clock."""

from collections.abc import Callable

from bench import h2load
from bench.bench import Bench
from bench.figures import Figure, Outcome, at_least, at_most
from bench.load import Closed, Open, Sample, get, in_own_process
from bench.load.native import NativeRun, native
from bench.population import PER_SERVICE, even
from bench.race import Race, race
from bench.scenarios.field import CONNECTIONS, TARGET
from bench.servers import Server
from bench.wrk import Blast, blast

RATES = (10_000, 20_000)
OPEN_CONNECTIONS = 200
LATE_P99_MS = 1.0
OF_WRK = 0.9
LAPS = 2


def generator(bench: Bench) -> Outcome:
    """Measure nginx, or else the bare server, with all generators."""
    with bench.registry(even(1)) as ours:
        assert ours.instances(TARGET) == PER_SERVICE
        like = ours.get(TARGET)
    with bench.nginx(like) as nginx, bench.bare(like) as bare:
        (server,) = nginx or [bare]
        call = get(TARGET, like.body)
        laps = 1 if bench.quick else LAPS

        def by_wrk(server: Server, _: int) -> Blast:
            return blast(server.port, TARGET, connections=CONNECTIONS, seconds=bench.seconds)

        def by_c(server: Server, _: int) -> Sample:
            return _native(Closed(server.port, (call,), CONNECTIONS, bench.seconds))

        def by_python(server: Server, _: int) -> Sample:
            return in_own_process(Closed(server.port, (call,), CONNECTIONS, bench.seconds))

        ways: dict[str, Callable[[Server, int], Blast | Sample]] = {
            "wrk": by_wrk,
            "our generator in Python": by_python,
        }
        if native() is not None:
            ways["our generator in C"] = by_c
        closed = {
            name: race(bench, f"{server.name} by {name}", [server], way, laps) for name, way in ways.items()
        }
        outcome = Outcome(detail={name: result.detail for name, result in closed.items()})
        rates = {name: result.median(server.name, lambda run: run.rate) for name, result in closed.items()}
        outcome.figures = [
            Figure(f"{server.name} asked by {name}", rate, "/s") for name, rate in rates.items()
        ]
        if h2load.installed():
            rate = h2load.rate(server.port, TARGET, connections=CONNECTIONS, seconds=bench.seconds)
            outcome.figures.append(Figure(f"{server.name} asked by h2load", rate, "/s"))
        if native() is not None:
            ratio = rates["our generator in C"] / rates["wrk"]
            outcome.figures.append(Figure("our generator in C / wrk", ratio, "x", at_least(OF_WRK)))
        for name, result in closed.items():
            outcome.figures.append(_cost(name, server, result))
        for rate in RATES[:1] if bench.quick else RATES:
            job = Open(server.port, (call,), rate, OPEN_CONNECTIONS, bench.seconds)
            outcome.figures += _open(bench, job, outcome)
    return outcome


def _native(job: Closed | Open) -> Sample:
    with NativeRun(job) as running:
        return running.result()


def _cost(name: str, server: Server, result: Race) -> Figure:
    cost = max(
        (found.cpu_s if isinstance(found := run.found, Sample) else found.generator_cpu_s) / found.answers
        for run in result.runs[server.name]
    )
    return Figure(f"{name}: processor time for a request", cost * 1e6, "us")


def _open(bench: Bench, job: Open, outcome: Outcome) -> list[Figure]:
    """Return how late each of our generators sends at a rate."""
    found = {"Python": in_own_process(job)}
    if native() is not None:
        found["C"] = _native(job)
    figures = []
    for name, each in found.items():
        outcome.detail[f"{job}, by {name}"] = each.told
        bench.say(
            f"{job}, by {name}: late by {each.late_p99_ms:.2f} ms (p99), answers p99 {each.p99_ms:.2f} ms"
        )
        goal = at_most(LATE_P99_MS) if name == "C" else None
        what = f"{job.rate:,.0f}/s by the clock, in {name}"
        figures += [
            Figure(f"{what}: sent late by (p50)", each.late.quantile_ms(0.5), "ms"),
            Figure(f"{what}: sent late by (p99)", each.late_p99_ms, "ms", goal),
            Figure(f"{what}: answers' p99", each.p99_ms, "ms"),
            Figure(f"{what}: used of a core", each.cpu_s / each.seconds),
        ]
    return figures
