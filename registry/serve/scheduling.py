"""How a worker shares the cores with others that compute at the same time.

A request passes two threads of a worker: the server's reads it and wakes the loop's, which answers it and
wakes the server's. Usually whoever is woken interrupts who runs on that core: the loop in the middle of
a request, holding the interpreter that the other needs next, so that both wait for each other's turn.
"""

import logging
import os

logger = logging.getLogger(__name__)


def interrupt_nobody() -> None:
    """Have this thread, and those that it will start, wait for a free core when woken (SCHED_BATCH).

    See sched(7): its share of the cores stays what it was. Whoever started the registry under another
    policy than the usual one has decided otherwise.
    """
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError as error:
        # A sandbox may forbid it: everything works without, only slower where the cores are busy.
        logger.info("threads interrupt each other as usual: sched_setscheduler gave %s", error)
