"""Running the generator in C and reading what it found."""

import json
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.load.call import KINDS_MAX, Call, kinds_of
from bench.load.closed import Closed
from bench.load.histogram import Histogram
from bench.load.native.build import BUILD, native
from bench.load.opened import Open
from bench.load.sample import Sample
from bench.process import BenchError

GRACE_S = 30.0
_HEAD = struct.Struct("=4I")


class Program:
    """The generator as a process, its calls in a file of their own; a context manager that ends it."""

    def __init__(self, calls: Sequence[Call], arguments: dict[str, object], *, trace: bool = False) -> None:
        program = native()
        assert program is not None
        self._folder = tempfile.TemporaryDirectory(prefix="load-", dir=BUILD)
        folder = Path(self._folder.name)
        _write(folder / "calls", calls)
        given = {"calls": folder / "calls", **arguments}
        self._trace = folder / "trace"
        if trace:
            given["trace"] = self._trace
        self.process = subprocess.Popen(
            [str(program), *(f"{name}={value}" for name, value in given.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trace(self) -> list[str]:
        """Return the lines that it has traced, after its end."""
        return self._trace.read_text().splitlines() if self._trace.exists() else []

    def end(self) -> None:
        """End it if it has not ended, and remove its files."""
        self.process.kill()
        self.process.communicate()
        self._folder.cleanup()


class NativeRun:
    """A job that the generator in C does; a context manager that ends it."""

    def __init__(self, job: Open | Closed) -> None:
        self._job = job
        self._kinds = kinds_of(job.calls)
        arguments: dict[str, object] = {
            "mode": "open" if isinstance(job, Open) else "closed",
            "port": job.port,
            "connections": job.connections,
            "seconds": job.seconds,
            "first": job.first,
        }
        traced = False
        if isinstance(job, Open):
            arguments["rate"] = job.rate
            traced = job.trace
        self._program = Program(job.calls, arguments, trace=traced)

    def result(self) -> Sample:
        """Wait for the end of the run.

        Raises:
            BenchError: the generator failed or took too long.
        """
        process = self._program.process
        try:
            printed, errors = process.communicate(timeout=self._job.takes_s + GRACE_S)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self._job}: the generator did not come to an end") from None
        if process.returncode:
            raise BenchError(f"{self._job}: {errors.strip() or f'status {process.returncode}'}")
        return _sample(json.loads(printed), self._kinds, self._program.trace())

    def __enter__(self) -> "NativeRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()


def _write(path: Path, calls: Sequence[Call]) -> None:
    kinds = kinds_of(tuple(calls))
    if len(kinds) > KINDS_MAX:
        raise BenchError(f"at most {KINDS_MAX} kinds of calls can be told apart, found {len(kinds)}")
    with path.open("wb") as file:
        for call in calls:
            sizes = (kinds.index(call.kind), len(call.request), len(call.ends), len(call.holds))
            file.write(_HEAD.pack(*sizes) + call.request + call.ends + call.holds)


def _sample(found: dict[str, Any], kinds: list[str], trace: list[str]) -> Sample:
    tallies: dict[int, dict[str, Any]] = {int(kind): each for kind, each in found["kinds"].items()}
    return Sample(
        seconds=found["seconds"],
        kinds={name: _histogram(tallies.get(number)) for number, name in enumerate(kinds)},
        errors=sum(each["errors"] for each in tallies.values()),
        error=found["error"],
        by_second=tuple(found["by_second"]),
        cpu_s=found["cpu_s"],
        late=_histogram(found["late"]),
        numbers=tuple(found["numbers"]),
        trace=tuple(_traced(line) for line in trace),
    )


def _histogram(tally: dict[str, Any] | None) -> Histogram:
    if tally is None:
        return Histogram()
    return Histogram([(us, count) for us, count in tally["buckets"]], tally["max_us"])


def _traced(line: str) -> tuple[float, float]:
    due, latency = line.split()
    return int(due) / 1e9, int(latency) / 1e9
