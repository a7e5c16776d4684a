"""What keeps the project readable: who imports whom, sizes, and that nothing is declared half-way."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from registry.api.routes import ROUTES
from registry.config.settings import DECLARED

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "registry").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BENCHES = sorted((ROOT / "bench").rglob("*.py"))

LEAVES = {"wire", "config", "observe"}
"""Rooms that any other may use."""

MAY_IMPORT = {
    "__main__": {"cli"},
    "cli": {"serve", "console", *LEAVES},
    "console": LEAVES,
    "serve": {"asgi", "api", "http", "keeper", "replica", "catalog", "store", *LEAVES},
    "asgi": {"api", "http", "catalog", "store", *LEAVES},
    "api": {"http", "replica", "catalog", "store", *LEAVES},
    "keeper": {"replica", "catalog", "store", *LEAVES},
    "replica": {"catalog", "store", *LEAVES},
    "http": LEAVES,
    "store": LEAVES,
    "catalog": {"wire"},
    "config": {"wire"},
    "observe": set(),
    "wire": set(),
}
"""The arrows: each room, and the others that it may know."""

ONE_ROOM = {"lmdb": "store", "granian": "serve", "pyroaring": "catalog", "orjson": "wire"}
"""Libraries that a single room hides from the rest."""

FILE_LINES, TEST_LINES, FUNCTION_LINES = 500, 600, 70

PUBLIC = {
    *("/", "/health", "/v1/agent/version", "/v1/status/leader", "/v1/status/peers"),
    *("/v1/catalog/datacenters", "/v1/coordinate/datacenters"),
}
"""Paths that need no right: they tell nothing of what is registered."""


def room(source: Path) -> str:
    """The first folder below the package, or the name of a file that stands beside the folders."""
    return source.relative_to(ROOT / "registry").with_suffix("").parts[0]


@cache
def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


def imports(source: Path) -> Iterator[str]:
    """The dotted names of all modules that a file imports, wherever it does so."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: imports are written out"
            assert node.module is not None
            yield node.module
            if node.module == "registry":
                yield from (f"registry.{alias.name}" for alias in node.names)


def named(source: Path) -> str:
    return str(source.relative_to(ROOT))


def test_who_imports_whom() -> None:
    assert {room(source) for source in SOURCES} - {"__init__"} == MAY_IMPORT.keys()
    wrong = []
    for source in SOURCES:
        for module in imports(source):
            package, _, rest = module.partition(".")
            other = rest.partition(".")[0]
            if package != "registry" or other in ("", "__version__", room(source)):
                continue
            if other not in MAY_IMPORT[room(source)]:
                wrong.append(f"{named(source)} imports {module}")
    assert wrong == []


def test_the_arrows_have_no_circle() -> None:
    left = {name: set(others) for name, others in MAY_IMPORT.items()}
    while left:
        ends = {name for name, others in left.items() if not others & left.keys()}
        assert ends, f"circle among {sorted(left)}"
        left = {name: others for name, others in left.items() if name not in ends}


def test_libraries_stay_in_their_rooms() -> None:
    users: dict[str, set[str]] = {library: set() for library in ONE_ROOM}
    for source in SOURCES:
        for module in imports(source):
            users.get(module.partition(".")[0], set()).add(room(source))
    assert users == {library: {only} for library, only in ONE_ROOM.items()}


@pytest.mark.parametrize(
    ("files", "limit"), [(SOURCES + BENCHES, FILE_LINES), (TESTS, TEST_LINES)], ids=["code", "tests"]
)
def test_sizes(files: list[Path], limit: int) -> None:
    large = []
    for source in files:
        if (lines := len(source.read_text().splitlines())) > limit:
            large.append(f"{named(source)}: {lines} lines")
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    large.append(f"{named(source)}: {node.name} has {lines} lines")
    assert large == []


def test_every_limit_is_tested() -> None:
    """Each setting ``max_*`` is mentioned by a test of what it limits, by its name or as a flag."""
    about = [test for test in TESTS if "config" not in test.parts and test != Path(__file__)]
    text = "\n".join(test.read_text() for test in about)
    limits = [name for name in DECLARED if name.startswith("max_")]
    assert len(limits) > 5
    pattern = {name: re.compile(rf"\b{name.replace('_', '[_-]')}\b") for name in limits}
    assert [name for name in limits if not pattern[name].search(text)] == []


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    files = [*SOURCES, *TESTS, *BENCHES, ROOT / "README.md", ROOT / "Makefile", ROOT / "pyproject.toml"]
    files += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "ops").rglob("*.sh")]
    assert [named(file) for file in files if words.search(file.read_text())] == []


def test_every_route_says_what_it_does_and_what_it_needs() -> None:
    for route in ROUTES:
        assert re.fullmatch(r"[A-Z].*[^.]", route.summary), route.path
        assert len(route.summary) < 100, route.path
        if route.path in PUBLIC:
            assert route.right == "", route.path
        else:
            assert re.fullmatch(r"[a-z]+:(read|write)", route.right), f"{route.method} {route.path}"
    assert {route.path for route in ROUTES} >= PUBLIC


def test_names_of_routes_are_uniform() -> None:
    """No two paths differ only in case or a trailing slash, and none has anything to be escaped."""
    paths = {route.path for route in ROUTES}
    assert all(re.fullmatch(r"/[a-z0-9/-]*", path) for path in paths)
    assert len({path.rstrip("/") for path in paths}) == len(paths)
