"""The load generators, each in a process of its own.

A job says what to do: load in a closed or an open loop, or something with watchers. `start` and `measure`
give the first two to a generator in C where there is a compiler, else to the one here, which is raw
asyncio connections on uvloop. `in_own_process` runs any other job. Latencies are taken when the bytes of
an answer arrive; what the generator itself costs and how late it was is part of every result.
"""

from bench.load.call import Call, get
from bench.load.closed import Closed
from bench.load.deliver import Deliver
from bench.load.engine import measure, start
from bench.load.job import Job, Running, in_own_process
from bench.load.opened import Open
from bench.load.sample import Sample

__all__ = [
    "Call",
    "Closed",
    "Deliver",
    "Job",
    "Open",
    "Running",
    "Sample",
    "get",
    "in_own_process",
    "measure",
    "start",
]
