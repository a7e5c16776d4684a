"""The route table's types, and finding a route as Go's ServeMux does.

Every route is declared once, in the file of its endpoint family; the router, the answers to OPTIONS
and 405, and what is said about an endpoint elsewhere are all made from that declaration.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from registry.http.answer import Result
from registry.http.request import Read, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path.

    Attributes:
        path: exact, or a prefix when it ends in "/": the rest of the path is the argument.
        summary: what it does, one line.
        right: the permission that it needs, in Consul's words (``service:write``); "" for none.
    """

    path: str
    summary: str
    right: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRoute(Route):
    """A GET: a pure function of the catalog, so its answers are cached and may be waited for.

    Attributes:
        handler: makes the result.
        meta: answers carry the index headers.
        blocking: honours ``index`` and ``wait``.
        hashed: blocks on ``hash`` instead (section "hash-based" of Consul's blocking queries).
        effective: answers say which consistency they have.
        checked: refuses bad consistency, ``index`` and ``wait`` although they have no effect.
        cached: honours ``cached``.
        any_dc: ignores ``dc``.
    """

    handler: Callable[[Read[Any]], Result]
    meta: bool = False
    blocking: bool = False
    hashed: bool = False
    effective: bool = False
    checked: bool = False
    cached: bool = False
    any_dc: bool = False

    method = "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRoute(Route):
    """Any other method, or a GET that is not a function of the catalog."""

    handler: Callable[[Request[Any]], Awaitable[Response]]
    method: str = "PUT"


class Found:
    """What the router found for a path.

    Attributes:
        routes: by method.
        argument: the rest of the path behind a prefix, else "".
        redirect: the path to go to instead, "" for none.
    """

    __slots__ = ("argument", "redirect", "routes")

    def __init__(
        self, routes: dict[str, ReadRoute | WriteRoute], argument: str = "", redirect: str = ""
    ) -> None:
        self.routes = routes
        self.argument = argument
        self.redirect = redirect

    def allow(self) -> bytes:
        """Return the value of the Allow header, in Consul's form: OPTIONS first, no space."""
        return ",".join(["OPTIONS", *self.routes]).encode()


class Router:
    """Finds routes by path.

    Raises:
        ValueError: two routes have the same method and path.
    """

    def __init__(self, routes: Iterable[ReadRoute | WriteRoute]) -> None:
        self._paths: dict[str, dict[str, ReadRoute | WriteRoute]] = {}
        for route in routes:
            methods = self._paths.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is declared twice")
            methods[route.method] = route

    def find(self, path: str) -> Found | None:
        """Return the routes of the longest pattern that matches, None if there is none."""
        exact = self._paths.get(path)
        if exact is not None:
            return Found(exact)
        if path + "/" in self._paths:
            return Found({}, redirect=path + "/")
        cut = len(path)
        while (cut := path.rfind("/", 0, cut)) > 0:
            routes = self._paths.get(path[: cut + 1])
            if routes is not None:
                return Found(routes, path[cut + 1 :])
        return None
