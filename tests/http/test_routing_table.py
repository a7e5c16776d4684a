"""Finding routes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.api.routes import ROUTES
from registry.http.answer import Result
from registry.http.request import Read, Request, Response
from registry.http.routing import ReadRoute, Router, WriteRoute


def _read(_: Read[Any]) -> Result:
    return Result(b"", ())


async def _write(_: Request[Any]) -> Response:
    return Response()


def get(path: str) -> ReadRoute:
    return ReadRoute(path=path, summary="", handler=_read)


def put(path: str, method: str = "PUT") -> WriteRoute:
    return WriteRoute(path=path, summary="", handler=_write, method=method)


TABLE: list[ReadRoute | WriteRoute] = [
    get("/"),
    get("/v1/a"),
    put("/v1/a"),
    get("/v1/b/"),
    get("/v1/b/c/"),
    put("/v1/b/c/", "DELETE"),
    get("/v1/b/d"),
]


@pytest.mark.parametrize(
    ("path", "found", "argument"),
    [
        ("/", "/", ""),
        ("/v1/a", "/v1/a", ""),
        ("/v1/b/", "/v1/b/", ""),
        ("/v1/b/x", "/v1/b/", "x"),
        ("/v1/b/x/y", "/v1/b/", "x/y"),
        ("/v1/b/c/", "/v1/b/c/", ""),
        ("/v1/b/c/x", "/v1/b/c/", "x"),
        ("/v1/b/d", "/v1/b/d", ""),
        ("/v1/b/d/", "/v1/b/", "d/"),
    ],
)
def test_the_longest_pattern_wins(path: str, found: str, argument: str) -> None:
    match = Router(TABLE).find(path)
    assert match is not None
    assert {route.path for route in match.routes.values()} == {found}
    assert (match.argument, match.redirect) == (argument, "")


@pytest.mark.parametrize("path", ["/v", "/v1", "/v1/", "/v1/a/", "/v1/a/b", "/x", "v1/a"])
def test_other_paths_are_unknown(path: str) -> None:
    assert Router(TABLE).find(path) is None


@pytest.mark.parametrize("path", ["/v1/b", "/v1/b/c"])
def test_a_prefix_without_its_slash_is_sent_there(path: str) -> None:
    match = Router(TABLE).find(path)
    assert match is not None
    assert (match.redirect, match.routes) == (path + "/", {})


def test_the_methods_of_a_path_are_told() -> None:
    router = Router(TABLE)
    for path, allow in (("/v1/a", b"OPTIONS,GET,PUT"), ("/v1/b/c/x", b"OPTIONS,GET,DELETE")):
        match = router.find(path)
        assert match is not None
        assert match.allow() == allow


def test_a_route_is_declared_once() -> None:
    with pytest.raises(ValueError, match=r"^GET /v1/a is declared twice$"):
        Router([*TABLE, get("/v1/a")])


@given(
    st.lists(st.sampled_from(["v1", "a", "b", "c", "d", ""]), max_size=6).map(
        lambda parts: "/" + "/".join(parts)
    )
)
def test_any_path_is_found_by_its_longest_prefix(path: str) -> None:
    patterns = {route.path for route in TABLE}
    match = Router(TABLE).find(path)
    prefixes = [each for each in patterns if each.endswith("/") and each != "/" and path.startswith(each)]
    if path in patterns:
        expected = path
    elif path + "/" in patterns:
        assert match is not None
        assert match.redirect == path + "/"
        return
    elif prefixes:
        expected = max(prefixes, key=len)
    else:
        assert match is None
        return
    assert match is not None
    assert match.routes["GET"].path == expected


def test_every_route_of_the_registry_says_what_it_is() -> None:
    Router(ROUTES)
    for route in ROUTES:
        assert route.path.startswith("/")
        assert route.summary
        assert not route.summary.endswith(".")
