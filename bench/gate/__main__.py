"""The command line: ``python -m bench.gate [--accept] [--only instructions|ratios]``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.gate import baseline, instructions, ratios
from bench.gate.baseline import INSTRUCTIONS, RATIO_WITHIN, RATIOS, Verdict
from bench.gate.drive import LOOKUP, REFERENCE
from bench.process import BenchError

RUNS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare or accept; return 1 when something is too slow or could not be measured."""
    options = _options(arguments)
    chosen = [options.only] if options.only else [INSTRUCTIONS, RATIOS]
    try:
        verdicts = [_instructions(options) if what == INSTRUCTIONS else _ratios(options) for what in chosen]
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    for verdict in verdicts:
        for line in verdict.lines:
            print(line)
        if verdict.skipped:
            print(f"SKIPPED: {verdict.skipped}", file=sys.stderr)
        for line in verdict.slower:
            print(f"SLOWER: {line}", file=sys.stderr)
    slower = any(verdict.slower for verdict in verdicts)
    if slower:
        print("if this is on purpose: make gate-accept, and say why in the commit", file=sys.stderr)
    return int(slower)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="make what is found now the baseline")
    parser.add_argument("--only", choices=(INSTRUCTIONS, RATIOS), help="one of the two measures")
    parser.add_argument("--baseline", type=Path, default=baseline.FILE, metavar="FILE")
    parser.add_argument(
        "--application",
        default=LOOKUP,
        metavar="MODULE:CLASS",
        help="count the lookup of this application instead of the registry's own",
    )
    parser.add_argument("--parts", nargs="+", default=[ratios.PARTS], metavar="PATH", help="what to time")
    return parser.parse_args(arguments)


def _instructions(options: argparse.Namespace) -> Verdict:
    if not instructions.installed():
        return Verdict(skipped=f"instructions were not counted: {instructions.MISSING}")
    counted = instructions.count([REFERENCE, options.application], [Path.cwd()])
    found = {REFERENCE: counted[REFERENCE], LOOKUP: counted[options.application]}
    if options.accept:
        baseline.accept(INSTRUCTIONS, found, options.baseline)
    return baseline.judge_instructions(found, baseline.read(INSTRUCTIONS, options.baseline))


def _ratios(options: argparse.Namespace) -> Verdict:
    if options.accept:
        runs = [ratios.measure(options.parts) for _ in range(RUNS)]
        found = {name: min(run[name] for run in runs) for name in runs[0]}
        baseline.accept(RATIOS, found, options.baseline)
    else:
        limits = {name: each * RATIO_WITHIN for name, each in baseline.read(RATIOS, options.baseline).items()}
        found = ratios.lowest(options.parts, limits, RUNS)
    return baseline.judge_ratios(found, baseline.read(RATIOS, options.baseline))


if __name__ == "__main__":
    sys.exit(main())
