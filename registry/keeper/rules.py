"""When a result becomes a status: Consul's thresholds.

A success is any result that is not critical. Both counters start at their threshold, so the first
result after a (re-)registration counts at once, whatever the thresholds.
"""

from dataclasses import dataclass

PASSING, WARNING, CRITICAL = "passing", "warning", "critical"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Consecutive results needed; 0 and 1 both mean that one is enough.

    Attributes:
        success: for passing or warning after a failure.
        warning: failures for warning.
        critical: failures for critical.
    """

    success: int = 0
    warning: int = 0
    critical: int = 0


class Counters:
    """What the last results of one check were."""

    __slots__ = ("_failures", "_successes", "_thresholds")

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._successes = thresholds.success
        self._failures = thresholds.critical

    def observe(self, status: str) -> str | None:
        """Count a result and return the status it makes, None while it is below the threshold."""
        limits = self._thresholds
        if status != CRITICAL:
            self._successes += 1
            self._failures = 0
            return status if self._successes >= limits.success else None
        self._failures += 1
        self._successes = 0
        if self._failures >= limits.critical:
            return CRITICAL
        if self._failures >= limits.warning:
            return WARNING
        return None
