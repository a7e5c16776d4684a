"""Flap damping: when a check is held, in which state, with which words, and when it is let go."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from registry.keeper.flapping import Flapping, FlapRule, is_held

P, W, C = "passing", "warning", "critical"
RULE = FlapRule(threshold=3, window_s=60, calm_s=60)
BADNESS = {P: 0, W: 1, C: 2}

results = st.lists(st.tuples(st.floats(0.01, 50), st.sampled_from([P, W, C])), min_size=1, max_size=60)
rules = st.builds(FlapRule, st.integers(1, 6), st.floats(1, 100), st.floats(1, 100))


def run(rule: FlapRule, given_results: list[tuple[float, str]]) -> list[tuple[float, str, str, str]]:
    """Return time, result, status and output for each result, given as pause and result."""
    flapping, now, seen = Flapping(rule, P, "", 0.0), 0.0, []
    for pause, result in given_results:
        now += pause
        seen.append((now, result, *flapping.observe(result, f"is {result}", now)))
    return seen


def test_the_third_change_within_the_window_holds_the_worse_state() -> None:
    seen = run(RULE, [(1, P), (1, C), (1, P), (1, C), (1, P), (1, P)])

    assert [status for _, _, status, _ in seen] == [P, C, P, C, C, C]
    assert seen[3][3] == (
        "held critical: changed 3 times within 1m0s, calm again after 1m0s without a change; "
        "last result: critical: is critical"
    )
    assert seen[5][3] == (
        "held critical: changed 3 times within 1m0s and 1 times since, "
        "calm again after 1m0s without a change; last result: passing: is passing"
    )


def test_the_worst_state_of_the_window_is_held_not_the_last() -> None:
    assert run(RULE, [(1, P), (1, C), (1, P), (1, W)])[-1][2] == C


def test_what_is_held_can_only_get_worse() -> None:
    seen = run(RULE, [(1, P), (1, W), (1, P), (1, W), (1, P), (1, C), (1, P)])

    assert [status for _, _, status, _ in seen] == [P, W, P, W, W, C, C]


def test_it_is_let_go_when_it_has_been_calm_and_starts_anew() -> None:
    seen = run(RULE, [(1, P), (1, C), (1, P), (1, C), (1, P), (59.9, P), (0.1, P), (1, C), (1, P), (1, C)])

    assert [status for _, _, status, _ in seen] == [P, C, P, C, C, C, P, C, P, C]
    assert seen[6][3] == "is passing"
    assert [is_held(output) for *_, output in seen] == [False] * 3 + [True] * 3 + [False] * 3 + [True]


def test_a_keeper_that_comes_after_another_goes_on_holding() -> None:
    held = run(RULE, [(1, P), (1, C), (1, P), (1, C)])[-1][3]
    flapping = Flapping(RULE, C, held, now=1000.0)

    assert flapping.observe(P, "well", 1001.0)[0] == C
    assert flapping.calm_at == 1060.0
    assert flapping.observe(P, "well", 1060.0) == (P, "well")
    assert Flapping(FlapRule(), C, held, 1000.0).observe(P, "well", 1001.0) == (P, "well")


def test_a_definition_goes_before_what_holds_for_all() -> None:
    second = 10**9

    assert RULE.for_check({}) == RULE
    assert RULE.for_check({"FlapThreshold": -1}).threshold == 0
    assert RULE.for_check({"FlapThreshold": 7, "FlapWindow": 5 * second, "FlapCalm": second}) == FlapRule(
        7, 5.0, 1.0
    )


@given(results)
def test_off_it_changes_nothing(given_results: list[tuple[float, str]]) -> None:
    for _, result, status, output in run(FlapRule(0), given_results):
        assert (status, output) == (result, f"is {result}")


@given(rules, results)
def test_it_is_never_better_than_it_is_and_always_says_why(
    rule: FlapRule, given_results: list[tuple[float, str]]
) -> None:
    for _, result, status, output in run(rule, given_results):
        assert BADNESS[status] >= BADNESS[result]
        assert output == f"is {result}" if not is_held(output) else output.startswith(f"held {status}: ")
        assert status == result or is_held(output)


@given(rules, results)
def test_it_is_held_exactly_from_the_threshold_until_calm(
    rule: FlapRule, given_results: list[tuple[float, str]]
) -> None:
    """Count again from all that has been, as it is defined."""
    seen = run(rule, given_results)
    released = float("-inf")
    held = False
    changes: list[float] = []
    latest = None
    for now, result, _, output in seen:
        if held and now >= changes[-1] + rule.calm_s:
            held, released = False, now
        if latest not in (None, result):
            changes.append(now)
        latest = result
        counted = [at for at in changes if at >= released and at >= now - rule.window_s]
        if result and changes and changes[-1] == now:
            held = held or len(counted) >= rule.threshold
        assert is_held(output) == held


@given(st.integers(1, 6), st.floats(1, 50), st.floats(0, 50), results)
def test_watchers_are_not_woken_more_often_than_the_threshold_allows(
    threshold: int, window_s: float, more_s: float, given_results: list[tuple[float, str]]
) -> None:
    """Not counting a held state that gets worse, which can happen once."""
    rule = FlapRule(threshold, window_s, window_s + more_s)
    seen = run(rule, given_results)
    changes = [later[0] for earlier, later in pairwise(seen) if earlier[2] != later[2]]
    for start in changes:
        assert len([at for at in changes if start <= at < start + window_s]) <= threshold + 2


@given(st.integers(2, 6), st.lists(st.sampled_from([P, W, C]), max_size=30))
def test_slow_changes_are_left_alone(threshold: int, statuses: list[str]) -> None:
    seen = run(FlapRule(threshold, 10, 10), [(10.5, status) for status in statuses])

    assert [status for _, _, status, _ in seen] == statuses
