"""The committed baseline, and what it says about new figures."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "baseline.json"
INSTRUCTIONS, RATIOS = "instructions", "ratios"
REFERENCE = "reference"

INSTRUCTIONS_WITHIN = 1.05
RATIO_WITHIN = 1.6
"""A ratio of times varies by a fifth from run to run; what is slower by this in every run is slower."""

SAME_BUILD_WITHIN = 1.02
"""By how much the reference's count may differ for instructions to be compared."""


def key() -> str:
    """Return what a baseline holds for."""
    major, minor, _ = platform.python_version_tuple()
    return f"{platform.python_implementation()} {major}.{minor}, {platform.machine()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a comparison.

    Attributes:
        lines: what to show.
        slower: what is too slow, in words; empty when nothing is.
        skipped: why nothing was compared, "" if it was.
    """

    lines: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
    skipped: str = ""


def read(what: str, file: Path = FILE) -> dict[str, float]:
    """Return the baseline for this Python and machine, empty if there is none."""
    found: dict[str, float] = (
        json.loads(file.read_text()).get(what, {}).get(key(), {}) if file.exists() else {}
    )
    return found


def accept(what: str, figures: Mapping[str, float], file: Path = FILE) -> None:
    """Make figures the baseline for this Python and machine."""
    kept = json.loads(file.read_text()) if file.exists() else {}
    rounded = {name: float(f"{value:.5g}") for name, value in sorted(figures.items())}
    kept.setdefault(what, {})[key()] = rounded
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def judge_instructions(found: Mapping[str, float], baseline: Mapping[str, float]) -> Verdict:
    """Compare counts of instructions."""
    if not baseline:
        return Verdict(skipped=f"there is no baseline of instructions for {key()}; --accept makes one")
    off = found[REFERENCE] / baseline[REFERENCE]
    if not 1 / SAME_BUILD_WITHIN <= off <= SAME_BUILD_WITHIN:
        return Verdict(
            skipped=f"this is another build of {key()} than the baseline's: the reference takes "
            f"{found[REFERENCE]:,.0f} instructions, there {baseline[REFERENCE]:,.0f}"
        )
    return _judge(found, baseline, INSTRUCTIONS_WITHIN, "instructions")


def judge_ratios(found: Mapping[str, float], baseline: Mapping[str, float]) -> Verdict:
    """Compare times as multiples of the reference's."""
    if not baseline:
        return Verdict(skipped=f"there is no baseline of ratios for {key()}; --accept makes one")
    return _judge(found, baseline, RATIO_WITHIN, "of the reference")


def _judge(found: Mapping[str, float], baseline: Mapping[str, float], within: float, unit: str) -> Verdict:
    lines, slower = [], []
    for name, value in found.items():
        if name not in baseline:
            lines.append(f"{name}: {value:,.5g} {unit}, not in the baseline")
            continue
        change = value / baseline[name] - 1
        line = f"{name}: {value:,.5g} {unit}, baseline {baseline[name]:,.5g}, {change:+.1%}"
        lines.append(line)
        if value > baseline[name] * within:
            slower.append(f"{line}; at most {within - 1:+.0%} is allowed")
    return Verdict(tuple(lines), tuple(slower))
