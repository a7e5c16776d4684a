"""Closed-loop load by wrk, which costs far less than a generator in Python."""

import dataclasses
import json
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.process import BenchError

MISSING = "wrk is not installed; on Debian and Ubuntu: apt-get install wrk; elsewhere: github.com/wg/wrk"
SCRIPTS = Path(__file__).parent / "lua"
GRACE_S = 20.0


@dataclass(frozen=True)
class Blast:
    """What a run of wrk found.

    Attributes:
        answers, seconds: how many answers with status 2xx or 3xx in how long.
        bytes_each: heads and bodies, on average.
        p50_ms, p90_ms, p99_ms, p999_ms, max_ms: latencies.
        generator_cpu_s: processor time of wrk.
    """

    answers: int
    seconds: float
    bytes_each: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    generator_cpu_s: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def told(self) -> dict[str, Any]:
        """Everything, for the report."""
        return dataclasses.asdict(self) | {"rate": self.rate}


def installed() -> bool:
    """Say whether there is a wrk."""
    return shutil.which("wrk") is not None


def version() -> str:
    """Return wrk's own name and version, "no wrk" where there is none."""
    if not installed():
        return "no wrk"
    shown = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False, timeout=10)
    return " ".join(shown.stdout.split()[:2])


def blast(
    port: int,
    target: str,
    *,
    connections: int,
    seconds: int,
    script: str = "report.lua",
    arguments: Sequence[str] = (),
) -> Blast:
    """Ask for a target as fast as this many connections can.

    Raises:
        BenchError: there is no wrk, it failed, or any request did.
    """
    if not installed():
        raise BenchError(MISSING)
    command = [
        *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPTS / script)),
        *(f"http://127.0.0.1:{port}{target}", "--", *arguments),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + GRACE_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not lines:
        raise BenchError(f"wrk failed with status {ran.returncode}", ran.stdout + ran.stderr)
    found = json.loads(lines[0])
    if found["errors"] or not found["requests"]:
        raise BenchError(f"{found['errors']} of {found['requests']} requests for {target} failed")
    return Blast(
        answers=found["requests"],
        seconds=found["duration_us"] / 1e6,
        bytes_each=found["bytes"] / found["requests"],
        p50_ms=found["p50_us"] / 1e3,
        p90_ms=found["p90_us"] / 1e3,
        p99_ms=found["p99_us"] / 1e3,
        p999_ms=found["p999_us"] / 1e3,
        max_ms=found["max_us"] / 1e3,
        generator_cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )
