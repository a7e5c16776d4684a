"""Thresholds, as Consul counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.keeper.rules import Counters, Thresholds

P, W, C = "passing", "warning", "critical"


def run(thresholds: Thresholds, results: list[str]) -> list[str | None]:
    counters = Counters(thresholds)
    return [counters.observe(result) for result in results]


@pytest.mark.parametrize("result", [P, W, C])
def test_the_first_result_counts_whatever_the_thresholds(result: str) -> None:
    assert run(Thresholds(3, 3, 3), [result]) == [result]


def test_success_before_passing_counts_results_after_a_failure() -> None:
    assert run(Thresholds(success=3), [C, P, P, P, P]) == [C, None, None, P, P]


def test_failures_before_critical_count_failures_after_a_success() -> None:
    assert run(Thresholds(warning=3, critical=3), [P, C, C, C, C]) == [P, None, None, C, C]


def test_failures_before_warning_come_before_critical() -> None:
    assert run(Thresholds(warning=1, critical=3), [P, C, C, C]) == [P, W, W, C]


def test_a_warning_is_a_success_and_resets_failures() -> None:
    assert run(Thresholds(warning=2, critical=2), [P, C, W, C, C]) == [P, None, W, None, C]


@given(st.lists(st.sampled_from([P, W, C]), max_size=30), st.sampled_from([0, 1]))
def test_zero_and_one_mean_that_every_result_counts(results: list[str], threshold: int) -> None:
    thresholds = Thresholds(threshold, threshold, threshold)

    assert run(thresholds, results) == results


@given(
    st.lists(st.sampled_from([P, W, C]), min_size=1, max_size=40),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_critical_needs_that_many_failures_in_a_row(results: list[str], success: int, critical: int) -> None:
    observed = run(Thresholds(success, critical, critical), results)

    for place, status in enumerate(observed):
        if status == C and place:
            row = max(critical, 1)
            assert results[max(0, place - row + 1) : place + 1] == [C] * min(row, place + 1)
