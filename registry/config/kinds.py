"""The kinds of value a setting can have: how each is read, shown and described."""

import json
import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

from registry.config.address import parse_address
from registry.wire.duration import SECOND, format_duration, parse_duration

MAX_HOST_NAME_CHARS = 253  # RFC 1035 section 2.3.4, without the root's dot
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode categories: controls, surrogates, line ends
_DIGITS = re.compile(r"[0-9]{1,18}")
_FRACTION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}")
_SIZE = re.compile(r"([0-9]{1,18})(B|KiB|MiB|GiB|TiB)?")
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_SIZE_UNITS = {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10}

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of a setting are read and shown.

    Attributes:
        parse: takes what was found (text from a flag or the environment; text, a number, a
            boolean or a list from a TOML file) and returns the value. Raises ValueError when
            it is not allowed; whoever knows the setting and where it came from words the error.
        show: writes a value as TOML that ``parse`` reads back as the same value.
        allowed: what is allowed, in words that end a sentence.
    """

    parse: Callable[[object], Any]
    show: Callable[[Any], str]
    allowed: str


def quoted(value: object) -> str:
    """Return ``value`` as a TOML basic string."""
    return json.dumps(str(value), ensure_ascii=False)


def show_size(size: int) -> str:
    """Return a number of bytes in the largest unit that divides it, as in ``64MiB``."""
    for unit, length in _SIZE_UNITS.items():
        if size and size % length == 0:
            return f"{size // length}{unit}"
    return f"{size}B"


def show_duration(seconds: float) -> str:
    """Return a time span in Go's notation, as in ``1m30s``."""
    return format_duration(round(seconds * SECOND))


def integer(low: int, high: int) -> Kind:
    """Whole numbers from ``low`` to ``high``."""

    def parse(found: object) -> int:
        if isinstance(found, str) and _DIGITS.fullmatch(found):
            found = int(found)
        if not isinstance(found, int) or isinstance(found, bool):
            raise ValueError(found)
        return _within(found, low, high)

    return Kind(parse, str, f"a whole number from {low} to {high}")


def size(low: int, high: int) -> Kind:
    """Numbers of bytes, written as a whole number or with a binary unit."""

    def parse(found: object) -> int:
        if isinstance(found, str) and (match := _SIZE.fullmatch(found)):
            found = int(match[1]) * _SIZE_UNITS.get(match[2], 1)
        if not isinstance(found, int) or isinstance(found, bool):
            raise ValueError(found)
        return _within(found, low, high)

    bounds = f"from {show_size(low)} to {show_size(high)}"
    return Kind(
        parse, lambda value: quoted(show_size(value)), f"a size {bounds}, as bytes or like 512KiB or 1MiB"
    )


def duration(low: float, high: float) -> Kind:
    """Time spans in Go's notation; the value is in seconds."""

    def parse(found: object) -> float:
        return _within(parse_duration(_text(found)) / SECOND, low, high)

    bounds = f"from {show_duration(low)} to {show_duration(high)}"
    return Kind(
        parse, lambda value: quoted(show_duration(value)), f"a duration {bounds}, written like 30s or 1h30m"
    )


def share() -> Kind:
    """Parts of a whole, from 0 to 1."""

    def parse(found: object) -> float:
        if isinstance(found, str) and _FRACTION.fullmatch(found):
            found = float(found)
        if not isinstance(found, int | float) or isinstance(found, bool):
            raise ValueError(found)
        return _within(float(found), 0.0, 1.0)

    return Kind(parse, repr, "a number from 0 to 1, like 0.5")


def choice(*options: str) -> Kind:
    """One of a few words."""

    def parse(found: object) -> str:
        if found not in options:
            raise ValueError(found)
        return str(found)

    return Kind(parse, quoted, "one of " + ", ".join(options))


def pattern(expression: str, allowed: str) -> Kind:
    """Text that a regular expression matches whole; ``allowed`` says in words what it takes."""
    compiled = re.compile(expression)

    def parse(found: object) -> str:
        if not compiled.fullmatch(_text(found)):
            raise ValueError(found)
        return _text(found)

    return Kind(parse, quoted, allowed)


def label(max_bytes: int) -> Kind:
    """Names people give: any script, but nothing that could break a line or a header."""

    def parse(found: object) -> str:
        text = _text(found)
        categories = set(map(unicodedata.category, text))
        if categories & _UNPRINTABLE or not 1 <= len(text.encode()) <= max_bytes:
            raise ValueError(found)
        return text

    return Kind(parse, quoted, f"1 to {max_bytes} bytes of UTF-8 without control characters")


def address() -> Kind:
    """What to listen on, as an ``Address``."""
    return Kind(
        lambda found: parse_address(_text(found)),
        quoted,
        "HOST:PORT, where HOST is an IP address or localhost (an IPv6 address in brackets) and "
        "PORT is from 1 to 65535",
    )


def host() -> Kind:
    """An IP address or a host name."""
    return Kind(lambda found: _host(_text(found)), quoted, "an IP address or a host name")


def host_names() -> Kind:
    """Several host names in lower case, as a tuple."""

    def parse(found: object) -> tuple[str, ...]:
        if isinstance(found, str):
            found = [name.strip() for name in found.split(",")] if found else []
        if not isinstance(found, list):
            raise ValueError(found)
        return tuple(_host(_text(name)).lower() for name in found)

    return Kind(
        parse,
        lambda value: "[" + ", ".join(map(quoted, value)) + "]",
        "host names without a port: separated by commas, or a list in the file",
    )


def folder() -> Kind:
    """A folder that exists or can be made, as an absolute path."""

    def parse(found: object) -> Path:
        path = _path(found)
        if os.path.exists(path) and not os.path.isdir(path):  # these never raise, unlike Path's
            raise ValueError(found)
        return path

    return Kind(parse, quoted, "the path of a folder, which is made if it does not exist")


def some_path() -> Kind:
    """The path of something that may come and go, as an absolute path."""
    return Kind(_path, quoted, "a path")


def existing_folder() -> Kind:
    """A folder that exists and that this process may read, as an absolute path."""

    def parse(found: object) -> Path:
        path = _path(found)
        if not os.path.isdir(path) or not os.access(path, os.R_OK | os.X_OK):
            raise ValueError(found)
        return path

    return Kind(parse, quoted, "the path of a folder that exists and can be read")


def switch() -> Kind:
    """On or off, as a boolean."""
    words = {"true": True, "false": False}

    def parse(found: object) -> bool:
        if isinstance(found, bool):
            return found
        word = _text(found).lower()
        if word not in words:
            raise ValueError(found)
        return words[word]

    return Kind(parse, lambda value: str(value).lower(), "true or false")


def readable_file() -> Kind:
    """A file that this process may read, as an absolute path."""

    def parse(found: object) -> Path:
        path = _path(found)
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            raise ValueError(found)
        return path

    return Kind(parse, quoted, "the path of a file that can be read")


def derived(kind: Kind, word: str, meaning: str) -> Kind:
    """``kind``, or ``word`` for a value that follows from elsewhere and is read as None."""

    def parse(found: object) -> Any:
        return None if found == word else kind.parse(found)

    def show(value: Any) -> str:
        return quoted(word) if value is None else kind.show(value)

    shown = word or "empty"
    return Kind(parse, show, f"{kind.allowed}; or {shown}, which means {meaning}")


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise ValueError(found)
    return found


def _path(found: object) -> Path:
    text = _text(found)
    if not text or not text.isprintable():
        raise ValueError(found)
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:  # "~name" of nobody
        raise ValueError(found) from error


def _host(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        labels = text.split(".")
        if len(text) > MAX_HOST_NAME_CHARS or not all(map(_HOST_LABEL.fullmatch, labels)):
            raise
        return text


def _within(value: Number, low: Number, high: Number) -> Number:
    if not low <= value <= high:
        raise ValueError(value)
    return value
