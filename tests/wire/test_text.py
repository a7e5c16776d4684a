import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.wire.booleans import parse_bool
from registry.wire.quote import quote


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_words_for_true(text: str) -> None:
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_words_for_false(text: str) -> None:
    assert parse_bool(text) is False


@pytest.mark.parametrize("text", ["", "yes", "no", "on", "tRUE", " true", "2", "truE"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f'^strconv.ParseBool: parsing "{text}": invalid syntax$'):
        parse_bool(text)


def test_a_refused_word_is_quoted() -> None:
    with pytest.raises(ValueError, match="strconv") as refused:
        parse_bool('a"\n')
    assert str(refused.value) == r'strconv.ParseBool: parsing "a\"\n": invalid syntax'


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("web 1", '"web 1"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("é 日本 😀", '"é\u0020日本 😀"'),
        ("\x80\xa0\u200b\u2028\ufeff", r'"\u0080\u00a0\u200b\u2028\ufeff"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("\ud800", r'"\ufffd"'),
    ],
)
def test_text_is_quoted_like_go(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@given(st.text())
def test_quoted_text_is_printable_and_one_to_one(text: str) -> None:
    quoted = quote(text)
    assert quoted.isprintable()
    assert all(quote(text[:at]) != quoted for at in range(len(text)))
