"""URLs of HTTP checks, read strictly and sent as they were given.

What is read here is exactly what is connected to and asked for: nothing is normalised, and a text
that two readers could understand differently (control characters, a backslash in the host, bad
escapes) is refused, in Go's words.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote as percent_encode
from urllib.parse import unquote_to_bytes

from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.resolver import parse_address
from registry.keeper.probes.target import Target, checked_port
from registry.wire.quote import quote

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*|)(#.*|)", re.DOTALL)
"""Scheme, authority, path, query, fragment: RFC 3986, appendix B."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)
_ODD_IN_USER = re.compile(r"[^A-Za-z0-9._~!$&'()*+,;=:@%-]")
_ODD_IN_HOST = re.compile(r"[^A-Za-z0-9._~-]")
_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
_KEPT_IN_PATH = "/%:@!$&'()*+,;=-._~"
_KEPT_IN_QUERY = _KEPT_IN_PATH + '?[]{}|^`\\"<>'
_PORTS = {"http": 80, "https": 443}


class BadUrl(ProbeFailed):
    """The text can't be a URL."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An http or https URL.

    Attributes:
        shown: its text as Go shows it, without a password.
        secure: whether it is https.
        target: where to connect to.
        authority: the Host header for it.
        path: path and query as they go into the request line, printable ASCII without spaces.
        user: user name and password, ``name:password``; None without.
    """

    shown: str
    secure: bool
    target: Target
    authority: str
    path: str
    user: bytes | None

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 6454): who is asked."""
        return f"{'https' if self.secure else 'http'}://{self.target.key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL.

        Raises:
            BadUrl: it is none: ``parse "::bad": missing protocol scheme``.
            ProbeFailed: it is one that can't be asked: ``unsupported protocol scheme "ftp"``.
        """
        scheme, authority, path, query, fragment = _split(text)
        if scheme not in _PORTS:
            raise ProbeFailed(f"unsupported protocol scheme {quote(scheme)}")
        user, at, place = authority.rpartition("@")
        if _ODD_IN_USER.search(user):
            raise _bad(text, "net/url: invalid userinfo")
        host, port = _host_and_port(text, place)
        if not place or not host:
            raise ProbeFailed("http: no Host in request URL")
        path = percent_encode(path, _KEPT_IN_PATH)
        place = place.removesuffix(":")
        return cls(
            shown=redacted(f"{scheme}://{user}{at}{place}{path}{query}{fragment}"),
            secure=scheme == "https",
            target=Target(host, checked_port(port) if port else _PORTS[scheme]),
            authority=place,
            path=(path or "/") + percent_encode(query, _KEPT_IN_QUERY),
            user=_credentials(user) if at else None,
        )


def redacted(text: str) -> str:
    """Return a URL's text with its password, if it has one, as ``***``; what is no URL stays as it is."""
    found = _PARTS.fullmatch(text)
    user, at, _ = (found[2] or "").rpartition("@") if found else ("", "", "")
    name, colon, _ = user.partition(":")
    if found is None or not at or not colon:
        return text
    start = found.start(2)
    return f"{text[:start]}{name}:***{text[start + len(user) :]}"


def _split(text: str) -> tuple[str, str, str, str, str]:
    """Return scheme, authority, path, and with the character that begins them query and fragment."""
    if _CONTROL.search(text):
        raise _bad(text, "net/url: invalid control character in URL")
    if text.startswith(":"):
        raise _bad(text, "missing protocol scheme")
    found = _PARTS.fullmatch(text)
    assert found is not None, "every part of the pattern may be empty"
    scheme, authority, path = (found[1] or "").lower(), found[2] or "", found[3]
    if not scheme and ":" in path.partition("/")[0]:
        raise _bad(text, "first path segment in URL cannot contain colon")
    bad = _BAD_ESCAPE.search(authority + path)
    if bad is not None:
        raise _bad(text, f"invalid URL escape {quote(bad[0])}")
    return scheme, authority, path, found[4], found[5]


def _host_and_port(text: str, place: str) -> tuple[str, str]:
    found = _HOST_PORT.fullmatch(place)
    if found is None:
        if place.startswith("[") and "]" not in place:
            raise _bad(text, "missing ']' in host")
        raise _bad(text, f"invalid port {quote(place[place.rfind(':') :])} after host")
    host = found[1]
    if host.startswith("["):
        host = host[1:-1].replace("%25", "%")
        if parse_address(host) is None:
            raise _bad(text, "invalid host")
        return host, found[2] or ""
    escape = re.search("%..", host)
    if escape is not None:
        raise _bad(text, f"invalid URL escape {quote(escape[0])}")
    odd = next((char[0] for char in _ODD_IN_HOST.finditer(host) if char[0].isascii()), None)
    if odd is not None:
        raise _bad(text, f"invalid character {quote(odd)} in host name")
    return host, found[2] or ""


def _credentials(user: str) -> bytes:
    name, _, password = user.partition(":")
    return unquote_to_bytes(name) + b":" + unquote_to_bytes(password)


def _bad(text: str, why: str) -> BadUrl:
    return BadUrl(f"parse {quote(redacted(text))}: {why}")
