"""Reading the parameters that several endpoint families share."""

from collections.abc import Callable, Mapping
from typing import Any

from registry.api.world import World
from registry.catalog.filter import FilterError, Schema, compile_filter
from registry.http.errors import HttpError
from registry.http.request import Read, Request
from registry.wire.booleans import parse_bool

Predicate = Callable[[Mapping[str, Any]], bool]


def node_meta(read: Read[World]) -> list[tuple[str, str]]:
    """Return the ``node-meta`` pairs wanted; a key without colon asks for an empty value.

    Of a key that is given several times the last value counts, as in Consul, which keeps them in a map.
    """
    pairs = [item.partition(":") for item in read.params.get("node-meta", ())]
    return list({key: value for key, _, value in pairs}.items())


def filter_of(read: Read[World], schema: Schema) -> Predicate | None:
    """Return the test that ``filter`` asks for, None without one.

    Raises:
        HttpError: 500 with Consul's text for an expression that is wrong.
    """
    expression = read.first("filter")
    if not expression:
        return None
    try:
        return compile_filter(expression, schema, max_length=read.world.settings.max_filter_bytes)
    except FilterError as error:
        raise HttpError(500, str(error)) from None


def elsewhere(read: Read[World]) -> bool:
    """Say whether a cluster peer is asked for; there are none, so such a read finds nothing."""
    return bool(read.first("peer"))


def passing(read: Read[World]) -> bool:
    """Return the value of ``passing``: present without a value is true.

    Raises:
        HttpError: 400 for a value that Go's ParseBool does not know.
    """
    values = read.params.get("passing")
    if values is None:
        return False
    if not values[0]:
        return True
    try:
        return parse_bool(values[0])
    except ValueError:
        raise HttpError(400, "Invalid value for ?passing") from None


def argument(read: Read[World] | Request[World], what: str) -> str:
    """Return the path argument.

    Raises:
        HttpError: 400 ``Missing <what>`` when it is empty.
    """
    if not read.argument:
        raise HttpError(400, f"Missing {what}")
    return read.argument


def json_list(fragments: list[bytes]) -> bytes:
    """Return a JSON list of ready fragments."""
    return b"".join((b"[", b",".join(fragments), b"]"))
