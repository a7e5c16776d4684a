"""Where settings are found: the built-in defaults, a TOML file, the environment, the flags."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.config.address import Address, parse_host, parse_port
from registry.config.errors import SettingError
from registry.config.setting import Setting, flag, variable
from registry.config.settings import DECLARED

DEFAULT_ORIGIN = "built-in default"


@dataclass(frozen=True, slots=True)
class Found:
    """A value as it was found, not yet read, and where that was, in words."""

    value: object
    origin: str


def gather(flags: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, Found]:
    """Return what counts for each setting: flags before environment before file before default.

    Raises:
        SettingError: the file can't be read or has unknown keys, a setting is given under both of
            its spellings in one place, or ``REGISTRY_HOST`` or ``REGISTRY_PORT`` is wrong.
    """
    below = {name: Found(setting.default, DEFAULT_ORIGIN) for name, setting in DECLARED.items()}
    below |= _from_file(flags, environ)
    found = _from_environment(environ) | _from_flags(flags)
    if "http_addr" not in found:
        found |= _earlier_address(environ, below["http_addr"])
    return below | found


def read(setting: Setting, found: Found) -> object:
    """Return the value of ``setting``.

    Raises:
        SettingError: what was found is not allowed.
    """
    try:
        return setting.kind.parse(found.value)
    except ValueError:
        raise SettingError.refused(setting.name, found.origin, found.value, setting.kind.allowed) from None


def suggestion(spelling: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for a misspelt word, or nothing if none is close."""
    close = difflib.get_close_matches(spelling, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _from_flags(flags: Mapping[str, str]) -> dict[str, Found]:
    given = {spelling: Found(value, f"flag {flag(spelling)}") for spelling, value in flags.items()}
    return _by_name(given)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Found]:
    given = {}
    for setting in DECLARED.values():
        for spelling in setting.spellings:
            # An empty variable counts as unset: that is what "${NAME:-}" in a compose file makes.
            if value := environ.get(variable(spelling)):
                given[spelling] = Found(value, f"environment variable {variable(spelling)}")
    return _by_name(given)


def _from_file(flags: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, Found]:
    if path := flags.get("config"):
        origin = f"flag {flag('config')}"
    elif path := environ.get(variable("config")):
        origin = f"environment variable {variable('config')}"
    else:
        return {}
    try:
        with Path(path).open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise SettingError("config", origin, f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingError("config", origin, f"{path} is not valid TOML: {error}") from error
    known = [spelling for setting in DECLARED.values() for spelling in setting.spellings]
    for key in table:
        if key not in known:
            raise SettingError(key, f"key in {path}", f"there is no such setting{suggestion(key, known)}")
    return _by_name({key: Found(value, f"key {key} in {path}") for key, value in table.items()})


def _by_name(given: Mapping[str, Found]) -> dict[str, Found]:
    found = {}
    for name, setting in DECLARED.items():
        present = [given[spelling] for spelling in setting.spellings if spelling in given]
        if len(present) > 1:
            origins = " and ".join(each.origin for each in present)
            raise SettingError(name, origins, "given twice, expected one of the two spellings")
        if present:
            found[name] = present[0]
    return found


def _earlier_address(environ: Mapping[str, str], below: Found) -> dict[str, Found]:
    """Return the address that ``REGISTRY_HOST`` and ``REGISTRY_PORT`` make, if one of them is set.

    They are the variables of the Go program that this one succeeds. What one of them leaves open
    comes from ``below``. Kubernetes sets ``REGISTRY_PORT`` to a URL in every pod beside a Service
    called "registry"; that is not meant for us and is passed over.
    """
    host, port = environ.get("REGISTRY_HOST"), environ.get("REGISTRY_PORT")
    if port and port.startswith("tcp://"):
        port = None
    if not host and not port:
        return {}
    address = read(DECLARED["http_addr"], below)
    assert isinstance(address, Address)
    host_origin, port_origin = "environment variable REGISTRY_HOST", "environment variable REGISTRY_PORT"
    try:
        address = Address(parse_host(host), address.port) if host else address
    except ValueError:
        raise SettingError.refused("http_addr", host_origin, host, "an IP address or localhost") from None
    try:
        address = Address(address.host, parse_port(port)) if port else address
    except ValueError:
        raise SettingError.refused("http_addr", port_origin, port, "a port from 1 to 65535") from None
    origin = " and ".join([host_origin] * bool(host) + [port_origin] * bool(port))
    return {"http_addr": Found(str(address), origin)}
