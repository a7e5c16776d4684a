"""Counting instructions with valgrind's callgrind.

Each name of `bench.gate.drive` is done N times in a first run and 2 N times in one of its own; what the
second has counted more, by N, is the count of one. Starting up cancels out, and so does everything else.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.process import BenchError

MISSING = "valgrind is not installed; on Debian and Ubuntu: apt-get install valgrind"
TIMES = 2000
RUN_WITHIN_S = 240.0
ROOT = Path(__file__).parents[2]

_COLLECTED = re.compile(r"Collected : (\d+)")


def installed() -> bool:
    """Say whether there is a valgrind."""
    return shutil.which("valgrind") is not None


def count(names: Sequence[str], path: Sequence[Path] = ()) -> dict[str, float]:
    """Return the instructions of one piece of work each.

    Args:
        names: what `bench.gate.drive` knows.
        path: further folders to import from.

    Raises:
        BenchError: valgrind or what it runs has failed.
    """
    # Once as it is: what Python compiles then is compiled for all that follow.
    _run([], dict.fromkeys(names, 1), path)
    plans = [dict.fromkeys(names, TIMES)]
    plans += [plans[0] | {name: 2 * TIMES} for name in names]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        first, *others = pool.map(lambda plan: _collect(plan, path), plans)
    return {name: (other - first) / TIMES for name, other in zip(names, others, strict=True)}


def _collect(plan: dict[str, int], path: Sequence[Path]) -> int:
    printed = _run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"], plan, path)
    found = _COLLECTED.search(printed)
    if found is None:
        raise BenchError(f"valgrind has not said how much it collected: {printed[-2000:]}")
    return int(found[1])


def _run(under: Sequence[str], plan: dict[str, int], path: Sequence[Path]) -> str:
    command = [*under, sys.executable, "-m", "bench.gate.drive", *(f"{name}={n}" for name, n in plan.items())]
    # The same hashes and no settings from outside: the same way through the interpreter in every run.
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *path))),
    }
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_WITHIN_S,
            env=environment,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} was not done within {RUN_WITHIN_S:g} s") from None
    if ran.returncode:
        raise BenchError(f"{command[0]} ended with status {ran.returncode}: {ran.stderr[-2000:]}")
    return ran.stderr
