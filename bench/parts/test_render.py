"""Making the body of an answer."""

import pytest

from bench.parts.conftest import Timed
from bench.parts.world import Surroundings
from bench.population import Member
from registry.api import health
from registry.http.options import Options
from registry.http.request import Read

SIZES = (1, 10, 100, 1000)
NAME = "web"


@pytest.mark.parametrize("instances", SIZES)
def test_render(timed: Timed, surroundings: Surroundings, instances: int) -> None:
    """From fragments that are there, as after a change of another instance."""
    surroundings.register([Member(NAME, number) for number in range(instances)])
    read = Read(surroundings.world, NAME, {"passing": [""]}, Options())
    assert health.service(read).body.count(b'"Service":{') == instances

    timed(lambda: health.service(read))


@pytest.mark.parametrize("instances", SIZES)
def test_render_first(timed: Timed, surroundings: Surroundings, instances: int) -> None:
    """From rows, as after a start."""
    surroundings.register([Member(NAME, number) for number in range(instances)])
    read = Read(surroundings.world, NAME, {"passing": [""]}, Options())
    catalog = surroundings.world.catalog

    def forget() -> tuple[()]:
        for node in catalog.nodes.values():
            node.fragment = None
            for instance in node.instances.values():
                instance.service_fragment = None
            for check in node.checks.values():
                check.fragment = None
        return ()

    timed.each(lambda: health.service(read), forget)
