"""Regular expressions: what they match, how they are refused, what they may cost."""

import pytest

from registry.catalog.filter import NODE, FilterError, compile_filter
from registry.catalog.filter.pattern import compile_pattern


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        ("eb", "web-1", True),
        ("^eb", "web-1", False),
        ("(?i)^WEB", "web-1", True),
        ("^$", "", True),
        (r"^\pL+$", "straße", True),
        ("é.$", "café😀", True),
        (r"\x00", "a\x00b", True),
        ("(?P<a>w)(?P<a>e)", "web", True),
    ],
)
def test_matches_anywhere(source: str, text: str, found: bool) -> None:
    pattern = compile_pattern(source)
    assert pattern.found_in(text) is found
    assert pattern.found_in(text) is found


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("x{1001}", "invalid repeat count: `{1001}`"),
        ("((a{1000}){1000})", "invalid repeat count: `{1000}`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?P<a", "invalid named capture: `(?P<a`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("\udcff", "invalid UTF-8: ``"),
        (r"\pL{50}", "expression too large: ``"),
    ],
)
def test_refuses_in_the_words_of_consul(source: str, cause: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_pattern(source)
    assert caught.value.detail.startswith("Failed to compile regular expression ")
    assert caught.value.detail.endswith(f": error parsing regexp: {cause}")


def test_a_refusal_is_not_logged(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FilterError):
        compile_pattern("a(b")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("source", ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*a){20}$", "([a-z]+)*=$"])
def test_hostile_patterns_end(source: str) -> None:
    # A backtracking engine would need longer than the universe has for each of these.
    assert compile_pattern(source).found_in("a" * 5000 + "!") is False


def test_patterns_of_one_expression_share_a_budget() -> None:
    compile_filter(" or ".join(["Node matches `^web-[0-9]+$`"] * 200), NODE)
    with pytest.raises(FilterError, match="compile to more than 30000 instructions together"):
        compile_filter(" or ".join([r"Node matches `\pL{10}`"] * 10), NODE)
