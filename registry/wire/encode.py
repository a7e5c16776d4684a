"""JSON as Go's encoding/json writes it, compact and for ``?pretty``."""

import re
from collections import defaultdict
from typing import Any

import orjson

_ESCAPES = (
    (b"<", rb"\u003c"),
    (b">", rb"\u003e"),
    (b"&", rb"\u0026"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
)
"""What Go's encoder escapes and orjson does not; none of it occurs outside of strings."""

_SCALAR = re.compile(rb'("(?:[^"\\]++|\\.)*+"|[^][{},:" \t\r\n]++)')
_TOKEN = re.compile(rb"\[\]|\{\}|[^ \t\r\n]")
_INDENT = b"    "


def dumps(value: Any) -> bytes:
    """Return ``value`` as compact JSON, escaped like Go's, fit to be kept.

    Keys stay in the order of the dicts. The result has its exact size: what orjson returns sits in
    a buffer of 4 KiB or more, whatever its length.

    Raises:
        TypeError: something is no JSON value, a string holds a lone surrogate, an integer exceeds
            64 bits, or the nesting is deeper than 254.
    """
    body = orjson.dumps(value)
    # Looking for a byte by its number is several times cheaper than for a text of one byte.
    if 0x3C in body or 0x3E in body or 0x26 in body or not body.isascii():
        for char, escape in _ESCAPES:
            body = body.replace(char, escape)
    return bytes(memoryview(body))


def pretty(body: bytes) -> bytes:
    """Return the JSON ``body`` as Consul shows it for ``?pretty``.

    Four spaces of indent per level, a space after each colon, empty lists and maps as ``[]`` and
    ``{}``, a newline at the end. Key order and the spelling of strings and numbers stay. ``body``
    has to be valid JSON.
    """
    # Alternately what is between scalars, such as b'},{', and a scalar. There are few different
    # ones of the former, so each is laid out once per depth.
    pieces = _SCALAR.split(body)
    tables: defaultdict[int, dict[bytes, tuple[bytes, int]]] = defaultdict(dict)
    depth = 0
    known = tables[depth]
    for at in range(0, len(pieces), 2):
        structure = pieces[at]
        laid_out = known.get(structure)
        if laid_out is None:
            laid_out = known[structure] = _lay_out(structure, depth)
        pieces[at], after = laid_out
        if after != depth:
            depth = after
            known = tables[depth]
    pieces.append(b"\n")
    return b"".join(pieces)


def _lay_out(structure: bytes, depth: int) -> tuple[bytes, int]:
    """Return brackets, commas and colons with white space, and the depth after them."""
    out: list[bytes] = []
    for token in _TOKEN.findall(structure):
        if token in (b"[]", b"{}"):
            out.append(token)
        elif token == b":":
            out.append(b": ")
        elif token == b",":
            out += (b",\n", _INDENT * depth)
        elif token in (b"[", b"{"):
            depth += 1
            out += (token, b"\n", _INDENT * depth)
        else:
            depth -= 1
            out += (b"\n", _INDENT * depth, token)
    return b"".join(out), depth
