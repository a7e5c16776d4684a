"""Go's literals, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.catalog.filter.gotext import parse_bool, parse_int, quote, unquote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain é 😀", '"plain é 😀"'),
        ('"\\\a\b\f\n\r\t\v', r'"\"\\\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\u007f"'),
        ("\xa0\xad\u2028\ue000\U000e0001", r'"\u00a0\u00ad\u2028\ue000\U000e0001"'),
        ("\udcff", r'"\xff"'),
    ],
)
def test_quotes_as_go_does(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('""', ""),
        ('"é"', "é"),
        (r'"\a\b\f\n\r\t\v\\"', "\a\b\f\n\r\t\v\\"),
        (r'"\x41\101\u0041\U00000041"', "AAAA"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        (r'"\ud800"', "\ufffd"),
        ("`\\n\"'`", "\\n\"'"),
        ("`a\r\nb`", "a\nb"),
    ],
)
def test_unquotes_as_go_does(literal: str, text: str) -> None:
    assert unquote(literal) == text


@pytest.mark.parametrize(
    "literal", [r'"\q"', r'"\'"', '"\\"', r'"\x4"', r'"\400"', r'"\u12"', r'"\U00110000"', '"a\nb"', r'"\8"']
)
def test_refuses_escapes_go_does_not_know(literal: str) -> None:
    with pytest.raises(ValueError, match=r"^invalid syntax$"):
        unquote(literal)


@given(st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"])))
def test_unquoting_undoes_quoting(text: str) -> None:
    assert unquote(quote(text)) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+8080", 8080),
        ("1_000", 1000),
        ("0x1F_90", 8080),
        ("0X_ff", 255),
        ("0b11", 3),
        ("0o17", 15),
        ("017", 15),
        ("0_7", 7),
        ("00", 0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0x" + "0" * 5000 + "1", 1),
    ],
)
def test_reads_integers_in_every_base(text: str, number: int) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    "text", ["", "abc", " 1", "1 ", "1.5", "08", "0x", "0b2", "1__0", "_1", "1_", "-", "--1", "\u0661"]
)
def test_refuses_what_is_no_integer(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid syntax$"):
        parse_int(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "9" * 8000, "0x" + "f" * 17])
def test_refuses_integers_beyond_64_bits(text: str) -> None:
    with pytest.raises(ValueError, match=f'^strconv.ParseInt: parsing "{text}": value out of range$'):
        parse_int(text)


@pytest.mark.parametrize(
    ("texts", "flag"), [("1 t T TRUE true True", True), ("0 f F FALSE false False", False)]
)
def test_reads_booleans(texts: str, flag: bool) -> None:
    assert {parse_bool(text) for text in texts.split()} == {flag}


@pytest.mark.parametrize("text", ["", "yes", "tRUE", "2", "on"])
def test_refuses_other_booleans(text: str) -> None:
    with pytest.raises(ValueError, match=f'^strconv.ParseBool: parsing "{text}": invalid syntax$'):
        parse_bool(text)
