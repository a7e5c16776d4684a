"""Watchers: how soon one in another process is woken, and that they are left in peace."""

import dataclasses
from statistics import median

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_least, at_most
from bench.load import in_own_process
from bench.load.sample import quantile
from bench.load.watch import Crossing, Quiet
from bench.population import changing, even
from bench.servers import Server

WATCHED = "svc-0000"
TARGET = f"/v1/health/service/{WATCHED}?passing"
WATCHERS = 1000
WORKERS = 2
QUIET_SERVICES = 100
WRITERS = 8


def crossing(bench: Bench) -> Outcome:
    """Write through one worker, watch in another."""
    with bench.registry(even(1), workers=WORKERS) as ours:
        pids = tuple(ours.process.pids())
        rounds = 100 if bench.quick else 500
        found = in_own_process(Crossing(ours.port, TARGET, changing(WATCHED), pids, rounds))
    figures = [
        Figure("from sending the change to the answer, median", median(found), "ms", at_most(10)),
        Figure("from sending the change to the answer, p99", quantile(found, 0.99), "ms"),
    ]
    return Outcome(figures, {"rounds": len(found), "max_ms": max(found)})


def quiet(bench: Bench) -> Outcome:
    """Change one service as fast as can be while others are watched."""
    with bench.registry(even(QUIET_SERVICES), workers=WORKERS) as ours:
        found = in_own_process(_quiet(ours, bench.seconds))
    share = WATCHERS // QUIET_SERVICES
    figures = [
        Figure("wake-ups", found.woken, "", at_most(0)),
        Figure("changes elsewhere", found.changes),
        Figure(f"woken by a change of their own, of {share}", found.woken_by_own, "", at_least(share)),
    ]
    return Outcome(figures, dataclasses.asdict(found))


def _quiet(server: Server, seconds: float) -> Quiet:
    return Quiet(
        server.port,
        tuple(f"/v1/health/service/svc-{number:04d}?passing" for number in range(QUIET_SERVICES)),
        changing("noisy", "node-noisy"),
        changing(WATCHED),
        WATCHERS,
        WRITERS,
        seconds,
    )
