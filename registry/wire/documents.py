"""Values of files that people write, under the shapes that requests have.

Stricter than a request is read, since nobody but the file's author can tell what was meant: a key that
is not known is an error instead of being passed over, and so is one given twice. Keys may be written in
snake_case, as Consul's files have them, or as the API has them: ``docker_container_id`` and
``DockerContainerID`` are the same key. Errors name the place in the file's own spelling.
"""

import difflib
import re
from collections.abc import Container
from functools import cache
from typing import Any

from registry.wire.kinds import Kind, ListOf, MapOf, Misfit
from registry.wire.schema import Field, Struct

SHOWN_CHARS = 60
"""How much of a wrong value an error repeats."""

_WORD_BEGINS = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_EXPECTED = {
    "string": "a string",
    "bool": "true or false",
    "int": "a whole number",
    "uint64": "a whole number of at least 0",
    "float64": "a number",
    "time.Duration": 'a duration such as "30s"',
    "interface {}": "a value nested less deep",
}


class DocumentError(ValueError):
    """A value of a file can't be used; the text begins with its place, as in ``services[1].port``."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)


def read_document(value: Any, kind: Kind, passed_over: Container[str] = (), place: str = "") -> Any:
    """Return ``value`` as handlers use it: keys by canonical name, durations in nanoseconds.

    Args:
        value: as a parser of JSON returns it.
        kind: the shape it has to have.
        passed_over: keys, squashed, that mean nothing here and are no error.
        place: where it stands, for errors.

    Raises:
        DocumentError: a key is unknown or given twice, or a value is of the wrong kind.
    """
    if isinstance(kind, Struct):
        return _object(value, kind, passed_over, place)
    if isinstance(kind, ListOf):
        if type(value) is not list:
            raise _wrong(value, "a list", place)
        return [
            read_document(each, kind.item, passed_over, f"{place}[{number}]")
            for number, each in enumerate(value)
        ]
    if isinstance(kind, MapOf):
        if type(value) is not dict:
            raise _wrong(value, "an object", place)
        return {
            key: read_document(each, kind.item, passed_over, _below(place, key))
            for key, each in value.items()
        }
    if value is not None:
        try:
            return kind.convert(value)
        except Misfit:
            pass
    raise _wrong(value, _EXPECTED[kind.go_type], place)


def _object(value: Any, kind: Struct, passed_over: Container[str], place: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise _wrong(value, "an object", place)
    known = _keys(kind)
    given: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for key, each in value.items():
        field = known.get(squashed(key))
        if field is None:
            if squashed(key) in passed_over:
                continue
            raise DocumentError(place, f"there is no key {key!r}{_suggestion(key, kind)}")
        if field.name in spelled:
            raise DocumentError(place, f"the keys {spelled[field.name]!r} and {key!r} mean the same")
        spelled[field.name] = key
        if each is not None:
            given[field.name] = read_document(each, field.kind, passed_over, _below(place, key))
    return given


@cache
def _keys(kind: Struct) -> dict[str, Field]:
    return {squashed(name): field for field in kind.fields for name in (field.name, *field.aliases)}


def squashed(key: str) -> str:
    """Return what the spellings of a key have in common."""
    return key.replace("_", "").lower()


def _suggestion(key: str, kind: Struct) -> str:
    names = {squashed(field.name): _in_snake_case(field.name) for field in kind.fields}
    close = difflib.get_close_matches(squashed(key), names, 1)
    if close:
        return f"; did you mean {names[close[0]]}?"
    return f", expected one of {', '.join(sorted(names.values()))}"


def _in_snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _wrong(value: Any, expected: str, place: str) -> DocumentError:
    shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    if len(shown) > SHOWN_CHARS:
        shown = shown[:SHOWN_CHARS] + "..."
    return DocumentError(place, f"expected {expected}, found {shown}")
