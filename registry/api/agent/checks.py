"""/v1/agent/checks: the checks registered through the agent."""

from registry.api.agent.local import local_checks, own_key
from registry.api.agent.views import check_dict, check_member, json_map
from registry.api.params import Predicate
from registry.api.world import World
from registry.catalog import topics
from registry.catalog.filter import HEALTH_CHECK, FilterError, FilterSyntaxError, compile_filter
from registry.catalog.rows import unpack_check
from registry.http.answer import Result
from registry.http.errors import HttpError
from registry.http.request import Read
from registry.http.routing import ReadRoute


def checks(read: Read[World]) -> Result:
    """Answer the agent's checks as a map by ID."""
    world = read.world
    found = local_checks(world.own_node)
    test = _filter(read, bool(found))
    if test:
        found = [check for check in found if test(check_dict(unpack_check(check.packed)))]
    return Result(json_map([check_member(check) for check in found]), (topics.node_checks(own_key(world)),))


def _filter(read: Read[World], any_check: bool) -> Predicate | None:
    """Return the test that ``filter`` asks for, None without one.

    Consul looks here whether an expression fits a check only when there is one to test, and then
    answers a part of the text that it answers elsewhere.
    """
    expression = read.first("filter")
    if not expression:
        return None
    try:
        return compile_filter(expression, HEALTH_CHECK, max_length=read.world.settings.max_filter_bytes)
    except FilterSyntaxError as error:
        raise HttpError(500, str(error)) from None
    except FilterError as error:
        if not any_check:
            return None
        raise HttpError(500, error.detail) from None


ROUTES = (
    ReadRoute(
        path="/v1/agent/checks",
        handler=checks,
        summary="Checks registered through the agent",
        right="service:read",
        any_dc=True,
    ),
)
