"""Tables and times for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.console.table import CELL_CHARS, ago, aligned, printable, span

NOW = 1_800_000_000.0
MOMENT = "2027-01-15T08:00:00.000Z"
"""The same, in RFC 3339."""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (75, "1 min 15 s"),
        (601, "10 min"),
        (3600, "1 h"),
        (3725, "1 h 2 min"),
        (36_061, "10 h"),
        (86_400 + 7200, "1 d 2 h"),
        (86_400 * 400, "400 d"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_ago() -> None:
    assert ago(MOMENT, NOW + 12) == "12 s ago"
    assert ago(MOMENT, NOW - 3) == "in 3 s"
    assert ago(MOMENT, NOW + 0.3) == "now"
    assert ago(None, NOW) == "-"


def test_columns_are_aligned() -> None:
    assert aligned(("A", "LONG", "B"), [("xyz", "1", "u"), ("x", "", "")]) == (
        "A    LONG  B\n"  # the table
        "xyz  1     u\n"
        "x\n"
    )


@given(st.text(max_size=200))
def test_nothing_in_a_cell_reaches_the_terminal_as_a_command(text: str) -> None:
    shown = printable(text)

    assert len(shown) <= CELL_CHARS
    assert shown.isprintable() or all(char.isprintable() or char.isspace() for char in shown)
    assert not set(shown) & {"\x1b", "\n", "\r", "\t", "\x07", "\x9b", "\u202e", "\u2028"}


def test_long_cells_are_cut() -> None:
    assert printable("x" * CELL_CHARS) == "x" * CELL_CHARS
    assert printable("x" * (CELL_CHARS + 1)) == "x" * (CELL_CHARS - 3) + "..."
