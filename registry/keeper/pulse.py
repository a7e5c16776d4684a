"""What others see of the running checks: when each ran and runs next, and what is counted of all.

A runner tells its pulse what happens; the pulse publishes it and counts it. That must not cost a
noticeable part of a probe: it takes six microseconds, of which two are for publishing.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.store.beats import beat_clock
from registry.store.live import LiveTable, Seen

if TYPE_CHECKING:
    from prometheus_client import Histogram

SECOND_NS = 1_000_000_000

KINDS = frozenset(("http", "tcp", "udp", "grpc", "h2ping", "ttl", "alias", "script", "docker", "os_service"))
OTHER = "other"
"""Values of the label ``kind``: a check's type, and one for whatever else a row may say."""


class Pulse:
    """Is told what a check does; this one keeps it to itself."""

    def waits(self, next_in_s: float | None) -> None:
        """Take note that the check is due in so many seconds, None when it has no time of its own."""

    def ran(self, status: str, took_s: float | None, late_s: float, next_in_s: float | None) -> None:
        """Take note of a run that has just ended.

        Args:
            status: its result.
            took_s: how long it took, None where nothing was sent.
            late_s: how much later than due it began.
            next_in_s: when it runs again, None when it has no time of its own.
        """

    def gone(self) -> None:
        """Take note that the check is not run any more."""


class Pulses:
    """Makes pulses that publish.

    Args:
        run: the folder of what processes share.
        late_after_s: how much later than due a run may begin without being counted as late.
    """

    def __init__(self, run: Path, late_after_s: float) -> None:
        self.table = LiveTable(run, beat_clock)
        self.kinds: dict[str, _Counters] = {}
        self.late_after_s = late_after_s

    def of(self, number: int, kind: str) -> Pulse:
        """Return the pulse of a check that begins to be run, by its `beat_hash` and type.

        It is published when it says what it waits for.
        """
        return _Published(self, number, kind)

    def all_taken_up(self) -> None:
        """Take note that each check has got its pulse: what else an earlier keeper saw is over."""
        self.table.forget_earlier()

    def counters(self, kind: str) -> "_Counters":
        """Return the metrics of one kind of check, found once."""
        found = self.kinds.get(kind)
        if found is None:
            found = self.kinds[kind] = _Counters(kind)
        return found

    def count_running(self) -> None:
        """Show how many checks are run, after some have come or gone."""
        for counters in self.kinds.values():
            counters.show_running()

    def close(self) -> None:
        """Let go of the table."""
        self.table.close()


class _Published(Pulse):
    __slots__ = ("_kind", "_number", "_pulses", "_seen")

    def __init__(self, pulses: Pulses, number: int, kind: str) -> None:
        self._pulses = pulses
        self._number = number
        self._kind = pulses.counters(kind if kind in KINDS else OTHER)
        self._seen = pulses.table.seen(number)
        self._kind.running += 1

    def waits(self, next_in_s: float | None) -> None:
        last, _, took_us, status, runs = self._seen
        self._publish(Seen(last, 0 if next_in_s is None else _in(next_in_s), took_us, status, runs))

    def ran(self, status: str, took_s: float | None, late_s: float, next_in_s: float | None) -> None:
        kind = self._kind
        kind.run.inc()
        if status != PASSING:
            kind.failed[status].inc()
        if late_s > self._pulses.late_after_s:
            kind.late.inc()
        if took_s is not None:
            kind.seconds.observe(took_s)
        due = 0 if next_in_s is None else _in(next_in_s)
        took_us = int((took_s or 0) * 1_000_000)
        self._publish(Seen(beat_clock(), due, took_us, status, self._seen.runs + 1))

    def gone(self) -> None:
        self._kind.running -= 1
        self._pulses.table.forget(self._number)

    def _publish(self, seen: Seen) -> None:
        self._seen = seen
        self._pulses.table.publish(self._number, seen)


def _in(seconds: float) -> int:
    return beat_clock() + int(seconds * SECOND_NS)


class _Counters:
    """The metrics of one kind of check: looking a label up costs as much as counting.

    Attributes:
        running: how many checks of the kind are run; shown by `show_running`.
    """

    def __init__(self, kind: str) -> None:
        # Two megabytes that a registry does without where no checks are run.
        from registry.observe import metrics

        self.run = metrics.PROBES_RUN.labels(kind)
        self.late = metrics.PROBES_LATE.labels(kind)
        self.running, self._shown = 0, -1
        self._gauge = metrics.CHECKS_RUNNING.labels(kind)
        self.failed = {result: metrics.PROBES_FAILED.labels(kind, result) for result in (WARNING, CRITICAL)}
        self._seconds = metrics.PROBE_SECONDS
        self._kind = kind

    @cached_property
    def seconds(self) -> "Histogram":
        """The times it takes, for kinds that send anything."""
        return self._seconds.labels(self._kind)

    def show_running(self) -> None:
        """Bring the gauge up to date."""
        if self._shown != self.running:
            self._shown = self.running
            self._gauge.set(self.running)
