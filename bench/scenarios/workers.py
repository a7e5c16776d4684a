"""What more workers give and cost."""

import contextlib
from collections.abc import Callable
from functools import partial

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Outcome
from bench.load import Call, Closed, Sample, measure
from bench.population import agent_registration, even
from bench.process import BenchError
from bench.race import Entry, contest
from bench.scenarios.field import CONNECTIONS, SERVICES, TARGET, checked_blast, unique_blast, warm_up
from bench.servers import Server
from bench.wrk import Blast

COUNTS = (1, 2, 4)
LAPS = 3


def workers(bench: Bench) -> Outcome:
    """Look up, cached and not, and register with each number of workers, in turn."""
    with contextlib.ExitStack() as running:
        servers = {
            count: running.enter_context(bench.registry(even(SERVICES), workers=count)) for count in COUNTS
        }
        warm_up(list(servers.values()))
        ways: dict[str, Callable[[Bench, Server, int], Blast | Sample]] = {
            "cached lookup": _cached,
            "uncached lookup": _uncached,
            "registration": _register,
        }
        outcome = Outcome()
        rates: dict[str, list[float | None]] = {}
        for what, way in ways.items():
            entries = [
                Entry(_named(count), server, partial(way, bench, server)) for count, server in servers.items()
            ]
            result = contest(bench, what, entries, LAPS)
            outcome.detail[what] = result.detail
            for name in result.runs:
                outcome.figures += [
                    Figure(f"{what}, {each.what}", each.value, each.unit) for each in result.figures(name)
                ]
            rates[what] = list(result.rates().values())
        for count, server in servers.items():
            total = sum(server.process.shared_memory_bytes().values())
            outcome.figures.append(Figure(f"{_named(count)}: memory in all", total / 2**20, "MiB"))
    places = [_named(count) for count in COUNTS]
    outcome.charts.append(Chart("workers", "By the number of workers", "a second", places, dict(rates)))
    return outcome


def _named(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"


def _cached(bench: Bench, server: Server, _: int) -> Blast:
    return checked_blast(server, TARGET, seconds=bench.seconds)


def _uncached(bench: Bench, server: Server, _: int) -> Blast:
    return unique_blast(bench, server)


def _register(bench: Bench, server: Server, lap: int) -> Sample:
    call = Call(agent_registration())
    found = measure(Closed(server.port, (call,), CONNECTIONS, bench.seconds, lap * 1_000_000))
    if found.errors:
        raise BenchError(f"{found.errors} registrations failed: {found.error}")
    return found
