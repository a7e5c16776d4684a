"""Which generator does a job: the one in C where it can be built, else the one in Python."""

from contextlib import AbstractContextManager
from typing import Protocol

from bench.load.closed import Closed
from bench.load.job import Running
from bench.load.native import NativeRun, native
from bench.load.opened import Open
from bench.load.sample import Sample


class Loading(AbstractContextManager["Loading"], Protocol):
    """Load that is under way; leaving the context ends it."""

    def result(self) -> Sample:
        """Wait for its end. Raises BenchError when the generator failed."""


def start(job: Open | Closed) -> Loading:
    """Begin with a job and return at once."""
    return NativeRun(job) if native() else Running(job)


def measure(job: Open | Closed) -> Sample:
    """Do a job and return what was found."""
    with start(job) as running:
        return running.result()
