"""How long somebody is waited for: a span of time, and on top of it what the keeper itself was late.

The time in which the keeper could not look is not held against whoever was to answer. From the moment
at which the span is found to have passed, at most the span is added, so that even a keeper that is
always late finds out who is dead.
"""

from registry.keeper.lag import Lag
from registry.wire.duration import MILLISECOND, format_duration

ENOUGH_S = 0.001
"""What is not worth waiting for."""


class Patience:
    """One wait.

    Args:
        lag: of the keeper.
        span_s: how long, in seconds.
        start: since when, by the lag's clock.

    Attributes:
        start: as given.
    """

    __slots__ = ("_found_passed", "_lag", "_span_s", "start")

    def __init__(self, lag: Lag, span_s: float, start: float) -> None:
        self.start = start
        self._lag = lag
        self._span_s = span_s
        self._found_passed: float | None = None

    def more(self) -> float:
        """Return for how many seconds to wait on, 0 if it has been long enough."""
        now = self._lag.clock()
        waited = now - self.start
        if waited < self._span_s:
            return self._span_s - waited
        late = self._lag.since(self.start)
        if not late:
            return 0.0
        owed = self._span_s - (waited - late)
        if owed >= ENOUGH_S and self._found_passed is None:
            self._found_passed = now
        if self._found_passed is None:
            return 0.0
        left = min(owed, self._found_passed + self._span_s - now)
        return left if left >= ENOUGH_S else 0.0

    def remark(self, what: str) -> str:
        """Return what to say about it when it has been long enough, "" if nothing was added.

        Args:
            what: the name of the span: ``timeout``.
        """
        if self._found_passed is None:
            return ""
        waited = self._lag.clock() - self.start
        return (
            f"the keeper itself was late by {_shown(self._lag.since(self.start))}; "
            f"the {what} was extended from {_shown(self._span_s)} to {_shown(waited)}"
        )


def _shown(seconds: float) -> str:
    return format_duration(round(seconds * 1000) * MILLISECOND)
