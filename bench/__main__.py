"""The command line: ``python -m bench [--quick] [--only NAME ...] [--out DIR] [--workers N]``."""

import argparse
import signal
import sys
import time
from http.client import HTTPException
from pathlib import Path
from subprocess import TimeoutExpired

from bench import machine, report, wrk
from bench.bench import Bench, temporary_folder
from bench.figures import Outcome
from bench.process import BenchError
from bench.scenarios import SCENARIOS, Scenario
from bench.servers import CONSUL_VARIABLE, consul_binary
from registry.config import load
from registry.serve.process import raise_file_limit


def main() -> int:
    """Measure, report, and return the exit status: 1 when something could not be measured."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not wrk.installed():
        print(wrk.MISSING, file=sys.stderr)
        return 1
    raise_file_limit()
    chosen = [each for each in SCENARIOS if not options.only or each.name in options.only]
    results: dict[str, Outcome] = {}
    try:
        consul = consul_binary()
        with temporary_folder() as folder:
            facts = machine.facts(folder, consul)
            notes = _notes(facts, consul, quick=options.quick)
            for note in notes:
                print(f"NOTE: {note}", file=sys.stderr)
            bench = Bench(folder, quick=options.quick, workers=options.workers, consul=consul)
            for scenario in chosen:
                results[scenario.title] = _run(bench, scenario)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing is written", file=sys.stderr)
        return 130
    written = report.write(options.out, facts, notes, results, whole=len(chosen) == len(SCENARIOS))
    print("\n".join(f"{name}: {value}" for name, value in facts.items()), end="\n\n")
    print("\n".join(report.table(title, outcome) for title, outcome in results.items()))
    print(f"written to {written.name}")
    return int(any(outcome.failed for outcome in results.values()))


def _options() -> argparse.Namespace:
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
    return parser.parse_args()


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
    return notes


def _run(bench: Bench, scenario: Scenario) -> Outcome:
    print(f"{scenario.title} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        return scenario.run(bench)
    except (BenchError, OSError, HTTPException, TimeoutExpired) as error:
        bench.say(f"not measured: {error}\n{getattr(error, 'output', None) or ''}")
        return Outcome(failed=str(error))
    finally:
        bench.say(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
