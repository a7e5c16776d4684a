import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.wire.duration import HOUR, MINUTE, SECOND, DurationError, format_duration, parse_duration

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("+0", 0),
        ("0s", 0),
        ("5s", 5 * SECOND),
        ("+5s", 5 * SECOND),
        ("-5s", -5 * SECOND),
        ("1m30s", 90 * SECOND),
        ("2h45m", 2 * HOUR + 45 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("150ms", 150_000_000),
        ("100us", 100_000),
        ("100\u00b5s", 100_000),
        ("100\u03bcs", 100_000),
        ("7ns", 7),
        (".5s", 500_000_000),
        ("5.s", 5 * SECOND),
        ("1m1m", 2 * MINUTE),
        ("0.9999999999s", 999_999_999),  # cut, not rounded
        ("0.3333333333333333333h", 1_200_000_000_000),
        ("0." + "0" * 400 + "1h", 0),
        ("0" * 5000 + "1s", SECOND),
        ("1." + "1" * 5000 + "s", 1_111_111_111),
        ("9223372036854775807ns", (1 << 63) - 1),
        ("-9223372036854775808ns", -(1 << 63)),
        ("2562047h47m16.854775807s", (1 << 63) - 1),
    ],
)
def test_a_duration_is_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "error"),
    [
        # As consul answers them, behind "Request decode failed: ".
        ("abc", 'time: invalid duration "abc"'),
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        (".", 'time: invalid duration "."'),
        ("10", 'time: missing unit in duration "10"'),
        ("1h1", 'time: missing unit in duration "1h1"'),
        ("10x", 'time: unknown unit "x" in duration "10x"'),
        ("10s ", 'time: unknown unit "s " in duration "10s "'),
        ("1e3s", 'time: unknown unit "e" in duration "1e3s"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        ("3000000h", 'time: invalid duration "3000000h"'),
        # As Go answers them.
        ("--1s", 'time: invalid duration "--1s"'),
        (".s", 'time: invalid duration ".s"'),
        ("1s.", 'time: invalid duration "1s."'),
        ("00", 'time: missing unit in duration "00"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1S", 'time: unknown unit "S" in duration "1S"'),
        ("-9223372036854775809ns", 'time: invalid duration "-9223372036854775809ns"'),
        ("9223372036.854775808s", 'time: invalid duration "9223372036.854775808s"'),
        ("2562047h59m", 'time: invalid duration "2562047h59m"'),
        ('a"\\\n', r'time: invalid duration "a\"\\\x0a"'),
        ("é", r'time: invalid duration "\xc3\xa9"'),
        ("\u0661s", r'time: invalid duration "\xd9\xa1s"'),  # a digit, but not one of Go's
        ("\ud800", r'time: invalid duration "\xed\xa0\x80"'),
    ],
)
def test_a_wrong_duration_is_refused_in_the_words_of_consul_and_go(text: str, error: str) -> None:
    with pytest.raises(DurationError) as refused:
        parse_duration(text)
    assert str(refused.value) == error


def test_thousands_of_digits_are_an_ordinary_error() -> None:
    with pytest.raises(DurationError, match=r"^time: invalid duration "):
        parse_duration("1" * 10_000 + "s")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (999, "999ns"),
        (100_000, "100\u00b5s"),
        (1_100, "1.1\u00b5s"),
        (150_000_000, "150ms"),
        (2_200_000, "2.2ms"),
        (999_999_999, "999.999999ms"),
        (SECOND, "1s"),
        (1_500_000_000, "1.5s"),
        (10 * SECOND, "10s"),
        (MINUTE, "1m0s"),
        (90 * SECOND, "1m30s"),
        (HOUR, "1h0m0s"),
        (HOUR + 1, "1h0m0.000000001s"),
        (100 * HOUR + 20 * SECOND, "100h0m20s"),
        (-90 * SECOND, "-1m30s"),
        (-1, "-1ns"),
        ((1 << 63) - 1, "2562047h47m16.854775807s"),
        (-(1 << 63), "-2562047h47m16.854775808s"),
    ],
)
def test_a_duration_is_written_in_normal_form(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@given(INT64)
def test_what_is_written_is_read_as_the_same(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(INT64)
def test_a_plain_count_of_nanoseconds_is_exact(nanoseconds: int) -> None:
    assert parse_duration(f"{nanoseconds}ns") == nanoseconds


@given(
    st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["h", "m", "s", "ms", "us", "ns"])), min_size=2)
)
def test_parts_add_up(parts: list[tuple[int, str]]) -> None:
    texts = [f"{count}{unit}" for count, unit in parts]
    assert parse_duration("".join(texts)) == sum(map(parse_duration, texts))


@given(st.one_of(st.text(), st.text(alphabet="0123456789.-+hmsnuµ")))
def test_any_text_is_a_duration_or_a_duration_error(text: str) -> None:
    error = ""
    try:
        nanoseconds = parse_duration(text)
    except DurationError as refused:
        error = str(refused)
    if error:
        assert error.startswith("time: ")
        assert error.isascii()
    else:
        assert -(1 << 63) <= nanoseconds < 1 << 63
