"""How the threads of workers share the cores with others."""

import os
import subprocess
import sys

import pytest

from serve.conftest import MakeServer

NORMAL, BATCH = os.SCHED_OTHER, os.SCHED_BATCH


def policies(pid: int) -> dict[int, int]:
    """Return the policy of each thread of a process by its number; the loop's is that of the process."""
    return {tid: os.sched_getscheduler(tid) for tid in map(int, os.listdir(f"/proc/{pid}/task"))}


def test_the_loop_and_the_server_interrupt_nobody(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    for pid in server.worker_pids():
        found = policies(pid)
        assert found.pop(pid) == BATCH
        assert sorted(found.values()) == [NORMAL] + [BATCH] * (len(found) - 1), "only the store's is normal"
        assert len(found) > 1
    (keeper,) = server.keepers()
    assert set(policies(keeper).values()) == {NORMAL}
    server.stop()


def test_they_interrupt_others_where_that_is_set(make_server: MakeServer) -> None:
    server = make_server(args=("--scheduling", "normal"))
    server.start()
    for pid in server.worker_pids():
        assert set(policies(pid).values()) == {NORMAL}
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
