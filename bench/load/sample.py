"""What a run of the generator found."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Answers and their latencies.

    Attributes:
        answers: how many came in as they should.
        errors: how many did not: another status or body, a lost connection, none at all.
        seconds: how long the run took.
        p50_ms, p90_ms, p99_ms, p999_ms, max_ms: latencies.
        worst_second: answers in the worst full second, as a part of the mean.
        cpu_s: processor time of the generator itself.
        late_p99_ms: how late the generator was in sending, 0 where it keeps no timetable.
        numbers: the first, the middle and the last numbered request that was answered as it should be.
    """

    answers: int
    errors: int
    seconds: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    worst_second: float
    cpu_s: float
    late_p99_ms: float = 0.0
    numbers: tuple[int, ...] = ()

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def sample(
    arrivals: Sequence[float],
    latencies: Sequence[float],
    *,
    errors: int,
    began: float,
    seconds: float,
    cpu_s: float,
    late: Sequence[float] = (),
    numbers: Sequence[int] = (),
) -> Sample:
    """Sum a run up; all times are in seconds, ``arrivals`` and ``began`` on one clock."""
    ranked = sorted(latencies)
    full = int(seconds)
    by_second = [0] * (full + 1)
    for arrived in arrivals:
        by_second[min(int(arrived - began), full)] += 1
    mean = len(arrivals) / seconds
    worst = min(by_second[:full]) / mean if full and mean else 0.0
    return Sample(
        answers=len(ranked),
        errors=errors,
        seconds=seconds,
        p50_ms=quantile(ranked, 0.5) * 1000,
        p90_ms=quantile(ranked, 0.9) * 1000,
        p99_ms=quantile(ranked, 0.99) * 1000,
        p999_ms=quantile(ranked, 0.999) * 1000,
        max_ms=quantile(ranked, 1.0) * 1000,
        worst_second=worst,
        cpu_s=cpu_s,
        late_p99_ms=quantile(late, 0.99) * 1000,
        numbers=(numbers[0], numbers[len(numbers) // 2], numbers[-1]) if numbers else (),
    )


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that this part of all values does not exceed, 0.0 for none."""
    if not values:
        return 0.0
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * part), len(ranked) - 1)]
