"""Starts the two servers, gives each test an empty pair of them, and judges it at the end."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from harness.consul import ConsulServer, consul_binary
from harness.server import RegistryServer

from differential.known_differences import RULES, KnownDifferences
from differential.pair import Pair
from differential.side import Side

NODE = "node-a"
HERE = Path(__file__).parent
LEFT_OUT: list[str] = []
SUBJECT_IS_CONSUL = os.environ.get("REGISTRY_TEST_SUBJECT") == "consul"


class Sides(NamedTuple):
    """The reference, and the server that is compared with it."""

    theirs: Side
    ours: Side


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """Run both servers for the whole session."""
    binary = consul_binary()
    reference = ConsulServer(binary, tmp_path_factory.mktemp("reference"), NODE)
    root = tmp_path_factory.mktemp("subject")
    subject = ConsulServer(binary, root, NODE) if SUBJECT_IS_CONSUL else RegistryServer(root, node=NODE)
    try:
        with ThreadPoolExecutor(2) as starters:
            for started in [starters.submit(server.start) for server in (reference, subject)]:
                started.result()
        yield Sides(Side(reference, is_consul=True), Side(subject, is_consul=SUBJECT_IS_CONSUL))
    finally:
        reference.close()
        subject.close()


@pytest.fixture(scope="session")
def known() -> KnownDifferences:
    """The known differences, with the count of what they explained in this session."""
    return KnownDifferences(() if SUBJECT_IS_CONSUL else RULES)


@pytest.fixture
def pair(sides: Sides, known: KnownDifferences) -> Pair:
    """Both servers, emptied; the test fails at its end for every difference that is not known."""
    return Pair(sides.theirs, sides.ours, known)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Judge the pair of a test as the last part of the test."""
    yield
    used = pyfuncitem.funcargs.get("pair")
    if isinstance(used, Pair):
        report = used.report()
        if report:
            pytest.fail(report, pytrace=False)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember whether tests of this folder are left out."""
    LEFT_OUT.extend(item.nodeid for item in items if item.path.parent == HERE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need both servers; the one that asks which rules were used comes last."""
    for item in items:
        if "sides" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.oracle)
    items.sort(key=lambda item: item.path.name == "test_known_differences.py")
