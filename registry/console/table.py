"""Tables and times for a terminal."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

CELL_CHARS = 60
"""Longer cells are cut, so that a row stays a line."""

_STEPS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under a head, columns aligned, the last one as long as it is; with a newline at the end."""
    cells = [list(head), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """Return a text that can't do anything to a terminal: what targets answer is in it."""
    clean = "".join(
        char
        if unicodedata.category(char)[0] != "C" and unicodedata.category(char) not in ("Zl", "Zp")
        else "?"
        for char in text[: CELL_CHARS + 1]
    )
    return clean if len(clean) <= CELL_CHARS else clean[: CELL_CHARS - 3] + "..."


def ago(moment: str | None, now_s: float) -> str:
    """Return how far an RFC 3339 time lies behind or ahead: ``12 s ago``, ``in 3 s``, "-" for none."""
    if not moment:
        return "-"
    distance_s = now_s - datetime.fromisoformat(moment).timestamp()
    if abs(distance_s) < 0.5:
        return "now"
    return f"{span(distance_s)} ago" if distance_s > 0 else f"in {span(-distance_s)}"


def span(seconds: float) -> str:
    """Return a span of time in its largest unit, and in the next one while that still tells something."""
    whole = round(seconds)
    for (size, unit), (below, smaller) in pairwise(_STEPS):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest and whole < 10 * size else "")
    return f"{whole} s"
