"""On what and of what the figures are: machine, versions, commit, date."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from bench import nginx, wrk
from bench.load.native import native
from bench.servers import consul_version

QUIET_LOAD = 0.5
"""Load average above which figures are no measure of the program alone."""

PACKAGES = ("granian", "uvloop", "lmdb", "msgspec", "orjson", "pyroaring")


def facts(folder: Path, consul: Path | None) -> dict[str, str]:
    """Return what is worth knowing, by name; nothing that tells whose machine it is.

    Args:
        folder: where the servers keep their data.
        consul: binary of the Consul that is measured, if any.
    """
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "file system": file_system(folder),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "generators": f"{wrk.version()}; {_own_generator()}",
        "nginx": nginx.version() if nginx.binary() else "not measured",
        "consul": consul_version(consul) if consul else "not measured",
    }


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on."""
    inside = [
        (len(fields[1]), fields[2])
        for fields in map(str.split, Path("/proc/mounts").read_text().splitlines())
        if folder.is_relative_to(fields[1])
    ]
    return max(inside)[1]


def quiet() -> bool:
    """Say whether the machine has nothing else to do."""
    return os.getloadavg()[0] < QUIET_LOAD


def commit() -> str:
    """Return the short name of the commit, with a mark when the tree differs from it."""
    root = Path(__file__).parents[1]
    try:
        name = _git(root, "rev-parse", "--short", "HEAD")
        return (
            f"{name}-changed"
            if _git(root, "status", "--porcelain", "registry", "bench", ":!bench/results")
            else name
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=10
    )
    return ran.stdout.strip()


def _own_generator() -> str:
    if native() is None:
        return f"bench.load on uvloop {version('uvloop')}"
    compiler = subprocess.run(
        [os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True, check=False, timeout=10
    )
    return f"bench.load in C, {compiler.stdout.partition(chr(10))[0]}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
