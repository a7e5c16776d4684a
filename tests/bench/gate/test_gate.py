"""The gate: what it counts, what it makes of it, and that it catches what is slower."""

from pathlib import Path

import pytest

from bench.gate import baseline, instructions
from bench.gate.__main__ import main
from bench.gate.baseline import INSTRUCTIONS, RATIOS, REFERENCE, judge_instructions, judge_ratios
from bench.gate.drive import LOOKUP

SLOWED = "slowed:Slowed"
CACHED_LOOKUP = "bench/parts/test_cached_lookup.py"


@pytest.fixture(scope="module")
def counted() -> dict[str, float]:
    """Instructions of the reference, of a cached lookup, and of one that has been made slower."""
    if not instructions.installed():
        pytest.skip(f"instructions can't be counted: {instructions.MISSING}")
    return instructions.count([REFERENCE, LOOKUP, SLOWED], [Path(__file__).parent])


@pytest.mark.timeout(400)
def test_a_cached_lookup_takes_no_more_instructions_than_the_baseline(counted: dict[str, float]) -> None:
    found = {REFERENCE: counted[REFERENCE], LOOKUP: counted[LOOKUP]}
    verdict = judge_instructions(found, baseline.read(INSTRUCTIONS))
    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert verdict.slower == ()


@pytest.mark.timeout(400)
def test_a_slower_application_is_caught(counted: dict[str, float], tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    today = {REFERENCE: counted[REFERENCE], LOOKUP: counted[LOOKUP]}
    baseline.accept(INSTRUCTIONS, today, file)
    kept = baseline.read(INSTRUCTIONS, file)
    assert judge_instructions(today, kept).slower == ()

    verdict = judge_instructions(today | {LOOKUP: counted[SLOWED]}, kept)

    (line,) = verdict.slower
    assert line.startswith("lookup: ")
    assert "at most +5% is allowed" in line


def test_parts_are_not_clearly_slower_than_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    slower = main(["--only", RATIOS, "--parts", CACHED_LOOKUP])
    told = capsys.readouterr()
    if "SKIPPED" in told.err:
        pytest.skip(told.err)
    assert "test_cache_hit: " in told.out
    assert slower == 0, told.err


def test_what_was_accepted_is_the_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "baseline.json"
    chosen = ["--only", RATIOS, "--parts", f"{CACHED_LOOKUP}::test_cache_hit", "--baseline", str(file)]
    assert main([*chosen, "--accept"]) == 0
    kept = baseline.read(RATIOS, file)
    assert kept.keys() == {"test_cache_hit"}

    baseline.accept(RATIOS, {name: ratio / 10 for name, ratio in kept.items()}, file)

    assert main(chosen) == 1
    assert "SLOWER: test_cache_hit" in capsys.readouterr().err


def test_a_little_more_is_allowed() -> None:
    kept = {REFERENCE: 1000.0, LOOKUP: 200.0}
    assert judge_instructions({REFERENCE: 1010.0, LOOKUP: 209.0}, kept).slower == ()
    assert len(judge_instructions({REFERENCE: 1000.0, LOOKUP: 211.0}, kept).slower) == 1
    assert judge_ratios({"part": 1.5}, {"part": 1.0}).slower == ()
    assert len(judge_ratios({"part": 1.7}, {"part": 1.0}).slower) == 1


def test_another_build_of_python_is_not_compared() -> None:
    verdict = judge_instructions({REFERENCE: 1100.0, LOOKUP: 999.0}, {REFERENCE: 1000.0, LOOKUP: 200.0})
    assert "another build" in verdict.skipped
    assert verdict.slower == ()
    assert "no baseline" in judge_instructions({REFERENCE: 1.0, LOOKUP: 1.0}, {}).skipped


def test_a_part_that_is_new_is_told() -> None:
    verdict = judge_ratios({"new": 3.0}, {"part": 1.0})
    assert verdict.slower == ()
    assert "not in the baseline" in verdict.lines[0]
