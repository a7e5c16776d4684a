"""Goals, tables and files of results."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.chart import Chart, svg
from bench.figures import Figure, Outcome, at_least, at_most
from bench.process import BenchError
from bench.report import markdown, table, write
from bench.scenarios import SCENARIOS

FACTS = {"date": "2024-02-29 12:34 UTC", "commit": "abc1234"}
RESULTS = {
    "Lookup": Outcome(
        [
            Figure("rate", 43210.4, "/s", at_least(40_000)),
            Figure("p99", 6.789, "ms", at_most(5)),
            Figure("ratio", 0.9123, "x"),
        ],
        {"runs": [1, 2]},
        [Chart("rates", "Rates", "/s", ["a"], {"x": [1.0]})],
    ),
    "Restart": Outcome(failed="the server ended with status 1"),
}


def test_a_goal_bounds_one_side() -> None:
    assert at_least(5).met(5)
    assert not at_least(5).met(4.9)
    assert at_most(5).met(5)
    assert not at_most(5).met(5.1)
    assert Figure("x", 1.0).met is None


def test_the_table_shows_what_was_met() -> None:
    lines = table("Lookup", RESULTS["Lookup"]).splitlines()
    assert lines[0] == "Lookup"
    assert lines[2].split() == ["rate", "43,210/s", ">=", "40,000/s", "yes"]
    assert lines[3].split() == ["p99", "6.79", "ms", "<=", "5", "ms", "NO"]
    assert lines[4].split() == ["ratio", "0.912x"]
    assert "ended with status 1" in table("Restart", RESULTS["Restart"])


def test_the_page_has_facts_and_notes() -> None:
    page = markdown(FACTS, ["a quick run"], RESULTS)
    assert "- commit: abc1234" in page
    assert "- **a quick run**" in page
    assert "| p99 | 6.79 ms | <= 5 ms | NO |" in page
    assert "Not measured: the server ended with status 1" in page


def test_results_are_written_by_date_and_commit(tmp_path: Path) -> None:
    part = write(tmp_path, FACTS, [], RESULTS)
    assert part.name == "2024-02-29T1234-abc1234.json"
    assert not (tmp_path / "latest.md").exists()
    found = json.loads(part.read_text())["scenarios"]
    assert found["Lookup"]["detail"] == {"runs": [1, 2]}
    assert [figure["met"] for figure in found["Lookup"]["figures"]] == [True, False, None]
    write(tmp_path, FACTS, [], RESULTS, page="latest")
    page = (tmp_path / "latest.md").read_text()
    assert page.startswith("# Measured")
    assert "(latest/rates.svg)" in page
    assert (tmp_path / "latest" / "rates.svg").read_text().startswith("<svg")


def test_goals_stand_together_with_their_distance() -> None:
    page = markdown(FACTS, [], RESULTS)
    assert "| Lookup | rate | 43,210/s | >= 40,000/s | yes | 1.08 of it |" in page
    assert "| Lookup | p99 | 6.79 ms | <= 5 ms | NO | 1.36 of it |" in page
    assert "| Restart | not measured |" in page


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("log", [False, True])
def test_a_chart_shows_every_value(lines: bool, log: bool) -> None:
    series: dict[str, list[float | None]] = {"ours <1>": [1.0, 20.0, None], "theirs": [3.0, 0.0, 400.0]}
    drawn = ElementTree.fromstring(svg(Chart("x", "Title", "ms", ["a", "b", "c"], series, lines, log)))
    texts = [each.text for each in drawn.iter() if each.text and each.text.strip()]
    assert {"Title (ms)", "a", "b", "c", "ours <1>", "theirs"} <= set(texts)
    assert [text for text in texts if text in ("1", "20", "3", "0", "400")].count("400") >= 1
    marks = [each for each in drawn.iter() if each.tag.endswith("title")]
    assert len(marks) == 5


def fail(error: Exception) -> None:
    raise error


def test_a_part_that_fails_leaves_the_others() -> None:
    outcome = Outcome()
    with outcome.part("small"):
        outcome.figures.append(Figure("rate", 1.0))
    with outcome.part("large"):
        fail(BenchError("was not ready"))
    with outcome.part("larger"):
        fail(ConnectionResetError("gone"))
    assert outcome.failed == "large: was not ready; larger: gone"
    for shown in (table("Sizes", outcome), markdown(FACTS, [], {"Sizes": outcome})):
        assert "large: was not ready; larger: gone" in shown
        assert "rate" in shown
    assert "| Sizes | not measured in full |" in markdown(FACTS, [], {"Sizes": outcome})


def test_scenarios_have_names_of_their_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert len({scenario.title for scenario in SCENARIOS}) == len(SCENARIOS)
