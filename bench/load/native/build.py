"""Building the generator: one compiler call, kept in ``build/`` under the hash of the source."""

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from bench.process import BenchError

SOURCE = Path(__file__).parent / "generator.c"
BUILD = Path(__file__).parents[3] / "build"
FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra")
MISSING = (
    "there is no C compiler (cc), so load comes from the generator in Python, which is several times "
    "slower and sends up to 3 ms late: don't trust latencies below 10 ms; on Debian and Ubuntu: "
    "apt-get install gcc libc6-dev"
)


@functools.cache
def native() -> Path | None:
    """Return the program, built if need be; None where there is no compiler.

    Raises:
        BenchError: the compiler does not take the source.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    BUILD.mkdir(exist_ok=True)
    program = BUILD / f"generator-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        fresh = program.with_suffix(f".{os.getpid()}")
        command = [compiler, *FLAGS, "-o", str(fresh), str(SOURCE)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if ran.returncode:
            raise BenchError("the C compiler does not build bench/load/native/generator.c", ran.stderr)
        fresh.replace(program)
    return program
