"""Booleans in query parameters, in the words that Go's strconv.ParseBool knows."""

from registry.wire.quote import quote

_WORDS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


def parse_bool(text: str) -> bool:
    """Return the boolean that ``text`` spells: 1 t T TRUE true True, or 0 f F FALSE false False.

    Raises:
        ValueError: any other word, also ``yes``, ``on``, ``tRUE`` and the empty text.
    """
    word = _WORDS.get(text)
    if word is None:
        raise ValueError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")
    return word
