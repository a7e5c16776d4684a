"""The folder of definition files: which there are, who may write to them, and how large they may be."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from registry.config import Settings
from registry.config.scripts import file_scripts

ENDINGS = (".json", ".toml")
HCL = ".hcl"


class FileProblem(ValueError):
    """A definition file, or their folder, can't be used.

    Attributes:
        path: which one.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path


def read_folder(settings: Settings, folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the definition files in the order of their names, each with what is in it.

    Raises:
        FileProblem: one can't be read, is written in HCL, or may be written by others while its checks
            may run programs; or there are too many, or they are too large.
    """
    _refuse_shared(settings, folder, _status_of(folder))
    names = _names(folder)
    if len(names) > settings.max_definition_files:
        raise FileProblem(
            folder,
            f"found {len(names)} definition files, expected at most {settings.max_definition_files} "
            "(max_definition_files)",
        )
    left = settings.max_definition_bytes
    for name in names:
        path = folder / name
        text = _read(settings, path, left)
        left -= len(text)
        yield path, text


def _names(folder: Path) -> list[str]:
    try:
        found = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise FileProblem(folder, f"the folder can't be read: {error.strerror}") from None
    for name in found:
        if name.lower().endswith(HCL):
            raise FileProblem(
                folder / name,
                "HCL is not understood; expected the same keys as JSON (*.json) or TOML (*.toml), or "
                "another name for a file that is not meant",
            )
    return [name for name in found if name.endswith(ENDINGS) and not os.path.isdir(folder / name)]


def _read(settings: Settings, path: Path, left: int) -> bytes:
    """Return what is in a file; looked at and read through one descriptor, so that it is one file."""
    try:
        # Without O_NONBLOCK a pipe without a writer would hold up the start.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileProblem(path, "expected a file, found something else")
            _refuse_shared(settings, path, status)
            text = file.read(left + 1)
    except OSError as error:
        raise FileProblem(path, f"the file can't be read: {error.strerror}") from None
    if len(text) > left:
        raise FileProblem(
            path,
            f"with this file the definition files are larger than {settings.max_definition_bytes} bytes "
            "(max_definition_bytes)",
        )
    return text


def _status_of(folder: Path) -> os.stat_result:
    try:
        return folder.stat()
    except OSError as error:
        raise FileProblem(folder, f"the folder can't be read: {error.strerror}") from None


def _refuse_shared(settings: Settings, path: Path, status: os.stat_result) -> None:
    """Refuse what others may write to, while whoever writes there can have programs run."""
    if not file_scripts(settings):
        return
    if status.st_mode & stat.S_IWOTH:
        raise FileProblem(
            path,
            f"everybody may write to it (mode {stat.S_IMODE(status.st_mode):04o}), and script checks are "
            "enabled; expected that only its owner may: chmod o-w",
        )
    if status.st_uid not in (0, os.geteuid()):
        raise FileProblem(
            path,
            f"it belongs to user {status.st_uid}, and script checks are enabled; expected the user that the "
            f"registry runs as ({os.geteuid()}) or root: chown",
        )
