"""Who may have programs run: the rule on its settings, and the texts of its refusals.

A check that runs a program is a way to run any program. From a definition file, whoever can write there
could do so anyway; over the API, whoever reaches the port gains it.
"""

from collections.abc import Mapping
from typing import Any

from registry.config.errors import SettingError
from registry.config.settings import Settings

DISABLED_OVER_API = (
    "Scripts are disabled on this agent from remote calls; "
    "to enable, configure 'enable_script_checks' to true"
)
DISABLED_IN_FILES = (
    "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' "
    "or 'enable_local_script_checks' to true"
)
"""Consul's texts."""


def api_scripts(settings: Settings) -> bool:
    """Say whether checks that were registered over the API may run programs."""
    return settings.enable_script_checks


def file_scripts(settings: Settings) -> bool:
    """Say whether checks of definition files may run programs."""
    return settings.enable_script_checks or settings.enable_local_script_checks


def check_exposure(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    """Check that nobody can run programs here without proving who they are.

    Raises:
        SettingError: the API takes checks that run programs, and is open to other machines.
    """
    if values["enable_script_checks"] and _open_to_others(values):
        raise SettingError(
            "enable_script_checks",
            origins["enable_script_checks"],
            f"found true while the API listens on {values['http_addr']} without access control, so that "
            "whoever reaches it could run any program here; expected a loopback http_addr, or false with "
            "enable_local_script_checks for checks from definition files",
        )


def _open_to_others(values: Mapping[str, Any]) -> bool:
    """Say whether programs on other machines may change the registry: there is no access control yet."""
    return not values["http_addr"].is_loopback


def warning(settings: Settings) -> list[str]:
    """Return the lines to warn with at the start, none when there is nothing to warn of."""
    if not api_scripts(settings):
        return []
    return [
        "WARNING: enable_script_checks is true.",
        f"Whoever reaches {settings.http_addr} can run any program on this machine, as the user that the",
        "registry runs as: every user and program of the machine, and whoever a proxy or tunnel lets in.",
        "Unless checks with Args have to be registered over the API, set enable_local_script_checks",
        "instead, which runs those of definition files alone.",
    ]
