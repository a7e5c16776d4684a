"""Settings that follow from others or from the machine, and those that have to fit each other."""

import os
import resource
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from registry.config.errors import SettingError
from registry.config.scripts import check_exposure
from registry.config.settings import DECLARED
from registry.config.sources import DEFAULT_ORIGIN, Found, read
from registry.config.tls import check_pair

FILES_SPARED = 1000
"""Open files left to everything but connections when the program chooses their number."""

FILES_SPARED_MIN = 100
"""The same when the user chooses it."""

CONNECTIONS_MIN, CONNECTIONS_MAX = 100, 1_000_000
"""The least and the most connections that the program chooses."""

MAX_WAITERS = 20_000
MAX_WORKERS = 64


def complete(values: dict[str, Any], origins: dict[str, str]) -> None:
    """Fill in the settings that were left to be derived, which are None.

    Raises:
        SettingError: the name of this host can't serve as the node's name.
    """
    derive: dict[str, Callable[[], object]] = {
        "workers": lambda: min(max(2, len(os.sched_getaffinity(0))), MAX_WORKERS),
        "max_connections": lambda: min(max(CONNECTIONS_MIN, open_files() - FILES_SPARED), CONNECTIONS_MAX),
        "max_waiters": lambda: min(MAX_WAITERS, max(1, values["max_connections"] * 9 // 10)),
        "node_name": lambda: read(
            DECLARED["node_name"], Found(socket.gethostname() or "localhost", "host name")
        ),
        "node_address": lambda: (
            "127.0.0.1" if values["http_addr"].is_unspecified else values["http_addr"].host
        ),
        "max_size": lambda: values["map_size"] // 4,
        "warn_size": lambda: values["max_size"] // 2,
    }
    for name, value in derive.items():
        if values[name] is None:
            values[name] = value()
            origins[name] += ", derived"


def check(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    """Check the settings against each other and against what the machine allows.

    Raises:
        SettingError: two settings contradict each other, or the machine has no room for one.
    """
    _check_order(values, origins, "default_query_time", "max_query_time")
    _check_order(values, origins, "warn_size", "max_size")
    _check_order(values, origins, "max_size", "map_size")
    if values["http_mode"] == "http1":  # over HTTP/2 many waiters share a connection
        _check_order(values, origins, "max_waiters", "max_connections")
    most = max(CONNECTIONS_MIN, open_files() - FILES_SPARED_MIN)
    if values["max_connections"] > most:
        raise SettingError.refused(
            "max_connections",
            origins["max_connections"],
            values["max_connections"],
            f"at most {most}, as a process may open {open_files()} files here (ulimit -Hn)",
        )
    check_pair(values["tls_cert"], values["tls_key"], origins)
    check_exposure(values, origins)


def open_files() -> int:
    """Return how many files this process may open once it has raised its limit, as the server does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _check_order(values: Mapping[str, Any], origins: Mapping[str, str], low: str, high: str) -> None:
    """Check that ``low`` does not exceed ``high``; blame the one that somebody set."""
    if values[low] <= values[high]:
        return
    name, bound, other = (low, "at most", high)
    if origins[low].startswith(DEFAULT_ORIGIN):
        name, bound, other = (high, "at least", low)
    shown = DECLARED[other].kind.show(values[other])
    raise SettingError(
        name,
        origins[name],
        f"found {DECLARED[name].kind.show(values[name])}, expected {bound} {other}, {shown}",
    )
