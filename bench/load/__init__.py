"""The load generator: raw asyncio connections on uvloop, in a process of its own.

A `Job` says what to do, `in_own_process` does it and brings back what it returns. Latencies are taken
when the bytes of an answer arrive, before anything is done with them; what the generator itself costs
and how late it was is part of every result.
"""

from bench.load.closed import Closed, Deliver
from bench.load.job import Job, Running, in_own_process
from bench.load.opened import Open
from bench.load.sample import Sample

__all__ = ["Closed", "Deliver", "Job", "Open", "Running", "Sample", "in_own_process"]
