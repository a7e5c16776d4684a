"""How workers and keeper share the cores with others."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from serve.conftest import MakeServer

NORMAL, BATCH = str(os.SCHED_OTHER), str(os.SCHED_BATCH)


def facts(pid: int) -> dict[int, dict[str, str]]:
    """Return what the kernel says about each thread of a process."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        lines = (thread / "sched").read_text().splitlines()[2:]
        pairs = (line.partition(":") for line in lines)
        found[int(thread.name)] = {name.strip(): value.strip() for name, _, value in pairs}
    return found


def needs_slices() -> None:
    if not Path("/proc/self/sched").exists():
        pytest.skip("this kernel tells nothing about scheduling: /proc/self/sched is missing")
    release = platform.release().split(".")
    if (int(release[0]), int(release[1])) < (6, 12):
        pytest.skip(f"Linux {platform.release()} has no time slices of a thread's own; 6.12 has")


def test_all_threads_of_workers_take_turns_of_the_length_that_is_set(make_server: MakeServer) -> None:
    needs_slices()
    server = make_server(workers=2, args=("--time-slice", "300us"))
    server.start()
    for pid in server.worker_pids():
        threads = facts(pid)
        assert len(threads) > 2
        for about in threads.values():
            assert (about["policy"], about["se.slice"]) == (NORMAL, "300000")
    server.stop()


def test_the_keeper_interrupts_nobody(make_server: MakeServer) -> None:
    if not Path("/proc/self/sched").exists():
        pytest.skip("this kernel tells nothing about scheduling: /proc/self/sched is missing")
    server = make_server()
    server.start()
    (keeper,) = server.keepers()
    assert {about["policy"] for about in facts(keeper).values()} == {BATCH}
    server.stop()


@pytest.mark.parametrize("call", ["take_short_turns(0.0003)", "let_others_go_first()"])
@pytest.mark.parametrize("policy", [os.SCHED_BATCH, os.SCHED_IDLE])
def test_a_policy_chosen_by_who_started_it_stays(call: str, policy: int) -> None:
    """As ``chrt --batch 0 registry serve`` would."""
    program = (
        "import os; from registry.serve.scheduling import *; "
        f"os.sched_setscheduler(0, {policy}, os.sched_param(0)); {call}; print(os.sched_getscheduler(0))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(policy)]
