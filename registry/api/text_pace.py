"""How often the text of a TTL check is written while its status stays.

A heartbeat may bring another text each time ("42 ms", "43 ms"). Written each time, ten thousand checks
would keep the disk busy with what nobody waits for, so it is written at most every
``check_output_interval``, as Consul's agent does with its ``check_update_interval``. The first few
changes after a quiet time go through at once, so that what is set by hand is seen at once. What is held
back is not kept: the next heartbeat after the interval brings a newer text. A check that is registered
anew starts afresh.

Each worker keeps its own pace: with N workers a text is written at most N times as often.
"""

from collections.abc import Hashable

BURST = 3
"""Changes of a text that go through at once after a quiet time."""

PRUNE_FROM = 1024


class TextPace:
    """The pace of all checks of one worker: the generic cell rate algorithm, one number a check.

    Args:
        interval_s: seconds between writes of the same check's text.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._due: dict[Hashable, float] = {}
        self._prune_at = PRUNE_FROM

    def allows(self, check: Hashable, now: float) -> bool:
        """Say whether a check's text may be written at ``now``, seconds of a steady clock, and count it."""
        due = max(self._due.get(check, now), now)
        if due - now > (BURST - 1) * self._interval_s:
            return False
        self._due[check] = due + self._interval_s
        if len(self._due) >= self._prune_at:
            self._prune(now)
        return True

    def _prune(self, now: float) -> None:
        """Forget those that have been quiet for long enough to start afresh."""
        self._due = {key: due for key, due in self._due.items() if due > now}
        self._prune_at = max(PRUNE_FROM, 2 * len(self._due))
