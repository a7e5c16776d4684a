"""Where the first JSON value of a body ends, or in Go's words what is wrong with it.

The fast parser knows neither: it refuses a body with anything after the value, which Consul
accepts, and has error texts of its own. So this scanner sees only bodies that were refused. It
builds nothing and does not recurse. Its work is bounded, whatever a hostile body holds: runs of
strings, numbers and literals are passed by one regular expression, and what that leaves, about two
steps for each list and object, by at most `MAX_STEPS` turns of a loop.
"""

import re
from typing import Final

from registry.wire.errors import DecodeError
from registry.wire.quote import quote

MAX_DEPTH: Final = 1024
"""Deepest nesting of a body, which is the fast parser's; Consul goes to 10,000."""

MAX_STEPS: Final = 32_768
"""How far the scanner goes before it gives up: some ten thousand lists and objects."""

_SPACE = rb"[ \t\r\n]*+"
_INSIDE = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_STRING = _INSIDE + b'"'
_WHOLE = rb"-?(?:0|[1-9][0-9]*+)"
_REAL = _WHOLE + rb"(?:\.[0-9]++|(?!\.))"
_NUMBER = _REAL + rb"(?:[eE][+-]?+[0-9]++|(?![eE]))"
_SCALAR = b"(?:%b|%b|true|false|null)" % (_STRING, _NUMBER)
_COLON = _SPACE + b":" + _SPACE
_COMMA = _SPACE + b"," + _SPACE

_space = re.compile(_SPACE).match
_scalar = re.compile(_SCALAR).match
_key = re.compile(_STRING).match
_elements = re.compile(b"(?:%b%b)*+" % (_SCALAR, _COMMA)).match
_members = re.compile(b"(?:%b%b%b%b)*+" % (_STRING, _COLON, _SCALAR, _COMMA)).match

_FAULTS = tuple(
    (re.compile(start), why)
    for start, why in (
        (_INSIDE + rb"\\u[0-9a-fA-F]*+", r"in \u hexadecimal character escape"),
        (_INSIDE + rb"\\", "in string escape code"),
        (_INSIDE, "in string literal"),
        (_REAL + b"[eE][+-]?+", "in exponent of numeric literal"),
        (_WHOLE + rb"\.", "after decimal point in numeric literal"),
        (b"-", "in numeric literal"),
        *(
            (word[:known].encode(), f"in literal {word} (expecting '{word[known]}')")
            for word in ("true", "false", "null")
            for known in range(len(word) - 1, 0, -1)
        ),
        (b"", "looking for beginning of value"),
    )
)
"""Beginnings of a scalar that is broken, longer ones first; the byte after the match is the wrong one."""


def end_of_value(body: bytes) -> int:
    """Return the offset after the first JSON value in ``body``; what follows it is not looked at.

    Text encoding and the range of numbers are not checked.

    Raises:
        DecodeError: there is no value (``EOF``), it is cut short (``unexpected EOF``), malformed
            (``invalid character 'x' looking for beginning of value``), nested deeper than
            `MAX_DEPTH`, or takes more than `MAX_STEPS`.
    """
    at = _end(_space(body))
    if at == len(body):
        raise DecodeError("EOF")
    closers = bytearray()  # of the containers that are open, innermost last
    for _ in range(MAX_STEPS):
        opener = body[at : at + 1]
        if opener in (b"{", b"["):
            if len(closers) == MAX_DEPTH:
                raise _wrong(body, at, "exceeded max depth")
            closers += b"}" if opener == b"{" else b"]"
            at = _end(_space(body, at + 1))
            if body[at : at + 1] != closers[-1:]:
                at = _next_value(body, at, closers)
                continue
        else:
            scalar = _scalar(body, at)
            if scalar is None:
                raise _broken_scalar(body, at)
            at = scalar.end()
        at = _after_value(body, at, closers)
        if not closers:
            return at
    raise DecodeError("malformed JSON, or something after it; too many lists and objects to say where")


def _after_value(body: bytes, at: int, closers: bytearray) -> int:
    """Go past the containers that end at ``at`` and return where the next value begins.

    Takes the closed ones from ``closers``; with none left the result is the end of the whole value.
    """
    while closers:
        at = _end(_space(body, at))
        byte = body[at : at + 1]
        if byte == closers[-1:]:
            closers.pop()
            at += 1
        elif byte == b",":
            return _next_value(body, _end(_space(body, at + 1)), closers)
        else:
            in_object = closers[-1:] == b"}"
            raise _wrong(body, at, "after object key:value pair" if in_object else "after array element")
    return at


def _next_value(body: bytes, at: int, closers: bytearray) -> int:
    """Return where the next value begins that is a container or the last of its container.

    At ``at`` begins an element of a list, or a key of an object.
    """
    if closers[-1:] == b"]":
        return _end(_elements(body, at))
    at = _end(_members(body, at))
    if body[at : at + 1] != b'"':
        raise _wrong(body, at, "looking for beginning of object key string")
    key = _key(body, at)
    if key is None:
        raise _broken_scalar(body, at)
    at = _end(_space(body, key.end()))
    if body[at : at + 1] != b":":
        raise _wrong(body, at, "after object key")
    return _end(_space(body, at + 1))


def _end(match: re.Match[bytes] | None) -> int:
    """Return the end of a match of one of the patterns that match nothing, too."""
    assert match is not None
    return match.end()


def _broken_scalar(body: bytes, at: int) -> DecodeError:
    # The last of them matches anything.
    begun, why = next((begun, why) for start, why in _FAULTS if (begun := start.match(body, at)))
    return _wrong(body, begun.end(), why)


def _wrong(body: bytes, at: int, why: str) -> DecodeError:
    """Say that the byte at ``at`` is unexpected; bytes show as the characters U+0000 to U+00FF."""
    if at >= len(body):
        return DecodeError("unexpected EOF")
    char = chr(body[at])
    shown = {"'": r"\'", '"': '"'}.get(char) or quote(char)[1:-1]
    return DecodeError(f"invalid character '{shown}' {why}")
