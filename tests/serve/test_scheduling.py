"""How the threads of workers share the cores with others."""

import os
import subprocess
import sys

import pytest

from serve.conftest import MakeServer

NORMAL, BATCH = os.SCHED_OTHER, os.SCHED_BATCH


def policies(pid: int) -> list[int]:
    """Return the policy of each thread of a process, in the order in which they were started."""
    return [os.sched_getscheduler(tid) for tid in sorted(map(int, os.listdir(f"/proc/{pid}/task")))]


def test_the_loop_and_the_server_interrupt_nobody(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    for pid in server.worker_pids():
        loop, store, *of_the_server = policies(pid)
        assert (loop, store) == (BATCH, NORMAL)
        assert set(of_the_server) == {BATCH}
    (keeper,) = server.keepers()
    assert set(policies(keeper)) == {NORMAL}
    server.stop()


def test_they_interrupt_others_where_that_is_set(make_server: MakeServer) -> None:
    server = make_server(args=("--scheduling", "normal"))
    server.start()
    for pid in server.worker_pids():
        assert set(policies(pid)) == {NORMAL}
    server.stop()


@pytest.mark.parametrize("policy", [os.SCHED_BATCH, os.SCHED_IDLE])
def test_a_policy_chosen_by_who_started_it_stays(policy: int) -> None:
    """As ``chrt --idle 0 registry serve`` would."""
    program = (
        "import os; from registry.serve.scheduling import interrupt_nobody; "
        f"os.sched_setscheduler(0, {policy}, os.sched_param(0)); interrupt_nobody(); "
        "print(os.sched_getscheduler(0))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(policy)]
