"""What a run of the generator found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.load.histogram import Histogram


@dataclass(frozen=True)
class Sample:
    """Answers and their latencies.

    Attributes:
        seconds: how long the run took.
        kinds: latencies of the right answers by the kind of the call.
        errors: how many answers were not right: another status or body, a lost connection, none at all.
        error: the first of them, in words.
        by_second: right answers in each full second.
        cpu_s: processor time of the generator itself.
        late: how late the generator was in sending although a connection was free; empty where it keeps
            no timetable.
        numbers: the first, a middle and the last number of a request that was answered as it should be.
        trace: where asked for, when each answered request was due (`time.perf_counter`) and its latency,
            both in seconds.
    """

    seconds: float
    kinds: Mapping[str, Histogram]
    errors: int = 0
    error: str = ""
    by_second: tuple[int, ...] = ()
    cpu_s: float = 0.0
    late: Histogram = field(default_factory=Histogram)
    numbers: tuple[int, ...] = ()
    trace: tuple[tuple[float, float], ...] = ()

    @property
    def all(self) -> Histogram:
        """Latencies of all kinds together."""
        return sum(self.kinds.values(), Histogram())

    @property
    def answers(self) -> int:
        """How many came in as they should."""
        return sum(histogram.count for histogram in self.kinds.values())

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.answers / self.seconds

    @property
    def p50_ms(self) -> float:
        """Median latency."""
        return self.all.quantile_ms(0.5)

    @property
    def p99_ms(self) -> float:
        """Latency that one answer in a hundred exceeds."""
        return self.all.quantile_ms(0.99)

    @property
    def worst_second(self) -> float:
        """Answers in the worst full second, as a part of the mean; 0 without a full second."""
        mean = self.answers / self.seconds
        return min(self.by_second) / mean if self.by_second and mean else 0.0

    @property
    def late_p99_ms(self) -> float:
        """How late the generator was in sending, at most, for 99 of 100."""
        return self.late.quantile_ms(0.99)

    @property
    def told(self) -> dict[str, Any]:
        """Everything, for the report."""
        return {
            "answers": self.answers,
            "rate": self.rate,
            "errors": self.errors,
            "error": self.error,
            "seconds": self.seconds,
            "worst_second": self.worst_second,
            "by_second": list(self.by_second),
            "generator_cpu_s": self.cpu_s,
            "generator_late_ms": latencies(self.late),
            "kinds": {
                name: latencies(found) | {"histogram_us": found.coarse()}
                for name, found in self.kinds.items()
            },
        }


def latencies(found: Histogram) -> dict[str, Any]:
    """Return what is told of a histogram; latencies in milliseconds."""
    parts = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {"count": found.count} | {name: found.quantile_ms(part) for name, part in parts.items()}


def per_second(arrivals: Sequence[float], began: float, seconds: float) -> tuple[int, ...]:
    """Count arrivals in each full second; all times in seconds on one clock."""
    counts = [0] * int(seconds)
    for arrived in arrivals:
        if (second := int(arrived - began)) < len(counts):
            counts[second] += 1
    return tuple(counts)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that this part of all values does not exceed, 0.0 for none."""
    if not values:
        return 0.0
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * part), len(ranked) - 1)]
