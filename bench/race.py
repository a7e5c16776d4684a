"""Measuring servers in turn, so that what the machine does meanwhile hits all of them.

Ratios are taken within a lap, between runs that stand next to each other, and the median of the laps is
the result.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.bench import Bench
from bench.load import Sample
from bench.servers import Server
from bench.wrk import Blast


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
        return dataclasses.asdict(self.found) | {"rate": self.rate, "server_cpu_us": self.cpu_us}


class Race:
    """The runs of all servers, lap by lap."""

    def __init__(self) -> None:
        self.runs: dict[str, list[Run]] = {}

    def median(self, server: str, value: Callable[[Run], float]) -> float:
        """Return the median of a value over a server's laps."""
        return median([value(run) for run in self.runs[server]])

    def ratio(self, server: str, other: str, value: Callable[[Run], float]) -> float:
        """Return the median of the laps' ratios of a value between two servers."""
        pairs = zip(self.runs[server], self.runs[other], strict=True)
        return median([value(mine) / value(theirs) for mine, theirs in pairs])

    @property
    def detail(self) -> dict[str, Any]:
        """All runs, for the report."""
        return {server: [run.told for run in runs] for server, runs in self.runs.items()}


def race(
    bench: Bench, what: str, servers: Sequence[Server], load: Callable[[Server, int], Blast | Sample]
) -> Race:
    """Put ``load(server, lap)`` on each server in turn, in another order each lap."""
    result = Race()
    for lap in range(bench.laps):
        turn = lap % len(servers)
        for server in (*servers[turn:], *servers[:turn]):
            before = server.process.cpu_s()
            found = load(server, lap)
            cpu_us = (server.process.cpu_s() - before) / max(found.answers, 1) * 1e6
            result.runs.setdefault(server.name, []).append(Run(found, cpu_us))
            bench.say(
                f"{what}, lap {lap + 1} of {bench.laps}, {server.name}: {found.rate:,.0f}/s, "
                f"p50 {found.p50_ms:.2f} ms, p99 {found.p99_ms:.2f} ms"
            )
    return result
