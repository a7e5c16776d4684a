"""The files that processes count into: their room, what becomes of those of dead ones, reading them.

The client library keeps a process's metrics in ``<kind>_<pid>.db``, mapped into memory, and adds up all
that lie in the folder. Around that this module sees to three things:
    - A file's room on the disk is taken before the library maps it, else a full disk would end the
      process with SIGBUS in the middle of counting. Where there is no room the process counts for
      itself alone.
    - Counters do not fall when a process is replaced: the files of dead ones stay, and the next keeper
      adds them up into one, so that their number is bounded. Gauges of dead ones go at once.
    - Nobody reads while files are being added up: a lock file, which the kernel lets go of.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where the library keeps its files; it has to be set before the library is loaded."""

FILE_BYTES = 1 << 17
"""Room for 500 lines of a kind. A file that needs more grows, without the room being taken first."""

_KINDS = ("counter", "histogram", "gauge_livesum", "gauge_livemax", "gauge_livemostrecent")
_LASTING = ("counter", "histogram")
_DEAD = "0"
"""Stands for the process in the name of the files of all that have died."""

_LOCK = "metrics.lock"


def use(run: Path) -> None:
    """Have this process and its children count into this folder; nothing of the library is loaded."""
    os.environ[FOLDER_VARIABLE] = str(run)


def prepare(run: Path) -> bool:
    """Take the room that this process's metrics need; say whether they will be seen by others.

    Call it before `registry.observe.metrics` is imported.
    """
    try:
        for kind in _KINDS:
            _take_room(run / f"{kind}_{os.getpid()}.db")
    except OSError as error:
        logger.warning("there is no room for the metrics of this process, which are not shown: %s", error)
        os.environ.pop(FOLDER_VARIABLE, None)
        return False
    return True


def _take_room(path: Path) -> None:
    if path.exists():
        return  # of a process that had our number; it goes on where that one ended
    draft = path.with_suffix(".draft")  # readers expect no empty file
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, FILE_BYTES)
    except OSError:
        draft.unlink()
        raise
    finally:
        os.close(fd)
    draft.replace(path)


def forget_gauges(run: Path, pid: int) -> None:
    """Remove the gauges of a process that has ended."""
    for path in run.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def add_up_dead(run: Path) -> None:
    """Add what dead processes counted up into one file a kind; one process of a folder may do so.

    Raises:
        BlockingIOError: somebody is just reading; try again.
        OSError: there is no room for the sums; all is as it was.
    """
    with _locked(run, fcntl.LOCK_EX | fcntl.LOCK_NB):
        for kind in _LASTING:
            total = run / f"{kind}_{_DEAD}.db"
            dead = [path for path in run.glob(f"{kind}_*.db") if path != total and not _alive(path)]
            if dead:
                _add_up(total, dead)


def _add_up(total: Path, dead: list[Path]) -> None:
    from prometheus_client import mmap_dict

    counted: Any = mmap_dict.MmapedDict
    sums: dict[str, float] = {}
    for path in (total, *dead) if total.exists() else dead:
        for key, value, _, _ in counted.read_all_values_from_file(path):
            sums[key] = sums.get(key, 0.0) + value
    draft = total.with_suffix(".sum")
    draft.unlink(missing_ok=True)
    _take_room(draft)
    file = counted(str(draft))
    for key, value in sums.items():
        file.write_value(key, value, 0.0)
    file.close()
    draft.replace(total)
    for path in dead:
        path.unlink(missing_ok=True)


def _alive(path: Path) -> bool:
    return Path(f"/proc/{path.stem.rpartition('_')[2]}").exists()


@contextlib.contextmanager
def reading(run: Path) -> Iterator[None]:
    """Keep the files as they are within the ``with`` block; waits while they are being added up."""
    with _locked(run, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def _locked(run: Path, how: int) -> Iterator[None]:
    fd = os.open(run / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)
