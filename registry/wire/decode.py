"""Request bodies: JSON as Go's encoding/json reads it, then the declared shape.

Where this is stricter than Consul: text that is not UTF-8, lone surrogates (Consul replaces both by
U+FFFD), numbers beyond a double and nesting deeper than `MAX_DEPTH` are refused wherever they stand.
"""

from typing import Any

import orjson

from registry.wire.errors import DecodeError
from registry.wire.kinds import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    RAW,
    STRING,
    UNSIGNED,
    Kind,
    ListOf,
    MapOf,
    Misfit,
)
from registry.wire.scan import MAX_DEPTH, end_of_value
from registry.wire.schema import Field, Struct

__all__ = [
    "BOOLEAN",
    "DURATION",
    "INTEGER",
    "MAX_DEPTH",
    "NUMBER",
    "RAW",
    "STRING",
    "UNSIGNED",
    "DecodeError",
    "Field",
    "Kind",
    "ListOf",
    "MapOf",
    "Struct",
    "decode",
    "parse_json",
]


def parse_json(body: bytes) -> Any:
    """Return the first JSON value of ``body``; what follows it is ignored, as Consul does.

    Of a repeated key the last value counts. Whole numbers beyond 64 bits become floats. The value
    may nest so deep that comparing or printing it exceeds Python's recursion limit: keep of it only
    what `decode` returns.

    Raises:
        DecodeError: with Go's text: ``EOF`` for an empty body, ``unexpected EOF`` for one cut short,
            otherwise ``invalid character 'x' looking for beginning of value`` and its like.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        value = body[: end_of_value(body)]
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        # It is well-formed, so the fault is one of content: encoding, a surrogate, a number's range.
        raise DecodeError(f"json: {_not_utf8(value) or error}") from None


def _not_utf8(value: bytes) -> str:
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} of the body (0x{value[error.start]:02x}) is not UTF-8"
    return ""


def decode(value: Any, struct: Struct) -> dict[str, Any]:
    """Return the fields that a parsed body gives, by canonical name; null gives none.

    Fields that are null or absent are absent from the result. A null item of a list or map is the
    kind's zero value (``""``, 0, False, [], {}).

    Raises:
        DecodeError: a value is of the wrong kind, in Go's words with the path:
            ``json: cannot unmarshal number 80.5 into Go struct field .Port of type int``,
            ``time: invalid duration "abc" in Go struct field .Check.TTL``.
    """
    if value is None:
        return {}
    try:
        return struct.convert(value)
    except Misfit as misfit:
        raise DecodeError(misfit.text()) from None
