"""How often a latency occurred: exact counts in narrow buckets."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

PARTS = 100
"""Buckets for a doubling, when latencies are counted here: each is 0.7 per cent wide."""

COARSE = 1.25
"""Factor between the buckets of a histogram that is written down."""


class Histogram:
    """Counts of latencies.

    Args:
        buckets: pairs of a latency in microseconds and how often it occurred.
        max_us: the largest latency, exactly.
    """

    def __init__(self, buckets: Iterable[tuple[float, int]] = (), max_us: float = 0.0) -> None:
        self._buckets = sorted(buckets)
        self.count = sum(count for _, count in self._buckets)
        self.max_us = max_us

    @classmethod
    def of(cls, latencies_s: Sequence[float]) -> "Histogram":
        """Count latencies in seconds."""
        counts: Counter[float] = Counter()
        for latency in latencies_s:
            us = latency * 1e6
            step = 2.0 ** math.frexp(us)[1] / PARTS / 2
            counts[round(us / step) * step] += 1
        return cls(counts.items(), max(latencies_s, default=0.0) * 1e6)

    def quantile_ms(self, part: float) -> float:
        """Return the latency that this part of all does not exceed, in milliseconds; 0.0 for none."""
        if part >= 1.0 or not self.count:
            return self.max_us / 1000
        seen = 0
        for us, count in self._buckets:
            seen += count
            if seen > self.count * part:
                return min(us, self.max_us) / 1000
        return self.max_us / 1000

    def coarse(self) -> dict[str, int]:
        """Return counts in wide buckets, by their upper end in microseconds, for the report."""
        found: dict[str, int] = {}
        upper = 1.0
        for us, count in self._buckets:
            while us > upper:
                upper *= COARSE
            found[f"{upper:.0f}"] = found.get(f"{upper:.0f}", 0) + count
        return found

    def __add__(self, other: "Histogram") -> "Histogram":
        counts = Counter(dict(self._buckets))
        counts.update(dict(other._buckets))
        return Histogram(counts.items(), max(self.max_us, other.max_us))
