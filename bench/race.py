"""Measuring servers in turn, so that what the machine does meanwhile hits all of them.

Ratios are taken within a lap, between runs that stand next to each other, and the median of the laps is
the result.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.bench import Bench
from bench.figures import Figure, Goal
from bench.load import Sample
from bench.servers import Server
from bench.wrk import Blast

CALM_WITHIN_S, CALM_OVER_S, CALM_CORES = 10.0, 0.2, 0.1
"""How long a run waits for the other servers to become calm, and what is calm: of a core, over how long."""


@dataclass(frozen=True)
class Run:
    """One run against one server.

    Attributes:
        found: what the generator saw.
        cpu_us: processor time of the server for each answer, in microseconds.
    """

    found: Blast | Sample
    cpu_us: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.found.rate

    @property
    def p50_ms(self) -> float:
        """Median latency."""
        return self.found.p50_ms

    @property
    def p99_ms(self) -> float:
        """Latency that one answer in a hundred exceeds."""
        return self.found.p99_ms

    @property
    def told(self) -> dict[str, Any]:
        """Everything, for the report."""
        return self.found.told | {"server_cpu_us": self.cpu_us}


@dataclass(frozen=True)
class Entry:
    """One that takes part.

    Attributes:
        name: what it is called in results.
        server: whose processor time is counted.
        load: measures it in one lap; the first is lap 0.
    """

    name: str
    server: Server
    load: Callable[[int], Blast | Sample]


class Race:
    """The runs of all that take part, lap by lap.

    Attributes:
        runs: by name.
        memory: bytes of each process of each server in the end (PSS), by the server's name.
    """

    def __init__(self) -> None:
        self.runs: dict[str, list[Run]] = {}
        self.memory: dict[str, dict[str, int]] = {}

    def median(self, name: str, value: Callable[[Run], float]) -> float:
        """Return the median of a value over the laps of one."""
        return median([value(run) for run in self.runs[name]])

    def ratio(self, name: str, other: str, value: Callable[[Run], float]) -> float:
        """Return the median of the laps' ratios of a value between two."""
        pairs = zip(self.runs[name], self.runs[other], strict=True)
        return median([value(mine) / value(theirs) for mine, theirs in pairs])

    def samples(self, name: str) -> list[Sample]:
        """Return what our generator found in the laps of one."""
        return [run.found for run in self.runs[name] if isinstance(run.found, Sample)]

    def rates(self) -> dict[str, float]:
        """Return the median rate of each."""
        return {name: self.median(name, _rate) for name in self.runs}

    def figures(self, name: str, goals: Mapping[str, Goal] | None = None) -> list[Figure]:
        """Return the usual figures of one; goals are named ``rate``, ``p50`` and ``p99``."""
        goals = goals or {}
        return [
            Figure(f"{name}: answers", self.median(name, _rate), "/s", goals.get("rate")),
            Figure(f"{name}: p50", self.median(name, lambda run: run.p50_ms), "ms", goals.get("p50")),
            Figure(f"{name}: p99", self.median(name, lambda run: run.p99_ms), "ms", goals.get("p99")),
            Figure(
                f"{name}: processor time for 1,000 answers",
                self.median(name, lambda run: run.cpu_us) / 1000,
                "s",
            ),
        ]

    def against(self, name: str, other: str, goal: Goal | None = None) -> list[Figure]:
        """Return the ratio of two rates, and of what an answer costs them; nothing without the other."""
        if other not in self.runs:
            return []
        return [
            Figure(f"{name} / {other}", self.ratio(name, other, _rate), "x", goal),
            Figure(
                f"{name} / {other}, by processor time for an answer",
                self.ratio(other, name, lambda run: run.cpu_us),
                "x",
            ),
        ]

    def memory_figures(self) -> list[Figure]:
        """Return what all processes of each server take together."""
        return [
            Figure(f"{server}: memory of its {len(each)} processes", sum(each.values()) / 2**20, "MiB")
            for server, each in self.memory.items()
        ]

    @property
    def detail(self) -> dict[str, Any]:
        """All runs, for the report."""
        found: dict[str, Any] = {name: [run.told for run in runs] for name, runs in self.runs.items()}
        return found | {"memory_bytes": self.memory}


def race(
    bench: Bench,
    what: str,
    servers: Sequence[Server],
    load: Callable[[Server, int], Blast | Sample],
    laps: int = 0,
) -> Race:
    """Put ``load(server, lap)`` on each server in turn, in another order each lap."""
    entries = [Entry(server.name, server, functools.partial(load, server)) for server in servers]
    return contest(bench, what, entries, laps)


def contest(bench: Bench, what: str, entries: Sequence[Entry], laps: int = 0) -> Race:
    """Measure each in turn, in another order each lap, for as many laps as usual if none are given."""
    result = Race()
    laps = laps or bench.laps
    for lap in range(laps):
        turn = lap % len(entries)
        for entry in (*entries[turn:], *entries[:turn]):
            _await_calm([other.server for other in entries if other.server is not entry.server])
            before = entry.server.process.cpu_s()
            found = entry.load(lap)
            cpu_us = (entry.server.process.cpu_s() - before) / max(found.answers, 1) * 1e6
            run = Run(found, cpu_us)
            result.runs.setdefault(entry.name, []).append(run)
            bench.say(
                f"{what}, lap {lap + 1} of {laps}, {entry.name}: {run.rate:,.0f}/s, "
                f"p50 {run.p50_ms:.2f} ms, p99 {run.p99_ms:.2f} ms"
            )
    result.memory = {entry.server.name: entry.server.process.shared_memory_bytes() for entry in entries}
    # In the order of the entries, whoever came first in the last lap.
    result.runs = {entry.name: result.runs[entry.name] for entry in entries}
    return result


def _await_calm(servers: Sequence[Server]) -> None:
    """Wait until the other servers have nothing to do: one may still be at what it was asked before.

    Consul works on for seconds after 256 connections have stopped registering.
    """
    give_up = time.monotonic() + CALM_WITHIN_S
    while servers and time.monotonic() < give_up:
        before = sum(server.process.cpu_s() for server in servers)
        time.sleep(CALM_OVER_S)
        if sum(server.process.cpu_s() for server in servers) - before <= CALM_CORES * CALM_OVER_S:
            return


def _rate(run: Run) -> float:
    return run.rate
