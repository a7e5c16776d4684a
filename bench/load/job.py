"""Running a job of the load generator in a process of its own, so that nothing else disturbs it."""

import gc
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection as Pipe
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

import uvloop

from bench.process import BenchError
from registry.serve.process import die_with_parent

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")

GRACE_S = 30.0
"""What a job may take longer than it says, process start included."""


class Job(Protocol[R_co]):
    """Something for the generator to do; a plain dataclass, since it travels to another process."""

    @property
    def takes_s(self) -> float:
        """Seconds that it takes at most when all goes well."""

    async def run(self) -> R_co:
        """Do it. Raises BenchError when the server's answers are not what they must be."""


class Running(Generic[R]):
    """A job that runs in its process; a context manager that ends the process."""

    def __init__(self, job: Job[R]) -> None:
        self._job = job
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(job, theirs, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()

    def result(self) -> R:
        """Wait for what the job returns.

        Raises:
            BenchError: the job failed, or took too long.
        """
        limit = self._job.takes_s + GRACE_S
        if not self._pipe.poll(limit):
            raise BenchError(f"{self._job} was not done after {limit:g} s")
        try:
            outcome: R | BenchError = self._pipe.recv()
        except EOFError:
            raise BenchError(f"the load generator died while at {self._job}") from None
        if isinstance(outcome, BenchError):
            raise outcome
        return outcome

    def __enter__(self) -> "Running[R]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def in_own_process(job: Job[R]) -> R:
    """Do a job and return what it returns; see `Running.result` for the errors."""
    with Running(job) as running:
        return running.result()


def _work(job: Job[Any], pipe: Pipe, parent: int) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    gc.disable()  # a collection would look like a slow server; the process is short-lived
    outcome: Any
    try:
        outcome = uvloop.run(job.run())
    except (BenchError, OSError) as error:
        outcome = BenchError(str(error))
    pipe.send(outcome)
    pipe.close()
