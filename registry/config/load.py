"""Making the settings, and making them again while running."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from registry.config.checks import check, complete
from registry.config.errors import SettingError
from registry.config.settings import DECLARED, Settings
from registry.config.sources import gather, read

NOTHING: Mapping[str, str] = MappingProxyType({})


def load(flags: Mapping[str, str] = NOTHING, environ: Mapping[str, str] = NOTHING) -> Settings:
    """Return the settings in effect: flags before environment before file before default.

    Args:
        flags: what the command line gave, by the setting's name, as text; ``config`` is the file.
        environ: the environment; what does not concern the registry is passed over.

    Raises:
        SettingError: a setting is unknown or wrong. Nothing has been started or made by then.
    """
    found = gather(flags, environ)
    values: dict[str, Any] = {name: read(setting, found[name]) for name, setting in DECLARED.items()}
    origins = {name: found[name].origin for name in DECLARED}
    complete(values, origins)
    check(values, origins)
    return Settings(**values, origins=origins, flags=flags, environ=environ)


def reload(running: Settings) -> Settings:
    """Return the settings as they are now, for a registry that runs with ``running``.

    Raises:
        SettingError: a setting is wrong, or one has changed that can't change while running. The
            caller goes on with what it has.
    """
    fresh = load(running.flags, running.environ)
    for name, setting in DECLARED.items():
        before, after = getattr(running, name), getattr(fresh, name)
        if before != after and not setting.live:
            show = setting.kind.show
            raise SettingError(
                name,
                fresh.origins[name],
                f"found {show(after)}, expected {show(before)} until the next start",
            )
    return fresh
