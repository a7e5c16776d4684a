"""New services, each with a check, acknowledged only when they are on disk."""

import os
import time
from statistics import median

from bench.bench import Bench
from bench.figures import Figure, Goal, Outcome, at_least
from bench.load import Closed, Sample, in_own_process
from bench.population import agent_registration
from bench.process import BenchError
from bench.race import race
from bench.servers import Server

CONNECTIONS: tuple[tuple[int, Goal | None], ...] = ((1, None), (64, None), (256, at_least(4000)))
SYNCS = 200
SYNC_BYTES = 4096
NUMBERS_A_LAP = 1_000_000


def registration(bench: Bench) -> Outcome:
    """Register with the agent over 1, 64 and 256 connections."""
    sync_ms = _sync_ms(bench)
    outcome = Outcome([Figure("the disk: a write of 4 KiB and its fdatasync", sync_ms, "ms")])
    with bench.registry() as ours, bench.consul() as consul:
        for place, (connections, goal) in enumerate(CONNECTIONS):

            def load(server: Server, lap: int, place: int = place, connections: int = connections) -> Sample:
                first = (place * bench.laps + lap) * NUMBERS_A_LAP
                return _register(server, connections, bench.seconds, first)

            result = race(bench, f"registration, {connections} connections", [ours, *consul], load)
            for server in result.runs:
                wanted = goal if server == ours.name else None
                rate = result.median(server, lambda run: run.rate)
                outcome.figures += [
                    Figure(f"{server}, {connections} connections", rate, "/s", wanted),
                    Figure(f"{server}: p99", result.median(server, lambda run: run.p99_ms), "ms"),
                ]
            if consul:
                # One that manages none at all in a lap counts as one a second.
                ratio = result.ratio(ours.name, consul[0].name, lambda run: max(run.rate, 1.0))
                outcome.figures.append(Figure(f"registry / Consul, {connections} connections", ratio, "x"))
            outcome.detail[f"{connections} connections"] = result.detail
    return outcome


def _register(server: Server, connections: int, seconds: float, first: int) -> Sample:
    """Register for a time, then see whether what was acknowledged is there.

    Raises:
        BenchError: a registration failed or is missing.
    """
    found = in_own_process(Closed(server.port, agent_registration(), connections, seconds, first))
    if found.errors:
        raise BenchError(f"{server.name} refused or dropped {found.errors} registrations")
    for number in found.numbers:
        if server.get(f"/v1/agent/service/job-{number:08d}").status != 200:
            raise BenchError(f"{server.name} has acknowledged job-{number:08d} and does not have it")
    return found


def _sync_ms(bench: Bench) -> float:
    """Return what the disk takes for the smallest durable write, in milliseconds."""
    taken = []
    with bench.scratch() as folder, (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(SYNC_BYTES))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken) * 1000
