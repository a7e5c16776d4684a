"""What the generators in Python write down while they run."""

from array import array

from bench.load.call import Call, kinds_of
from bench.load.connection import Connection
from bench.load.histogram import Histogram
from bench.load.sample import Sample, per_second


class Record:
    """Counts the answers to some calls, each judged as it comes in."""

    def __init__(self, calls: tuple[Call, ...]) -> None:
        self._calls = calls
        self._latencies = {kind: array("d") for kind in kinds_of(calls)}
        self._arrivals, self._due, self._numbers = array("d"), array("d"), array("L")
        self.late = array("d")
        self.answers = self.errors = 0
        self._error = ""

    def judge(self, connection: Connection) -> None:
        """Look at the answer that a connection holds."""
        call = self._calls[connection.number % len(self._calls)]
        body = connection.body if call.ends or call.holds else b""
        if connection.raw.startswith(b"HTTP/1.1 200 ") and body.endswith(call.ends) and call.holds in body:
            self.answers += 1
            self._latencies[call.kind].append(connection.arrived - connection.due)
            self._arrivals.append(connection.arrived)
            self._due.append(connection.due)
            self._numbers.append(connection.number)
        else:
            self.wrong(f"{call.request[:80]!r} was answered {connection.raw[:160]!r}")

    def wrong(self, what: str) -> None:
        """Count an error."""
        self.errors += 1
        self._error = self._error or what

    def sum_up(self, began: float, seconds: float, cpu_s: float, first: int, *, trace: bool) -> Sample:
        """Return what was found; ``began`` is on the clock of the arrivals."""
        numbers = self._numbers
        chosen = (numbers[0], numbers[len(numbers) // 2], numbers[-1]) if numbers else ()
        return Sample(
            seconds=seconds,
            kinds={kind: Histogram.of(each) for kind, each in self._latencies.items()},
            errors=self.errors,
            error=self._error,
            by_second=per_second(self._arrivals, began, seconds),
            cpu_s=cpu_s,
            late=Histogram.of(self.late),
            numbers=tuple(first + number for number in chosen),
            trace=tuple((due, arrived - due) for due, arrived in zip(self._due, self._arrivals, strict=True))
            if trace
            else (),
        )
