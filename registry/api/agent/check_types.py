"""What kind of check a definition asks for, and what is wrong with it, in Consul's words."""

from typing import Any

from registry.api.agent.flap_fields import flapping_problem
from registry.config import Settings
from registry.config.scripts import DISABLED_IN_FILES, DISABLED_OVER_API, api_scripts, file_scripts
from registry.http.errors import HttpError

STATUSES = ("passing", "warning", "critical")

POLLED = ("HTTP", "TCP", "UDP", "GRPC", "H2PING", "OSService")
"""The fields that say what to ask every interval."""

_TRIGGERS = (
    ("GRPC", "grpc"),
    ("HTTP", "http"),
    ("TTL", "ttl"),
    ("TCP", "tcp"),
    ("UDP", "udp"),
    ("AliasNode", "alias"),
    ("AliasService", "alias"),
    ("ScriptArgs", "script"),
    ("H2PING", "h2ping"),
    ("OSService", "os_service"),
)
"""The fields that make a check one of a type, in the order in which Consul looks."""


def is_empty(given: dict[str, Any]) -> bool:
    """Say whether a definition says nothing, which inside of a service counts as no check.

    Go compares with the zero value, which an empty map is not. A service ID is no part of it.
    """
    return not any(
        value or isinstance(value, dict) for name, value in given.items() if name not in _NOT_COMPARED
    )


_NOT_COMPARED = frozenset(("ServiceID", "Namespace", "Partition"))


def is_script(given: dict[str, Any]) -> bool:
    """Say whether a check runs a program, in a container or not."""
    return bool(given.get("ScriptArgs"))


def is_alias(given: dict[str, Any]) -> bool:
    """Say whether a check follows the checks of a service or node."""
    return bool(given.get("AliasNode") or given.get("AliasService"))


def problem(given: dict[str, Any]) -> str:
    """Return what is wrong with a definition, "" for nothing; Consul's texts in Consul's order."""
    interval, ttl = given.get("Interval", 0), given.get("TTL", 0)
    alias = is_alias(given)
    polled = is_script(given) or any(given.get(name) for name in POLLED)
    if interval > 0 and ttl > 0:
        return "Interval and TTL cannot both be specified"
    if polled and interval <= 0:
        return "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"
    if polled and alias:
        return "Interval cannot be set for Alias checks"
    if alias and ttl > 0:
        return "TTL must be not be set for Alias checks"
    if not polled and not alias and ttl <= 0:
        return "TTL must be > 0 for TTL checks"
    if given.get("OutputMaxSize", 0) < 0:
        return "MaxOutputMaxSize must be positive"
    if given.get("FailuresBeforeWarning", 0) > given.get("FailuresBeforeCritical", 0):
        return "FailuresBeforeWarning can't be higher than FailuresBeforeCritical"
    return flapping_problem(given)


def type_of(given: dict[str, Any]) -> str:
    """Return the ``Type`` that a valid definition is shown with: the first that fits in Consul's order."""
    for field, kind in _TRIGGERS:
        value = given.get(field)
        if value and (field != "TTL" or value > 0):
            return "docker" if kind == "script" and given.get("DockerContainerID") else kind
    return ""


def refuse_scripts(settings: Settings, given: dict[str, Any], *, from_file: bool = False) -> None:
    """Refuse a check that runs a program, unless checks from where it comes may.

    Raises:
        HttpError: 500 with Consul's text.
    """
    allowed, text = (
        (file_scripts(settings), DISABLED_IN_FILES)
        if from_file
        else (api_scripts(settings), DISABLED_OVER_API)
    )
    if is_script(given) and not allowed:
        raise HttpError(500, text)
