"""One running check: when it runs, and what becomes of its results."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Protocol

from registry.catalog.entities import Check
from registry.catalog.rows import CheckRow
from registry.keeper.flapping import Flapping, FlapRule
from registry.keeper.lag import Lag
from registry.keeper.patience import Patience
from registry.keeper.probes import Outcome, Prober
from registry.keeper.pulse import Pulse
from registry.keeper.rules import CRITICAL, PASSING, Counters, Thresholds

logger = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
MIN_INTERVAL_S = 1.0
"""Consul raises shorter intervals to this."""

_CHANCE = random.Random()  # noqa: S311 (spreads load, hides nothing)


class Report(Protocol):
    """Takes a check's result to the catalog."""

    def __call__(self, check_key: str, status: str, output: str) -> None:
        """Write a status and output for the check with this folded ID, if it still exists."""


class Runner:
    """A check being looked after; `stop` it when its definition changes or it goes.

    Attributes:
        key: folded check ID.
        probe: its definition, as it was when this runner was made.
        service_key: folded ID of its service, "" for a node-level check.
        deregister_after_s: seconds of being critical after which its service goes, 0 for never.
        critical_since: loop time of the first critical result in a row, None while it is not.
        pulse: is told what the check does; set it before `start` for others to see it.
    """

    def __init__(self, check: Check, row: CheckRow, loop: asyncio.AbstractEventLoop) -> None:
        self.key = check.key
        self.probe: dict[str, Any] = row.probe or {}
        self.service_key = check.service_key
        self.deregister_after_s = seconds(self.probe, "DeregisterCriticalServiceAfter")
        self.critical_since: float | None = None
        self.pulse = Pulse()
        self._loop = loop
        # A check that was found critical before we came keeps its standing, not its clock.
        if check.status == CRITICAL and check.modify > check.create:
            self.critical_since = loop.time()

    def saw(self, status: str) -> None:
        """Take note of a result or of a status that was set by hand."""
        if status != CRITICAL:
            self.critical_since = None
        elif self.critical_since is None:
            self.critical_since = self._loop.time()

    def is_overdue(self, lag: Lag) -> bool:
        """Say whether its service is to go for having been critical for so long.

        The time in which the keeper was late does not count: it could not see a recovery.
        """
        if not self.deregister_after_s or not self.service_key or self.critical_since is None:
            return False
        critical_s = self._loop.time() - self.critical_since
        if critical_s <= self.deregister_after_s:
            return False
        return critical_s - lag.since(lag.clock() - critical_s) > self.deregister_after_s

    def changed(self, check: Check) -> None:
        """Take note that the check's row was written, by whoever it was."""

    def start(self) -> None:
        """Begin, and tell the pulse for what it waits."""

    def stop(self) -> None:
        """End; nothing is reported afterwards."""


class ProbeRunner(Runner):
    """Runs a probe at its interval.

    The first run comes at a random point within the interval, so that a thousand checks registered at
    once do not run at once; then every interval after the previous *start*, whatever the result. A
    probe that takes longer than the interval skips the runs it overlaps. What needs no probing is
    reported at once: a check that may not be run any more must not look well for an interval.

    Args:
        prober: runs it.
        flaps: when it is held for changing too often, if its definition does not say.
        chance: says when within the interval it runs first.

    Attributes:
        first_after_s: seconds from `start` to the first run.
    """

    def __init__(
        self,
        check: Check,
        row: CheckRow,
        loop: asyncio.AbstractEventLoop,
        prober: Prober,
        report: Report,
        flaps: FlapRule,
        chance: random.Random = _CHANCE,
    ) -> None:
        super().__init__(check, row, loop)
        self._prober = prober
        self._report = report
        self._interval_s = max(seconds(self.probe, "Interval"), MIN_INTERVAL_S)
        self.first_after_s = 0.0 if prober.settled else chance.uniform(0, self._interval_s)
        critical = int(self.probe.get("FailuresBeforeCritical", 0))
        self._counters = Counters(
            Thresholds(
                int(self.probe.get("SuccessBeforePassing", 0)),
                int(self.probe.get("FailuresBeforeWarning", critical)),
                critical,
            )
        )
        self._flapping = Flapping(flaps.for_check(self.probe), row.status, row.output, loop.time())
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the schedule."""
        self._task = self._loop.create_task(self._run())

    def stop(self) -> None:
        """End the schedule and a probe under way."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        due = self._loop.time() + self.first_after_s
        self.pulse.waits(self.first_after_s)
        while True:
            await asyncio.sleep(due - self._loop.time())
            late_s = self._loop.time() - due
            outcome = await self._probe()
            self._take(outcome)
            now = self._loop.time()
            due += self._interval_s
            if due <= now:
                due += self._interval_s * ((now - due) // self._interval_s + 1)
            self.pulse.ran(outcome.status, outcome.took_s, late_s + outcome.waited_s, due - now)

    async def _probe(self) -> Outcome:
        try:
            return await self._prober.run()
        except Exception as error:  # a check must not end because of a fault in its prober
            logger.exception("check %s could not be run", self.key)
            return Outcome(CRITICAL, f"the check could not be run: {error!r}")

    def _take(self, outcome: Outcome) -> None:
        self.saw(outcome.status)
        status = self._counters.observe(outcome.status)
        if status is not None:
            self._report(self.key, *self._flapping.observe(status, outcome.output, self._loop.time()))


class TtlRunner(Runner):
    """Turns a TTL check critical when its heartbeats stay away.

    Every heartbeat and every status set by hand gives it one TTL from then, as does our own start.

    Args:
        lag: of the keeper; its clock is used.
        last_beat: returns the time of the check's last heartbeat, 0 if there was none.
        output: returns the output that the check has.
    """

    def __init__(
        self,
        check: Check,
        row: CheckRow,
        loop: asyncio.AbstractEventLoop,
        lag: Lag,
        last_beat: Callable[[], float],
        report: Report,
        output: Callable[[], str],
    ) -> None:
        super().__init__(check, row, loop)
        self._ttl_s = seconds(self.probe, "TTL")
        self._last_beat = last_beat
        self._report = report
        self._output = output
        self._lag = lag
        self._patience = Patience(lag, self._ttl_s, lag.clock())
        self._due = loop.time() + self._ttl_s
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to wait."""
        self._wait(self._ttl_s)
        self.pulse.waits(self._ttl_s)

    def stop(self) -> None:
        """End the waiting."""
        if self._timer is not None:
            self._timer.cancel()

    def changed(self, check: Check) -> None:
        """Start a new TTL: a written row is a heartbeat that changed something, unless we wrote it."""
        self.saw(check.status)
        if self._expired and check.status == CRITICAL:
            return
        self._expired = False
        self._patience = Patience(self._lag, self._ttl_s, self._lag.clock())
        self.stop()
        self.start()

    def _look(self) -> None:
        late_s = self._loop.time() - self._due
        heard = self._last_beat()
        if heard > self._patience.start:
            self._patience = Patience(self._lag, self._ttl_s, heard)
        more = self._patience.more()
        self._wait(more or self._ttl_s)
        self.pulse.ran(PASSING if more else CRITICAL, None, late_s, more or self._ttl_s)
        if more:
            self._expired = False
        elif not self._expired:
            self._expired = True
            self.saw(CRITICAL)
            remark, last = self._patience.remark("TTL"), self._output()
            text = f"TTL expired, {remark}" if remark else "TTL expired"
            self._report(
                self.key, CRITICAL, f"{text} (last output before timeout follows): {last}" if last else text
            )

    def _wait(self, span_s: float) -> None:
        self._due = self._loop.time() + span_s
        self._timer = self._loop.call_later(span_s, self._look)


def seconds(probe: dict[str, Any], field: str) -> float:
    """Return a duration of a definition in seconds, 0 when it is not given."""
    return float(probe.get(field, 0)) / SECOND_NS
