"""From a request line to an answer: parse once, look in the cache, else run the handler.

A `Plan` is the parsed form of a read. Its key leaves ``index``, ``wait`` and ``hash`` out, so that ten
thousand watchers of one thing and the plain readers of it share one rendered answer.
"""

import zlib
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from registry import __version__
from registry.http.answer import Answer, Headers
from registry.http.cache import AnswerCache, Key
from registry.http.errors import HttpError
from registry.http.options import (
    Options,
    check_datacenter,
    parse_consistency,
    parse_index,
    parse_wait,
)
from registry.http.query import strip_params
from registry.http.request import Read
from registry.http.routing import ReadRoute
from registry.wire.encode import pretty

_WAITING = frozenset((b"index", b"wait", b"hash"))

TEXT_MARK = b"\0text"
"""Ends the key of an answer made for ``Accept: text/plain``; no query string holds a NUL."""

NOSNIFF = (b"x-content-type-options", b"nosniff")
COMMON: Headers = [
    (b"vary", b"Accept-Encoding"),
    (b"x-consul-default-acl-policy", b"allow"),
    NOSNIFF,
]
"""Headers of every answer of a known endpoint."""

FAILED_META: Headers = [
    (b"x-consul-index", b"1"),
    (b"x-consul-knownleader", b"false"),
    (b"x-consul-lastcontact", b"0"),
]
"""Consul's index headers on a query that failed behind the HTTP layer."""


class World(Protocol):
    """What reads need to know of the world that handlers work on."""

    @property
    def datacenter(self) -> str:
        """Name of our datacenter."""

    @property
    def store_id(self) -> str:
        """Identity of the data."""

    def topic_index(self, topic: str) -> int:
        """Index of what was last changed under a topic."""


W = TypeVar("W", bound=World)


class Plan(Generic[W]):
    """A parsed read.

    Attributes:
        route, read: what to run and with what.
        key: the answer's place in the cache.
    """

    __slots__ = ("key", "read", "route")

    def __init__(self, route: ReadRoute, read: Read[W], key: Key) -> None:
        self.route = route
        self.read = read
        self.key = key

    @property
    def options(self) -> Options:
        """The parameters that all reads share."""
        return self.read.options


class Reads(Generic[W]):
    """Makes plans and answers.

    Args:
        world: what handlers read from.
        cache: where answers are kept.
    """

    def __init__(self, world: W, cache: AnswerCache) -> None:
        self._world = world
        self._cache = cache
        self._salt = zlib.crc32(f"{world.store_id} {__version__}".encode())

    def plan(
        self,
        route: ReadRoute,
        argument: str,
        params: dict[str, list[str]],
        key: Key,
        accept: bytes,
        cache_control: bytes,
    ) -> Plan[W]:
        """Return the plan of a read.

        Raises:
            HttpError: a parameter is bad; Consul's order of checks is kept.
        """
        index, digest, wait_s, consistency = 0, "", None, "leader"
        if route.effective or route.blocking or route.checked:
            consistency = parse_consistency(params, cache_control)
        if route.blocking or route.hashed or route.checked:
            wait_s = parse_wait(params)
            index = parse_index(params)
        if not route.blocking:
            index = 0
        if route.hashed:
            digest = params.get("hash", [""])[0]
        if not route.any_dc:
            check_datacenter(params, self._world.datacenter, meta=route.meta)
        options = Options(consistency, "cached" in params, "pretty" in params, index, digest, wait_s)
        if index or digest or wait_s is not None:
            key = (key[0], strip_params(key[1], _WAITING))
        accept_text = accept.startswith(b"text/plain")
        if accept_text:
            key = (key[0], key[1] + TEXT_MARK)
        read = Read(self._world, argument, params, options, accept_text=accept_text)
        return Plan(route, read, key)

    def answer(self, plan: Plan[W]) -> Answer:
        """Return the answer as of now, from the cache if it is there.

        Raises:
            HttpError: the handler found the request wrong.
        """
        answer = self._cache.answers.get(plan.key)
        if answer is None:
            answer = self._make(plan)
            self._cache.put(plan.key, answer)
        else:
            answer.used = True
        return answer

    def _make(self, plan: Plan[W]) -> Answer:
        route, options = plan.route, plan.read.options
        try:
            result = route.handler(plan.read)
        except HttpError as error:
            if route.meta and error.status >= 500:
                error.meta = True
            raise
        body = result.body
        if options.pretty and result.content_type == b"application/json":
            body = pretty(body)
        headers: Headers = [*COMMON, *result.headers]
        if result.content_type:
            headers.append((b"content-type", result.content_type))
        index, etag = 0, b""
        if route.meta:
            index = max([self._world.topic_index(topic) for topic in result.topics])
            headers.append((b"x-consul-index", b"%d" % index))
            headers.append((b"x-consul-knownleader", b"true"))
            headers.append((b"x-consul-lastcontact", b"0"))
            headers.append((b"x-consul-query-backend", b"blocking-query"))
            if route.effective:
                headers.append((b"x-consul-effective-consistency", options.consistency.encode()))
                etag = b'W/"%x-%x"' % (index, self._salt)
                headers.append((b"etag", etag))
        if route.cached and options.cached:
            headers.append((b"x-cache", b"MISS"))
        return Answer(
            result.status,
            headers,
            body,
            index=index,
            etag=etag,
            topics=result.topics,
            digest=result.digest,
        )


Evaluate = Callable[[Plan[Any]], Answer]
"""Makes the current answer of a plan."""
