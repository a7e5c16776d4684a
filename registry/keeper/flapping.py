"""Flap damping: a check that keeps changing its status stays in the worse of its states until it is calm.

What flaps is no use to whoever is asking: half of the requests to such an instance fail, and each
change wakes all its watchers. So once there have been as many changes within the window as the
threshold says, the worst state seen is held, until no change has come for the calm period.

Counted are changes of the status that would be reported, after the check's own thresholds. Nothing
here has a clock or a timer of its own: whoever has results brings the time along.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.wire.duration import SECOND, format_duration

_BADNESS = {PASSING: 0, WARNING: 1, CRITICAL: 2}
_HELD = "held "


@dataclass(frozen=True, slots=True)
class FlapRule:
    """When a check flaps.

    Attributes:
        threshold: changes within the window that are too many; 0 for never.
        window_s: seconds.
        calm_s: seconds without a change after which a check is let go.
    """

    threshold: int = 0
    window_s: float = 60.0
    calm_s: float = 60.0

    def for_check(self, probe: Mapping[str, Any]) -> Self:
        """Return the rule for a check: what its definition says goes before what holds for all.

        Args:
            probe: its definition; ``FlapThreshold`` of -1 means never, durations are in nanoseconds.
        """
        return type(self)(
            max(0, int(probe.get("FlapThreshold", self.threshold))),
            float(probe.get("FlapWindow", self.window_s * SECOND)) / SECOND,
            float(probe.get("FlapCalm", self.calm_s * SECOND)) / SECOND,
        )


class Flapping:
    """What one check has been up to.

    Args:
        rule: when it flaps.
        status, output: those that the check has now. If they say that it was held, by a keeper before
            this one, it still is.
        now: the time, in seconds of any clock that only goes forward.
    """

    __slots__ = ("_changes", "_count", "_held", "_last_change", "_latest", "_rule")

    def __init__(self, rule: FlapRule, status: str, output: str, now: float) -> None:
        self._rule = rule
        self._changes: deque[tuple[float, str]] = deque()
        self._latest = ""
        self._last_change = now
        self._held = status if rule.threshold and is_held(output) else ""
        self._count = rule.threshold if self._held else 0

    @property
    def calm_at(self) -> float | None:
        """When it is let go if nothing changes, None while it is not held."""
        return self._last_change + self._rule.calm_s if self._held else None

    def observe(self, status: str, output: str, now: float) -> tuple[str, str]:
        """Take in a result and return the status and output to report for it.

        Args:
            status: the status that the check would have.
            output: the output to go with it.
            now: the time, not before that of the call before.
        """
        if not self._rule.threshold:
            return status, output
        if self._held and now >= self._last_change + self._rule.calm_s:
            self._held, self._count = "", 0
            self._changes.clear()
        if self._latest and status != self._latest:
            self._change(status, now)
        self._latest = status
        if not self._held:
            return status, output
        self._held = _worse(self._held, status)
        return self._held, f"{self._reason()}; last result: {status}: {output}"

    def _change(self, status: str, now: float) -> None:
        rule, changes = self._rule, self._changes
        self._last_change = now
        if self._held:
            self._count += 1
            return
        changes.append((now, _worse(self._latest, status)))
        while changes[0][0] < now - rule.window_s:
            changes.popleft()
        if len(changes) == rule.threshold:
            self._count = rule.threshold
            self._held = max((worst for _, worst in changes), key=_BADNESS.__getitem__)

    def _reason(self) -> str:
        rule = self._rule
        more = f" and {self._count - rule.threshold} times since" if self._count > rule.threshold else ""
        return (
            f"{_HELD}{self._held}: changed {rule.threshold} times within {_shown(rule.window_s)}{more}, "
            f"calm again after {_shown(rule.calm_s)} without a change"
        )


def is_held(output: str) -> bool:
    """Say whether an output gives the reason why a check is held."""
    return output.startswith((f"{_HELD}{CRITICAL}: changed ", f"{_HELD}{WARNING}: changed "))


def _shown(seconds: float) -> str:
    return format_duration(round(seconds * SECOND))


def _worse(one: str, other: str) -> str:
    return max(one, other, key=_BADNESS.__getitem__)
