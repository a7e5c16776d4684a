"""Results for people and for machines: a table, a Markdown page with pictures, a JSON file."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.chart import svg
from bench.figures import Figure, Goal, Outcome

Results = Mapping[str, Outcome]
"""Outcomes by the title of their scenario."""

_HEADINGS = ("", "figure", "goal", "met")


def table(title: str, outcome: Outcome) -> str:
    """Return a scenario's results as text with columns."""
    failed = [f"  not measured: {outcome.failed}"] if outcome.failed else []
    if not outcome.figures:
        return "\n".join([title, *failed]) + "\n"
    cells = [_HEADINGS, *map(_cells, outcome.figures)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADINGS))]
    lines = [title, *failed]
    for what, figure, goal, met in cells:
        columns = (what.ljust(widths[0]), figure.rjust(widths[1]), goal.rjust(widths[2]), met)
        lines.append("  " + "  ".join(columns).rstrip())
    return "\n".join(lines) + "\n"


def markdown(facts: Mapping[str, str], notes: Sequence[str], results: Results, pictures: str = "") -> str:
    """Return the page with everything.

    Args:
        facts, notes, results: what to tell.
        pictures: the folder with the pictures as seen from the page, "" for a page without.
    """
    lines = ["# Measured", "", "Made by `python -m bench`; do not edit.", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [f"- **{note}**" for note in notes]
    lines += _goals(results)
    for title, outcome in results.items():
        lines += ["", f"## {title}", ""]
        if outcome.failed:
            lines += [f"Not measured: {outcome.failed}", ""]
        if not outcome.figures:
            continue
        lines += [f"| {' | '.join(_HEADINGS)} |", "|---|---:|---:|---|"]
        lines += [f"| {' | '.join(_cells(figure))} |" for figure in outcome.figures]
        if pictures:
            for chart in outcome.charts:
                lines += ["", f"![{chart.title}]({pictures}/{chart.name}.svg)"]
    return "\n".join(lines) + "\n"


def _goals(results: Results) -> list[str]:
    """Return what became of the goals, all in one table."""
    rows = [
        f"| {title} | {' | '.join(_cells(figure))} | {_distance(figure)} |"
        for title, outcome in results.items()
        for figure in outcome.figures
        if figure.goal is not None
    ]
    rows += [
        f"| {title} | not measured{' in full' if outcome.figures else ''} | | | NO | |"
        for title, outcome in results.items()
        if outcome.failed
    ]
    if not rows:
        return []
    return [
        "",
        "## Goals",
        "",
        "| where | what | figure | goal | met | distance |",
        "|---|---|---:|---:|---|---:|",
        *rows,
    ]


def _distance(figure: Figure) -> str:
    """Say how much of the goal a figure is."""
    if figure.goal is None or not figure.goal.bound:
        return ""
    return f"{figure.value / figure.goal.bound:,.2f} of it"


def document(facts: Mapping[str, str], notes: Sequence[str], results: Results) -> dict[str, Any]:
    """Return everything as JSON values, single runs included."""
    return {
        "facts": dict(facts),
        "notes": list(notes),
        "scenarios": {
            title: {
                "failed": outcome.failed,
                "figures": [asdict(figure) | {"met": figure.met} for figure in outcome.figures],
                "detail": outcome.detail,
            }
            for title, outcome in results.items()
        },
    }


def write(
    folder: Path, facts: Mapping[str, str], notes: Sequence[str], results: Results, *, page: str = ""
) -> Path:
    """Write the dated JSON file and return its path.

    Args:
        folder: where to.
        facts, notes, results: what to tell.
        page: also write a page of this name, and its pictures into a folder of this name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    date = facts["date"].removesuffix(" UTC").replace(" ", "T").replace(":", "")
    dated = folder / f"{date}-{facts['commit']}.json"
    dated.write_text(json.dumps(document(facts, notes, results), indent=1) + "\n")
    if page:
        pictures = folder / page
        shutil.rmtree(pictures, ignore_errors=True)
        pictures.mkdir()
        for outcome in results.values():
            for chart in outcome.charts:
                (pictures / f"{chart.name}.svg").write_text(svg(chart))
        (folder / f"{page}.md").write_text(markdown(facts, notes, results, page))
    return dated


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    met = "" if figure.met is None else "yes" if figure.met else "NO"
    return figure.what, _shown(figure.value, figure.unit), _wanted(figure.goal, figure.unit), met


def _wanted(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return ""
    return f"{'>=' if goal.least else '<='} {_shown(goal.bound, unit)}"


def _shown(value: float, unit: str) -> str:
    if value == int(value) or abs(value) >= 1000:
        digits = f"{value:,.0f}"
    elif abs(value) >= 100:
        digits = f"{value:.0f}"
    else:
        digits = f"{value:.3g}"
    return digits + (unit if unit in ("", "x", "/s") else f" {unit}")
