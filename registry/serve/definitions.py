"""Definition files: read where the settings are read, by the supervisor.

So a wrong one keeps it from starting, or a reload from happening, and all workers register what was
found to be right then, whatever has become of the files since.
"""

from typing import TYPE_CHECKING

from registry.config import Settings

if TYPE_CHECKING:
    from registry.api.files import Definitions


def read_definitions(settings: Settings) -> "Definitions | None":
    """Return what the definition files define, None when there is no folder of them.

    Raises:
        SettingError: a file is wrong.
    """
    if settings.definitions_dir is None:
        return None
    from registry.api import files  # a supervisor without definition files stays small

    return files.read_definitions(settings)


def summary(definitions: "Definitions") -> str:
    """Return in words how much the files define."""
    services, checks = len(definitions.services), len(definitions.checks)
    return f"{services} services and {checks} further checks in {definitions.files} files"
