"""The command line: ``python -m bench [--quick] [--only NAME ...] [--out DIR] [--workers N]``."""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from subprocess import TimeoutExpired

from bench import h2load, machine, nginx, report, wrk
from bench.bench import Bench, temporary_folder
from bench.figures import Outcome
from bench.load.native import MISSING as NO_COMPILER
from bench.load.native import native
from bench.process import BenchError
from bench.scenarios import SCENARIOS, Scenario
from bench.servers import CONSUL_VARIABLE, consul_binary
from registry.config import load
from registry.serve.process import raise_file_limit


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, and return the exit status: 1 when something could not be measured."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_file_limit()
    chosen = [
        each
        for each in SCENARIOS
        if (each.name in options.only if options.only else each.quick or not options.quick)
    ]
    try:
        consul = consul_binary()
        with temporary_folder() as folder:
            bench = Bench(folder, quick=options.quick, workers=options.workers, consul=consul)
            facts = machine.facts(folder, consul)
            notes = _notes(facts, consul, quick=options.quick)
            for note in notes:
                print(f"NOTE: {note}", file=sys.stderr)
            return _measure(bench, chosen, options, facts, notes)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1


def _measure(
    bench: Bench,
    chosen: list[Scenario],
    options: argparse.Namespace,
    facts: dict[str, str],
    notes: list[str],
) -> int:
    """Run scenarios and write what they found, after each of them, so that an end in between loses little."""
    results: dict[str, Outcome] = {}
    written: Path | None = None
    began = time.monotonic()
    stopped = False
    try:
        for number, scenario in enumerate(chosen, 1):
            passed = (time.monotonic() - began) / 60
            print(
                f"[{number}/{len(chosen)}, {passed:.1f} min] {scenario.title} ...",
                file=sys.stderr,
                flush=True,
            )
            results[scenario.title] = _run(bench, scenario)
            written = report.write(options.out, facts, notes, results)
    except KeyboardInterrupt:
        stopped = True
        notes.append("the run was stopped before its end")
    page = "" if stopped or options.only else "quick" if options.quick else "latest"
    facts["took"] = f"{(time.monotonic() - began) / 60:.1f} min"
    if results:
        written = report.write(options.out, facts, notes, results, page=page)
    print("\n".join(f"{name}: {value}" for name, value in facts.items()), end="\n\n")
    print("\n".join(report.table(title, outcome) for title, outcome in results.items()))
    if written is not None:
        print(f"written to {written.name}" + (f" and {page}.md" if page else ""))
    return 130 if stopped else int(any(outcome.failed for outcome in results.values()))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the registry beside a bare server, and beside the Consul whose binary "
        f"{CONSUL_VARIABLE} names.",
    )
    parser.add_argument("--quick", action="store_true", help="measure each thing for a short time only")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", metavar="DIR")
    parser.add_argument(
        "--workers",
        type=int,
        default=load().workers,
        metavar="N",
        help="processes of the registry and of the bare server (%(default)s)",
    )
    return parser.parse_args(arguments)


def _notes(facts: dict[str, str], consul: Path | None, *, quick: bool) -> list[str]:
    notes = []
    if quick:
        notes.append("a quick run: short measurements, wide error")
    if not machine.quiet():
        notes.append(
            f"the machine was busy with other work (load {facts['load before']}): compare ratios only"
        )
    if facts["file system"] in ("tmpfs", "ramfs"):
        notes.append("the data folder is in memory: durable writes look faster than any disk makes them")
    if consul is None:
        notes.append(f"Consul was not measured: {CONSUL_VARIABLE} does not name its binary")
    if not wrk.installed():
        notes.append(f"the top rates of closed loops were not measured: {wrk.MISSING}")
    if nginx.binary() is None:
        notes.append(nginx.MISSING)
    if native() is None:
        notes.append(NO_COMPILER)
    if not h2load.installed():
        notes.append(h2load.MISSING)
    return notes


def _run(bench: Bench, scenario: Scenario) -> Outcome:
    began = time.monotonic()
    try:
        outcome = scenario.run(bench)
        if outcome.failed:
            bench.say(f"not measured: {outcome.failed}")
        return outcome
    except Exception as error:
        # Whatever went wrong with one must not take the results of the others with it.
        bench.say(f"not measured: {error}\n{getattr(error, 'output', None) or ''}")
        if not isinstance(error, BenchError | OSError | HTTPException | TimeoutExpired):
            traceback.print_exc()
        return Outcome(failed=str(error) or type(error).__name__)
    finally:
        bench.say(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
