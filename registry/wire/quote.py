"""Go's quoting of text in error messages: the ``%q`` verb."""

import re

_ESCAPED = re.compile(r"[\"\\]|[^ -~]")
_SHORT = {
    '"': r"\"",
    "\\": r"\\",
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
}


def quote(text: str) -> str:
    r"""Return ``text`` in double quotes, escaped as Go's strconv.Quote does.

    Printable characters of any script stay, control characters become ``\n``, ``\x00`` and the
    like, other unprintable ones ``\u200b``. Text that is no Unicode (a lone surrogate) shows as
    ``\ufffd``.
    """
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    short = _SHORT.get(char)
    if short is not None:
        return short
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
