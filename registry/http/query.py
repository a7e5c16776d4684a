"""Query strings and paths as Go's net/url and ServeMux read them."""

import posixpath
import re
from urllib.parse import unquote_to_bytes

from registry.http.errors import HttpError, NoEndpoint

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Return the parameters with all their values, in order; invalid UTF-8 is replaced.

    Raises:
        HttpError: 400, an escape is incomplete. Consul answers 500 without text there.
    """
    if not raw:
        return {}
    bad = _BAD_ESCAPE.search(raw)
    if bad:
        raise HttpError(400, f"Invalid query string: incomplete escape at offset {bad.start()}")
    params: dict[str, list[str]] = {}
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            params.setdefault(_unescape(name), []).append(_unescape(value))
    return params


def _unescape(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace")


def strip_params(raw: bytes, names: frozenset[bytes]) -> bytes:
    """Return the query string without the parameters named, however their names are escaped."""
    parts = raw.split(b"&")
    return b"&".join([part for part in parts if unquote_to_bytes(part.partition(b"=")[0]) not in names])


def decode_path(raw: bytes) -> str:
    """Return the path, decoded once.

    Raises:
        NoEndpoint: 400 with an empty body for control characters or an incomplete escape.
    """
    if _BAD_ESCAPE.search(raw):
        raise NoEndpoint(400, "")
    path = unquote_to_bytes(raw).decode("utf-8", "replace")
    if _UNPRINTABLE.search(path):
        raise NoEndpoint(400, "")
    return path


def clean_path(path: str) -> str:
    """Return the path without empty and dot segments; a trailing slash stays."""
    if "//" not in path and "/." not in path:
        return path
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned
