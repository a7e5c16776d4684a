"""Cached lookups while services change: others, and the very one that is looked up."""

from functools import partial

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_least
from bench.load import Call, Open, start
from bench.population import PER_SERVICE, changing, even, revising
from bench.process import BenchError
from bench.race import Entry, contest
from bench.scenarios.field import TARGET, checked_blast, field, warm_up
from bench.servers import Server
from bench.wrk import Blast

CHANGES_PER_S = 1000
WRITERS = 32
CHANGING_SERVICES = 100
OF_CALM = 0.7
NUMBERS_A_LAP = 100_000


def churn(bench: Bench) -> Outcome:
    """Look up in peace, beside changes elsewhere, and beside changes of the same service, in turn."""
    elsewhere = tuple(
        Call(changing(f"noisy-{number:04d}", f"node-{number:04d}")) for number in range(CHANGING_SERVICES)
    )
    same = tuple(Call(revising(member)) for member in even(1))
    made: dict[str, list[float]] = {"elsewhere": [], "in the same service": []}
    with field(bench, with_consul=False) as servers:
        (ours,) = (server for server in servers if server.name == "registry")
        warm_up([ours])

        def beside(where: str, calls: tuple[Call, ...], lap: int) -> Blast:
            first = (list(made).index(where) * 50 + lap) * NUMBERS_A_LAP
            job = Open(ours.port, calls, CHANGES_PER_S, min(WRITERS, len(calls)), bench.seconds, first)
            with start(job) as changes:
                found = checked_blast(ours, TARGET, seconds=bench.seconds, holds=b'"ID":"svc-0000-00000009"')
                changed = changes.result()
            if changed.errors:
                raise BenchError(f"of the changes beside, {changed.errors} failed: {changed.error}")
            made[where].append(changed.rate)
            return found

        result = contest(
            bench,
            "lookup beside changes",
            [
                Entry("without changes", ours, partial(_calm, bench, ours)),
                Entry("changes elsewhere", ours, partial(beside, "elsewhere", elsewhere)),
                Entry("changes in the same service", ours, partial(beside, "in the same service", same)),
            ],
        )
        found = ours.get(TARGET).body
        if found.count(b'"revision":') != PER_SERVICE:
            raise BenchError(f"expected {PER_SERVICE} instances with a revision, found {found!r}")
    outcome = Outcome([], result.detail)
    for name in result.runs:
        outcome.figures += result.figures(name)
    outcome.figures += [
        Figure(f"changes {where}, in the worst lap", min(rates), "/s") for where, rates in made.items()
    ]
    for name, goal in (("changes elsewhere", at_least(OF_CALM)), ("changes in the same service", None)):
        ratio = result.ratio(name, "without changes", lambda run: run.rate)
        outcome.figures.append(Figure(f"{name} / without changes", ratio, "x", goal))
    return outcome


def _calm(bench: Bench, server: Server, _: int) -> Blast:
    return checked_blast(server, TARGET, seconds=bench.seconds)
