"""The command line: what it runs, what it writes, and what it makes of a scenario that fails."""

import json
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.bench import Bench
from bench.figures import Figure, Outcome, at_least
from bench.load.native import native
from bench.process import BenchError
from bench.scenarios import Scenario


def good(_: Bench) -> Outcome:
    return Outcome([Figure("rate", 2.0, "/s", at_least(1))])


def refused(_: Bench) -> Outcome:
    raise BenchError("the server ended with status 1")


def broken(_: Bench) -> Outcome:
    raise ZeroDivisionError("division by zero")


def stopped(_: Bench) -> Outcome:
    raise KeyboardInterrupt


def run(
    monkeypatch: pytest.MonkeyPatch, out: Path, scenarios: list[Scenario], *arguments: str
) -> tuple[int, dict[str, dict[str, object]]]:
    monkeypatch.setattr(command, "SCENARIOS", scenarios)
    monkeypatch.delenv("REGISTRY_BENCH_CONSUL", raising=False)
    status = command.main([*arguments, "--out", str(out)])
    (dated,) = out.glob("2*.json")
    return status, json.loads(dated.read_text())["scenarios"]


def test_one_that_fails_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scenarios = [
        Scenario("refused", "Refused", refused),
        Scenario("broken", "Broken", broken),
        Scenario("good", "Good", good),
    ]
    status, found = run(monkeypatch, tmp_path, scenarios)
    assert status == 1
    assert found["Refused"]["failed"] == "the server ended with status 1"
    assert found["Broken"]["failed"] == "division by zero"
    assert found["Good"]["failed"] == ""
    assert "| Good | rate | 2/s |" in (tmp_path / "latest.md").read_text()


def test_what_was_found_before_a_stop_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scenarios = [Scenario("good", "Good", good), Scenario("stopped", "Stopped", stopped)]
    status, found = run(monkeypatch, tmp_path, scenarios)
    assert status == 130
    assert found.keys() == {"Good"}
    assert not (tmp_path / "latest.md").exists()


def test_a_quick_run_leaves_out_what_takes_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scenarios = [Scenario("good", "Good", good), Scenario("long", "Long", refused, quick=False)]
    status, found = run(monkeypatch, tmp_path, scenarios, "--quick")
    assert status == 0
    assert found.keys() == {"Good"}
    assert (tmp_path / "quick.md").exists()


def test_what_is_missing_is_told_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    native.cache_clear()
    try:
        run(monkeypatch, tmp_path / "out", [Scenario("good", "Good", good)])
    finally:
        native.cache_clear()
    told = capsys.readouterr().err
    assert "apt-get install wrk" in told
    assert "apt-get install gcc" in told
    assert "apt-get install nghttp2-client" in told
    assert "REGISTRY_BENCH_CONSUL does not name its binary" in told
