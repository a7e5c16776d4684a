"""The rules of the guard against mass failures: when it begins, whom it holds, when it ends.

When many checks turn critical within seconds it is more often the network of who checks them than
theirs. What is decided here rests on nothing but the statuses told and the clock given.

Guarantees
    - A guard begins only when more than the share of a service's instances (or of all checks), or all
      of them, were healthy when the window began and are critical at its end.
    - It ends when the share of those it holds that are critical is no longer above that, when its limit
      has passed, or when nobody is left whom it holds.
    - What failed before the window, and whoever was never seen healthy, counts for nothing. After an end
      the same failures do not make it begin again.

Rejected
    - A moving average of the rate of failures: nobody can check it against what they see.
    - Counting transitions: a check that flaps would count as often as it does, and instances with many
      checks more than those with one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from registry.catalog.maintenance import is_maintenance
from registry.catalog.rows import GuardRow
from registry.keeper.rules import CRITICAL, PASSING

CheckKey = tuple[str, str]
"""Folded names of a check and its node."""

Status = tuple[CheckKey, str]
"""A check and its status."""

_EXACT = 1e-9
"""What rounding may add to a share times a number."""


class Standing(Enum):
    """How an instance is, seen over the window.

    WELL: healthy. FADING: was healthy when the window began, is not now, and not critical either.
    TURNED: was healthy then and is critical now. ILL: not healthy, and was not then either; or taken out
    on purpose, by maintenance.
    """

    WELL, FADING, TURNED, ILL = range(4)


class Timeline:
    """When each check that is not passing has left passing, and how many turned critical where.

    Args:
        window_s: seconds that the window is long.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._left: dict[CheckKey, float] = {}
        self._turned: dict[CheckKey, tuple[float, str]] = {}
        self._counts: Counter[str] = Counter()
        self._tidied_at = -inf

    def saw(
        self, check: CheckKey, status: str, at: float, *, place: str = "", passed_before: bool = True
    ) -> bool:
        """Take note of a status; say whether the check has turned critical within the window by it.

        Args:
            check: whose it is.
            status: as it is now.
            at: seconds on a clock that never goes back.
            place: where it is counted when it has turned.
            passed_before: whether a check that was not known as failing was passing so far.
        """
        if status == PASSING:
            self.gone(check)
            return False
        left = self._left.setdefault(check, at if passed_before else -inf)
        if status != CRITICAL or is_maintenance(check[1]):
            self._uncount(check)
            return False
        if check in self._turned or left < at - self._window_s:
            return False
        self._turned[check] = (left, place)
        self._counts[place] += 1
        return True

    def gone(self, check: CheckKey) -> None:
        """Forget a check: it has been removed, or is passing."""
        self._left.pop(check, None)
        self._uncount(check)

    def known(self) -> list[CheckKey]:
        """Return the checks that are not passing."""
        return list(self._left)

    def settle(self, check: CheckKey) -> None:
        """Let a failure count for nothing from now on."""
        if check in self._left:
            self._left[check] = -inf
        self._uncount(check)

    def counts(self, now: float) -> Mapping[str, int]:
        """Return how many checks that were passing when the window began are critical now, by place.

        Some may be counted that have left the window by up to a tenth of its length.
        """
        if now - self._tidied_at >= self._window_s / 10:
            self._tidied_at = now
            oldest = now - self._window_s
            for check in [check for check, (left, _) in self._turned.items() if left < oldest]:
                self._uncount(check)
        return self._counts

    def is_counted(self, check: CheckKey) -> bool:
        """Say whether a check is among those counted."""
        return check in self._turned

    def standing(self, checks: Iterable[Status], now: float) -> Standing:
        """Return the standing of an instance with these checks; what was not seen to fail does so now."""
        oldest = now - self._window_s
        found = Standing.WELL
        for check, status in checks:
            if status == PASSING:
                continue
            if self._left.get(check, now) < oldest or (status == CRITICAL and is_maintenance(check[1])):
                return Standing.ILL
            if status == CRITICAL:
                found = Standing.TURNED
            elif found is Standing.WELL:
                found = Standing.FADING
        return found

    def _uncount(self, check: CheckKey) -> None:
        counted = self._turned.pop(check, None)
        if counted is not None:
            place = counted[1]
            self._counts[place] -= 1
            if not self._counts[place]:
                del self._counts[place]


@dataclass(frozen=True, slots=True)
class GuardRules:
    """The settings of the guard, and what follows from them.

    Attributes:
        share: the part of a whole that may turn critical; 0 for no guard at all.
        window_s, limit_s: seconds within which it turns, and that a guard lasts at most.
        min_instances: instances that a service has at least.
    """

    share: float
    window_s: float
    limit_s: float
    min_instances: int

    def exceeded(self, part: int, whole: int) -> bool:
        """Say whether a part is more than the share of the whole, or all of it."""
        if not self.share or not part:
            return False
        return part >= whole or part > self.share * whole + _EXACT

    def begins(self, turned: int, whole: int, least: int = 1) -> bool:
        """Say whether so many that have turned, of a whole, are reason for a guard.

        Args:
            turned: how many.
            whole: a service's instances, or all checks; never fewer than ``min_instances``.
            least: those that have turned at least, whatever their share.
        """
        return turned >= least and whole >= self.min_instances and self.exceeded(turned, whole)

    def row(
        self,
        name: str,
        held: dict[str, tuple[str, ...]],
        turned: int,
        whole: str,
        now_ms: int,
        *,
        everywhere: bool,
    ) -> GuardRow:
        """Return the guard that begins now.

        Args:
            name: the service.
            held: its instances that were healthy when the window began.
            turned: how many of its instances have turned.
            whole: what has turned of what, in words.
            now_ms: wall clock.
            everywhere: whether it was the share of all checks.
        """
        reason = (
            f"{whole} turned critical within {self.window_s:g} s, which is more often the network of who "
            "checks them than theirs"
        )
        return GuardRow(name, reason, now_ms, now_ms + int(self.limit_s * 1000), held, turned, everywhere)

    def ends(self, row: GuardRow, critical: int, held: int, now_ms: int) -> str:
        """Return why a guard ends now, "" when it goes on.

        Args:
            row: the guard.
            critical: those it holds that are critical.
            held: those it holds that are still registered.
            now_ms: wall clock.
        """
        if not self.share:
            return "the guard has been switched off"
        if not held:
            return "none of the instances that it held is registered any more"
        # Begun for the share of all checks, it holds the few of this service that had turned by then.
        whole = min(row.turned, held) if row.everywhere else held
        if not self.exceeded(critical, whole):
            return f"{critical} of the {whole} instances it is about are critical, no more than its share"
        if now_ms >= row.ends_ms:
            return "its limit has passed"
        return ""
