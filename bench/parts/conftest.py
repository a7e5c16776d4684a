"""Timing a part beside a reference piece of work, so that results are ratios and machines don't matter."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.parts.reference import interpret, sync
from bench.parts.world import Surroundings

ROUNDS = 30
REFERENCE_S = 0.02
"""How long the reference is timed, before and after the part."""

RATIO, REFERENCE, ON_DISK = "ratio", "reference_us", "on_disk"

Reference = Callable[[], object]


class Timed:
    """Times a part and its reference, one after the other and again.

    What counts is the fastest of many: everything else is what the machine did besides.
    """

    def __init__(self, benchmark: BenchmarkFixture, reference: Reference, *, on_disk: bool = False) -> None:
        self._benchmark = benchmark
        self._on_disk = on_disk
        self._reference = reference

    def __call__(self, part: Callable[[], object]) -> None:
        """Time something that can be repeated as it is."""
        fastest = self._time_reference()
        self._benchmark(part)
        self._note(min(fastest, self._time_reference()))

    def each(self, part: Callable[..., object], prepare: Callable[[], Any], rounds: int = ROUNDS) -> None:
        """Time something that needs new arguments each time: ``part(*prepare())``."""
        fastest = self._time_reference()
        pedantic: Callable[..., object] = self._benchmark.pedantic
        pedantic(part, setup=lambda: (prepare(), {}), rounds=rounds, warmup_rounds=1)
        self._note(min(fastest, self._time_reference()))

    def _time_reference(self) -> float:
        taken = []
        end = time.perf_counter() + REFERENCE_S
        while (began := time.perf_counter()) < end:
            self._reference()
            taken.append(time.perf_counter() - began)
        return min(taken)

    def _note(self, reference_s: float) -> None:
        stats = self._benchmark.stats
        if stats is None:  # --benchmark-disable: the part has been run once, untimed
            return
        self._benchmark.extra_info[REFERENCE] = reference_s * 1e6
        self._benchmark.extra_info[ON_DISK] = self._on_disk
        self._benchmark.extra_info[RATIO] = stats.stats.min / reference_s


@pytest.fixture
def timed(benchmark: BenchmarkFixture) -> Timed:
    """Times work in memory."""
    return Timed(benchmark, interpret)


@pytest.fixture
def timed_on_disk(benchmark: BenchmarkFixture, tmp_path: Path) -> Iterator[Timed]:
    """Times work that ends on the disk."""
    file = os.open(tmp_path / "sync", os.O_RDWR | os.O_CREAT)
    yield Timed(benchmark, lambda: sync(file), on_disk=True)
    os.close(file)


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[Surroundings]:
    """A store, a replica and the application on it, without a server."""
    made = Surroundings(tmp_path)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the ratios."""
    session = getattr(config, "_benchmarksession", None)
    rows = [
        (bench.name, bench.stats.min * 1e6, bench.extra_info[RATIO])
        for bench in (session.benchmarks if session else [])
        if RATIO in bench.extra_info
    ]
    if rows:
        terminalreporter.section("fastest time, and as a multiple of its reference piece of work")
        width = max(len(name) for name, _, _ in rows)
        for name, microseconds, ratio in rows:
            terminalreporter.write_line(f"{name:{width}}  {microseconds:12,.2f} us  {ratio:10.3f} x")
