"""What is measured and what is wanted of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from subprocess import TimeoutExpired
from typing import Any

from bench.chart import Chart
from bench.process import BenchError


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure must keep; ``least`` says which side is good."""

    bound: float
    least: bool

    def met(self, value: float) -> bool:
        """Say whether a value keeps it."""
        return value >= self.bound if self.least else value <= self.bound


def at_least(bound: float) -> Goal:
    """Return the goal of reaching a value."""
    return Goal(bound, True)


def at_most(bound: float) -> Goal:
    """Return the goal of staying below a value."""
    return Goal(bound, False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One result.

    Attributes:
        what: in words.
        value, unit: the figure; "" for a plain number, "x" for a ratio.
        goal: None where the figure is only told.
    """

    what: str
    value: float
    unit: str = ""
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met, None without one."""
        return self.goal.met(self.value) if self.goal else None


@dataclass(slots=True)
class Outcome:
    """What came of a scenario.

    Attributes:
        figures: the results, in the order to show them.
        detail: everything measured, as JSON values.
        charts: pictures of it.
        failed: why there are no results, or not all, "" if there are.
    """

    figures: list[Figure] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)
    charts: list[Chart] = field(default_factory=list)
    failed: str = ""

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part within this: when it fails that is noted, and the other parts go on."""
        try:
            yield
        except (BenchError, OSError, HTTPException, TimeoutExpired) as error:
            self.failed = "; ".join([*filter(None, [self.failed]), f"{name}: {error}"])
