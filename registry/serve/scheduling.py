"""How a process shares the cores with others that compute at the same time.

A request is little work that arrives in pieces: the server's thread reads it, the loop's thread answers
it, and each wakes the other. On cores that are busy anyway, whoever is woken waits for its turn, and the
turns of the others are as long as the kernel sees fit (1.4 ms on two cores). A thread that asks for short
turns is given them sooner; its share of the cores stays what it was.

Rejected
    - SCHED_BATCH for workers: a tenth faster still when all of the load is theirs, but they then wait for
      every other program's turn to end: beside two busy programs the median was 1.5 ms instead of 0.14.
    - A core for each worker: a third faster with 64 connections, a third slower with 200.
    - Priorities: lowering the nice value needs a privilege, and would take from others what is theirs.
"""

import ctypes
import errno
import logging
import os
import platform
import struct

logger = logging.getLogger(__name__)

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Numbers of the system call, for which the C library has no function before 2.41."""

_SCHED_ATTR = struct.Struct("=IIQiIQQQII")
"""``struct sched_attr`` of sched_setattr(2), its second version."""


def take_short_turns(slice_s: float) -> None:
    """Ask for turns of this length (0.1 to 100 ms) for this thread and those that it will start.

    Kernels before Linux 6.12 take no notice (Documentation/scheduler/sched-eevdf.rst). Whoever started the
    registry under another policy than the usual one has decided otherwise.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    policy, nice, slice_ns = os.SCHED_OTHER, os.getpriority(os.PRIO_PROCESS, 0), round(slice_s * 1e9)
    wanted = _SCHED_ATTR.pack(_SCHED_ATTR.size, policy, 0, nice, 0, slice_ns, 0, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).syscall(number, 0, wanted, 0):
        # A sandbox may forbid it: everything works without, only less evenly.
        reason = errno.errorcode.get(ctypes.get_errno(), "an unknown error")
        logger.info("the length of turns on the cores stays the kernel's own: sched_setattr gave %s", reason)


def let_others_go_first() -> None:
    """Have this thread, and those that it will start, never interrupt another to run (SCHED_BATCH)."""
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError as error:
        logger.info("the keeper takes its turns like everybody: sched_setscheduler gave %s", error)
