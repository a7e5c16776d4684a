"""What others see of the running checks: when each ran and runs next, and what is counted of all.

A runner tells its pulse what happens; the pulse publishes it and counts it. That must not cost a
noticeable part of a probe: it takes six microseconds, of which two are for publishing.
"""

from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.store.beats import beat_clock, beat_hash
from registry.store.live import LiveTable, Seen

if TYPE_CHECKING:
    from prometheus_client import Histogram

SECOND_NS = 1_000_000_000

KINDS = frozenset(("http", "tcp", "udp", "grpc", "h2ping", "ttl", "alias", "script", "docker", "os_service"))
OTHER = "other"
"""Values of the label ``kind``: a check's type, and one for whatever else a row may say."""


class Pulse:
    """Is told what a check does; this one keeps it to itself."""

    def waits(self, next_in_s: float) -> None:
        """Take note that the check is due in so many seconds."""

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
        self.late_after_s = late_after_s

    def of(self, check_key: str, kind: str) -> Pulse:
        """Return the pulse of a check with this key and type that begins to be run."""
        return _Published(self, beat_hash(check_key), kind)

    def all_taken_up(self) -> None:
        """Take note that each check has got its pulse: what else an earlier keeper saw is over."""
        self.table.forget_earlier()

    def close(self) -> None:
        """Let go of the table."""
        self.table.close()


class _Published(Pulse):
    __slots__ = ("_kind", "_number", "_pulses", "_seen")

    def __init__(self, pulses: Pulses, number: int, kind: str) -> None:
        self._pulses = pulses
        self._number = number
        self._kind = _counters(kind if kind in KINDS else OTHER)
        self._seen = pulses.table.seen(number)
        self._kind.running.inc()
        pulses.table.publish(number, self._seen)

    def waits(self, next_in_s: float) -> None:
        self._publish(self._seen._replace(next=_in(next_in_s)))

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
        self._kind.running.dec()
        self._pulses.table.forget(self._number)

    def _publish(self, seen: Seen) -> None:
        self._seen = seen
        self._pulses.table.publish(self._number, seen)


def _in(seconds: float) -> int:
    return beat_clock() + int(seconds * SECOND_NS)


class _Counters:
    """The metrics of one kind of check, found once: looking a label up costs as much as counting."""

    def __init__(self, kind: str) -> None:
        # Two megabytes that a registry does without where no checks are run.
        from registry.observe import metrics

        self.run = metrics.PROBES_RUN.labels(kind)
        self.late = metrics.PROBES_LATE.labels(kind)
        self.running = metrics.CHECKS_RUNNING.labels(kind)
        self.failed = {result: metrics.PROBES_FAILED.labels(kind, result) for result in (WARNING, CRITICAL)}
        self._seconds = metrics.PROBE_SECONDS
        self._kind = kind

    @cached_property
    def seconds(self) -> "Histogram":
        """The times it takes, for kinds that send anything."""
        return self._seconds.labels(self._kind)


@cache
def _counters(kind: str) -> _Counters:
    return _Counters(kind)
