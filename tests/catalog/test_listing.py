"""The list of services against counting anew."""

import json
from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.catalog.entities import Instance, Node
from registry.catalog.listing import ServiceList, render

NODE = Node(0, "n")


def instance(name: str, tags: tuple[str, ...]) -> Instance:
    """Return an instance of which only name and tags matter."""
    return Instance(0, NODE, name, name, name, (), tags, tags, False, 1, 1, b"")


instances = st.builds(
    instance,
    st.sampled_from(["web", "Web", "a<b", "é"]),
    st.lists(st.sampled_from(["x", "X", 'q"', "ü"]), max_size=3).map(tuple),
)


def counted(present: list[Instance]) -> dict[str, Any]:
    """Return the list of services by its definition."""
    tags: defaultdict[str, set[str]] = defaultdict(set)
    for each in present:
        tags[each.name] |= set(each.tags)
    return {name: sorted(carried) for name, carried in tags.items()}


@given(st.lists(st.one_of(instances, st.integers(0, 20)), max_size=40))
def test_the_list_follows_what_is_there(steps: list[Instance | int]) -> None:
    services, present = ServiceList(), list[Instance]()
    for step in steps:
        before = services.body()
        shown = counted(present)
        if isinstance(step, Instance):
            services.add(step)
            present.append(step)
        elif present:
            services.remove(present.pop(step % len(present)))
        body = services.body()
        assert json.loads(body) == counted(present)
        assert list(json.loads(body)) == sorted({each.name for each in present})
        assert render(present) == body
        assert services.body() is body, "rendered again though nothing had changed"
        assert (body == before) == (counted(present) == shown)


def test_a_further_instance_without_a_new_tag_renders_nothing_anew() -> None:
    services = ServiceList()
    services.add(instance("web", ("x", "y")))
    body = services.body()
    services.add(instance("web", ("y",)))
    assert services.body() is body
    services.remove(instance("web", ("y",)))
    assert services.body() is body
