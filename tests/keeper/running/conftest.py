"""A target that lives as long as the test."""

from collections.abc import Iterator

import pytest

from running.target import Target


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.end()
