"""New services, each with a check, acknowledged only when they are on disk."""

import os
import time
from statistics import median

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Goal, Outcome, at_least
from bench.load import Call, Closed, Sample, measure
from bench.population import agent_registration
from bench.process import BenchError
from bench.race import Race, race
from bench.servers import Server

CONNECTIONS: tuple[tuple[int, Goal | None, Goal | None], ...] = (
    (1, None, None),
    (16, None, None),
    (64, None, None),
    (256, at_least(6000), at_least(12)),
)
"""How many, and what is wanted of the rate and of its ratio to Consul's."""

LAPS = 3
SYNCS = 200
SYNC_BYTES = 4096
NUMBERS_A_LAP = 1_000_000


def registration(bench: Bench) -> Outcome:
    """Register with the agent over more and more connections."""
    outcome = Outcome([Figure("the disk: a write of 4 KiB and its fdatasync", sync_ms(bench), "ms")])
    rates: dict[str, dict[int, float]] = {}
    chosen = CONNECTIONS[1:] if bench.quick else CONNECTIONS
    with bench.registry() as ours, bench.consul() as consul:
        for place, (connections, goal, of_consul) in enumerate(chosen):
            with outcome.part(f"{connections} connections"):
                result = _race(bench, [ours, *consul], connections, place)
                _tell(outcome, result, connections, goal, of_consul)
                for name, rate in result.rates().items():
                    rates.setdefault(name, {})[connections] = rate
    outcome.charts.append(
        Chart(
            "registration",
            "Durable registrations by connections",
            "a second",
            [str(each[0]) for each in chosen],
            {name: [found.get(each[0]) for each in chosen] for name, found in rates.items()},
            log=True,
        )
    )
    return outcome


def _race(bench: Bench, servers: list[Server], connections: int, place: int) -> Race:
    laps = 1 if bench.quick else LAPS

    def load(server: Server, lap: int) -> Sample:
        first = (place * laps + lap) * NUMBERS_A_LAP
        return _register(server, connections, bench.seconds, first)

    return race(bench, f"registration, {connections} connections", servers, load, laps)


def _tell(
    outcome: Outcome, result: Race, connections: int, goal: Goal | None, of_consul: Goal | None
) -> None:
    for name in result.runs:
        goals = {"rate": goal} if goal and name == "registry" else {}
        outcome.figures += [
            Figure(f"{connections} connections, {each.what}", each.value, each.unit, each.goal)
            for each in result.figures(name, goals)
        ]
    if "Consul" in result.runs:
        # One that manages none at all in a lap counts as one a second.
        ratio = result.ratio("registry", "Consul", lambda run: max(run.rate, 1.0))
        what = f"{connections} connections, registry / Consul"
        outcome.figures.append(Figure(what, ratio, "x", of_consul))
    outcome.detail[f"{connections} connections"] = result.detail


def _register(server: Server, connections: int, seconds: float, first: int) -> Sample:
    """Register for a time, then see whether what was acknowledged is there.

    Raises:
        BenchError: a registration failed or is missing.
    """
    found = measure(Closed(server.port, (Call(agent_registration()),), connections, seconds, first))
    if found.errors:
        raise BenchError(f"{server.name} refused or dropped {found.errors} registrations: {found.error}")
    for number in found.numbers:
        if server.get(f"/v1/agent/service/job-{number:08d}").status != 200:
            raise BenchError(f"{server.name} has acknowledged job-{number:08d} and does not have it")
    return found


def sync_ms(bench: Bench) -> float:
    """Return what the disk takes for the smallest durable write, in milliseconds."""
    taken = []
    with bench.scratch() as folder, (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(SYNC_BYTES))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken) * 1000
