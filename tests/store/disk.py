"""A disk small enough to be filled: a file system in memory, for which one has to be root."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(place: Path, mebibytes: int, options: str = "") -> Iterator[Path]:
    """Mount a file system of that size on a new folder ``place`` and unmount it afterwards.

    Skips the test where that is not permitted.
    """
    place.mkdir()
    wanted = f"size={mebibytes}m,mode=0700{options}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", wanted, "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"FULL DISK NOT TESTED: mounting a small file system failed: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def free_bytes(place: Path) -> int:
    """Return what can still be written to the file system of ``place``."""
    stat = os.statvfs(place)
    return stat.f_bavail * stat.f_frsize


def fill_up(ballast: Path, leave: int = 0) -> None:
    """Take what is free on the file system of ``ballast`` into that file, but for ``leave`` bytes."""
    with ballast.open("wb") as file:
        size = free_bytes(ballast.parent) - leave
        if size > 0:
            os.posix_fallocate(file.fileno(), 0, size)
