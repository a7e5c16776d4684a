"""The request that an HTTP check sends.

A header can't be smuggled in: names, values and method are checked against what RFC 9110 allows
before anything is sent, and the framing (length, Connection, Host) is ours alone. Nothing is added
that the check's definition doesn't name: no proxy, no cookie, no credential of this machine.
"""

import base64
import contextlib
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urljoin

import h11

from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.http_url import BadUrl, HttpUrl, redacted
from registry.wire.quote import quote

USER_AGENT = "Consul Health Check"
ACCEPT = "text/plain, text/*, */*"

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NOT_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset(("host", "user-agent", "connection", "content-length", "transfer-encoding", "trailer"))
_CREDENTIALS = frozenset(("authorization", "cookie", "cookie2", "www-authenticate"))
_ABOUT_THE_BODY = frozenset(("content-type", "content-encoding", "content-language"))
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
_SAFE = frozenset(("GET", "HEAD"))
_SEND_AGAIN = frozenset((307, 308))


@dataclass(frozen=True)
class HttpRequest:
    """One request.

    Attributes:
        headers: those of the check, without what is ours to say; names as given.
        host: the Host header if it differs from the URL's, "" if not.
        agent: the User-Agent header.
        keep: whether the connection may be used again afterwards.
    """

    method: str
    url: HttpUrl
    headers: tuple[tuple[str, str], ...]
    host: str
    agent: str
    body: bytes
    keep: bool = False

    @classmethod
    def of_check(cls, definition: Mapping[str, Any], *, keep: bool = False) -> Self:
        """Make the request that a check asks for.

        Args:
            definition: of the check.
            keep: whether connections are kept, where that pays: it is over TLS, and sending it twice does
                no harm.

        Raises:
            ProbeFailed: its method, URL or headers can't be sent; Go's text for it.
        """
        method = definition.get("Method") or "GET"
        if not _TOKEN.fullmatch(method):
            raise ProbeFailed(f"net/http: invalid method {quote(method)}")
        text = definition["HTTP"]
        with failing_to(method, text):
            url = HttpUrl.parse(text)
            given = _checked(definition.get("Header", {}))
        body = definition.get("Body", "").encode("utf-8", "replace")
        return cls(
            method=method,
            url=url,
            headers=tuple((name, value) for name, value in given if name.lower() not in _OURS),
            host=_first(given, "host"),
            agent=_first(given, "user-agent") or USER_AGENT,
            body=body,
            keep=keep and url.secure and method in _SAFE and not body,
        )

    @property
    def wants_gzip(self) -> bool:
        """Whether we ask for compression ourselves, and so undo it."""
        named = {name.lower() for name, _ in self.headers}
        return self.method != "HEAD" and not named & {"accept-encoding", "range"}

    @functools.cached_property
    def head(self) -> h11.Request:
        """The request line and headers; made once, as the same request is sent again and again.

        Raises:
            h11.LocalProtocolError: they can't be sent after all.
        """
        return h11.Request(method=self.method, target=self.url.path, headers=self.lines())

    def lines(self) -> list[tuple[bytes, bytes]]:
        """Return all headers, in the order in which Consul sends them."""
        lines = [("Host", self.host or self.url.authority), ("User-Agent", self.agent)]
        if self.body or self.method in _WITH_BODY:
            lines.append(("Content-Length", str(len(self.body))))
        named = {name.lower() for name, _ in self.headers}
        if "accept" not in named:
            lines.append(("Accept", ACCEPT))
        if self.url.user is not None and "authorization" not in named:
            lines.append(("Authorization", "Basic " + base64.b64encode(self.url.user).decode()))
        lines += self.headers
        if self.wants_gzip:
            lines.append(("Accept-Encoding", "gzip"))
        if not self.keep:
            lines.append(("Connection", "close"))
        return [(name.encode(), value.encode("utf-8", "replace")) for name, value in lines]

    def redirected(self, status: int, location: str) -> "HttpRequest":
        """Return the request to make when this one was answered with a redirect.

        Credentials go to no other origin than the one they were given for.

        Raises:
            ProbeFailed: the new place can't be asked; the text names it.
        """
        again = status in _SEND_AGAIN
        method = self.method if again or self.method == "HEAD" else "GET"
        with failing_to(method, location):
            url = self._follow(location)
        same = url.origin == self.url.origin
        if same and url.user is None:
            url = dataclasses.replace(url, user=self.url.user)
        kept = self.headers if same else _without(self.headers, _CREDENTIALS)
        return dataclasses.replace(
            self,
            method=method,
            url=url,
            headers=kept if again else _without(kept, _ABOUT_THE_BODY),
            host=self.host if same else "",
            body=self.body if again else b"",
            keep=False,
        )

    def _follow(self, location: str) -> HttpUrl:
        if not location.isprintable():  # urljoin would drop some of it
            raise ProbeFailed(f"failed to parse Location header {quote(location)}: invalid control character")
        try:
            return HttpUrl.parse(urljoin(self.url.origin + self.url.path, location))
        except ValueError as error:
            raise ProbeFailed(f"failed to parse Location header {quote(location)}: {error}") from None


@contextlib.contextmanager
def failing_to(method: str, text: str) -> Iterator[None]:
    """Put what was tried in front of a failure, as Go does: ``Get "http://x/": EOF``."""
    try:
        yield
    except BadUrl:
        raise  # names the URL itself
    except ProbeFailed as failure:
        raise ProbeFailed(f"{method[:1]}{method[1:].lower()} {quote(redacted(text))}: {failure}") from None


def _checked(given: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Return the headers in order, without space around their values; all of them can be sent."""
    headers = []
    for name, values in sorted(given.items()):
        if not _TOKEN.fullmatch(name):
            raise ProbeFailed(f"net/http: invalid header field name {quote(name)}")
        for value in values:
            if _NOT_IN_VALUE.search(value):
                raise ProbeFailed(f"net/http: invalid header field value for {quote(name)}")
            headers.append((name, value.strip(" \t")))
    return headers


def _first(headers: list[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _without(headers: tuple[tuple[str, str], ...], names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in names)
