r"""Go's textual forms of strings, integers and booleans.

Consul is written in Go, so its filter language reads literals by the rules of Go's ``strconv``
package and its error texts quote by them. A byte that is not part of valid UTF-8 (``"\xff"``) is
carried as Python's surrogate escape, which no text of the catalog contains.
"""

import re

_SHORT_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}
_SHORT_BYTES = {escape[1]: character.encode() for character, escape in _SHORT_ESCAPES.items()}
_PIECE = re.compile(
    r"(?P<plain>[^\\]+)"
    r"|\\(?:(?P<short>[abfnrtv\\])"
    r"|x(?P<hex>[0-9a-fA-F]{2})"
    r"|(?P<octal>[0-7]{3})"
    r"|(?:u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8})))"
)
_INTEGER = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<binary>(?:_?[01])+)"
    r"|0[oO]?(?P<octal>(?:_?[0-7])+)|(?P<decimal>0|[1-9](?:_?[0-9])*))"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_INT64_DIGITS = 64  # no 64-bit integer is longer than this in any base, leading zeros aside
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


def quote(text: str) -> str:
    """Return ``text`` as a double-quoted Go literal, as ``strconv.Quote`` does."""
    return '"' + "".join(map(_quoted, text)) + '"'


def _quoted(character: str) -> str:
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(literal: str) -> str:
    """Return the text a Go string literal stands for, as ``strconv.Unquote`` does.

    Args:
        literal: The literal with its quotes, either double quotes or backquotes.

    Raises:
        ValueError: The literal holds a line break or an escape that Go does not know.
    """
    body = literal[1:-1]
    if literal[0] == "`":
        return body.replace("\r", "")
    if "\n" in body:
        raise ValueError("invalid syntax")
    if "\\" not in body:
        return body
    text = bytearray()
    at = 0
    while at < len(body):
        piece = _PIECE.match(body, at)
        if piece is None:
            raise ValueError("invalid syntax")
        text += _meaning(piece)
        at = piece.end()
    return text.decode(errors="surrogateescape")


def _meaning(piece: re.Match[str]) -> bytes:
    kind = piece.lastgroup or ""
    found = piece[kind]
    if kind == "plain":
        return found.encode()
    if kind == "short":
        return _SHORT_BYTES[found]
    code = int(found, 8 if kind == "octal" else 16)
    if code > (0x10FFFF if kind in {"u4", "u8"} else 0xFF):
        raise ValueError("invalid syntax")
    if kind in {"hex", "octal"}:
        return bytes([code])
    return chr(0xFFFD if 0xD800 <= code <= 0xDFFF else code).encode()


def parse_int(text: str) -> int:
    """Read a 64-bit integer with an optional base prefix, as ``strconv.ParseInt(text, 0, 64)``.

    Raises:
        ValueError: Go's error text, for text that is no integer or does not fit 64 bits.
    """
    found = _INTEGER.fullmatch(text)
    if found is None:
        raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    kind = found.lastgroup or ""
    digits = found[kind].replace("_", "").lstrip("0") or "0"
    if len(digits) <= _INT64_DIGITS:
        number = int(found["sign"] + digits, _BASES[kind])
        if -(2**63) <= number < 2**63:
            return number
    raise ValueError(f"strconv.ParseInt: parsing {quote(text)}: value out of range")


def parse_bool(text: str) -> bool:
    """Read a boolean, as ``strconv.ParseBool``: 1, t, T, TRUE, true, True and their opposites.

    Raises:
        ValueError: Go's error text, for any other text.
    """
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")
