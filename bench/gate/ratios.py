"""Timing the parts: each as a multiple of a reference piece of work timed beside it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.parts.conftest import ON_DISK, RATIO
from bench.process import BenchError

ROOT = Path(__file__).parents[2]
PARTS = "bench/parts"
PART_S = 0.2
"""How long each part is timed in a run."""

RUN_WITHIN_S = 300.0


def measure(parts: Sequence[str] = (PARTS,)) -> dict[str, float]:
    """Return the ratios of one run, by the part's name; what ends on a disk varies too much to be judged.

    Args:
        parts: files or folders for pytest.

    Raises:
        BenchError: a part has failed.
    """
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        told = Path(folder) / "parts.json"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *parts),
            *(f"--benchmark-json={told}", f"--benchmark-max-time={PART_S}", "--benchmark-min-rounds=3"),
        ]
        # Whoever measures the coverage of what runs here would measure that instead.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_WITHIN_S,
            env=environment,
            cwd=ROOT,
        )
        if ran.returncode:
            raise BenchError(f"the parts could not be timed: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        found = json.loads(told.read_text())["benchmarks"]
    told_of = {each["name"]: each["extra_info"] for each in found}
    return {name: info[RATIO] for name, info in told_of.items() if RATIO in info and not info[ON_DISK]}


def lowest(parts: Sequence[str], limits: Mapping[str, float], runs: int) -> dict[str, float]:
    """Return the lowest ratio of each part; runs are repeated only while one is above its limit.

    Args:
        parts: files or folders for pytest.
        limits: above which a part is too slow, by its name.
        runs: how many at most. What a busy machine does to one run it does not do to all.
    """
    found = measure(parts)
    for _ in range(runs - 1):
        if all(ratio <= limits.get(name, ratio) for name, ratio in found.items()):
            break
        again = measure(parts)
        found = {name: min(ratio, again.get(name, ratio)) for name, ratio in found.items()}
    return found
