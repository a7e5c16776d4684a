"""The rules of the guard, held against histories that are gone through by hand."""

from collections import Counter
from math import inf
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.catalog.rows import GuardRow
from registry.keeper.guard import CheckKey, GuardRules, Standing, Timeline

WINDOW = 10.0
CHECKS: list[CheckKey] = [("n", "a"), ("n", "b"), ("m", "a")]
RULES = GuardRules(share=0.5, window_s=WINDOW, limit_s=600, min_instances=3)

shares = st.sampled_from([0.1, 0.25, 0.5, 0.7, 0.99, 1.0])
numbers = st.integers(0, 60)


class Event(NamedTuple):
    """A check is seen with a status, some seconds after the event before."""

    after: float
    check: CheckKey
    status: str


events = st.lists(
    st.builds(
        Event,
        st.sampled_from([0.0, 0.5, 3.0, 9.5, 10.0, 10.5]),
        st.sampled_from(CHECKS),
        st.sampled_from(["passing", "warning", "critical"]),
    ),
    max_size=30,
)


class History:
    """All that was ever seen of the checks; all of them pass in the beginning."""

    def __init__(self) -> None:
        self.seen: dict[CheckKey, list[tuple[float, str]]] = {check: [(-inf, "passing")] for check in CHECKS}

    def status(self, check: CheckKey) -> str:
        return self.seen[check][-1][1]

    def passed_within(self, check: CheckKey, start: float, now: float) -> bool:
        """Say whether a check passed at any time from ``start`` on."""
        told = self.seen[check]
        ends = [at for at, _ in told[1:]] + [now]
        return any(
            status == "passing" and until >= start for (_, status), until in zip(told, ends, strict=True)
        )


@given(events, st.sampled_from([0.0, 4.0, 10.0, 11.0]))
def test_standing_is_what_the_history_says(sequence: list[Event], later: float) -> None:
    timeline, history, now = Timeline(WINDOW), History(), 100.0
    for event in sequence:
        now += event.after
        history.seen[event.check].append((now, event.status))
        timeline.saw(event.check, event.status, now, place=event.check[0])
    now += later
    well = {check: history.passed_within(check, now - WINDOW, now) for check in CHECKS}
    statuses = {check: history.status(check) for check in CHECKS}
    critical = {check for check in CHECKS if statuses[check] == "critical"}

    counts = Counter(check[0] for check in critical if well[check])
    assert timeline.counts(now) == counts
    assert {check for check in CHECKS if timeline.is_counted(check)} == {
        check for check in critical if well[check]
    }
    assert set(timeline.known()) == {check for check in CHECKS if statuses[check] != "passing"}
    standing = timeline.standing(statuses.items(), now)
    if not all(well.values()):
        assert standing is Standing.ILL
    elif critical:
        assert standing is Standing.TURNED
    else:
        fading = any(status != "passing" for status in statuses.values())
        assert standing is (Standing.FADING if fading else Standing.WELL)


@given(events)
def test_it_is_told_of_each_turn_once(sequence: list[Event]) -> None:
    timeline, now = Timeline(WINDOW), 0.0
    for event in sequence:
        now += event.after
        before = timeline.counts(now).get("", 0)
        counted = timeline.is_counted(event.check)
        turned = timeline.saw(event.check, event.status, now)
        assert turned == (timeline.is_counted(event.check) and not counted)
        assert timeline.counts(now).get("", 0) - before == timeline.is_counted(event.check) - counted


def test_what_was_never_seen_passing_counts_for_nothing() -> None:
    timeline = Timeline(WINDOW)
    assert not timeline.saw(CHECKS[0], "critical", 0.0, passed_before=False)
    assert not timeline.saw(CHECKS[0], "critical", 1.0)
    assert timeline.standing([(CHECKS[0], "critical")], 1.0) is Standing.ILL
    timeline.saw(CHECKS[0], "passing", 2.0)
    assert timeline.saw(CHECKS[0], "critical", 3.0)


def test_what_has_been_settled_counts_for_nothing_until_it_passes_again() -> None:
    timeline = Timeline(WINDOW)
    timeline.saw(CHECKS[0], "critical", 0.0)
    timeline.settle(CHECKS[0])
    timeline.settle(CHECKS[1])
    assert not timeline.counts(0.0)
    assert not timeline.saw(CHECKS[0], "critical", 1.0)
    assert timeline.standing([(CHECKS[0], "critical"), (CHECKS[1], "passing")], 1.0) is Standing.ILL
    timeline.saw(CHECKS[0], "passing", 2.0)
    assert timeline.saw(CHECKS[0], "critical", 3.0)


def test_maintenance_is_no_failure() -> None:
    timeline = Timeline(WINDOW)
    for check in (("n", "_node_maintenance"), ("n", "_service_maintenance:web")):
        assert not timeline.saw(check, "critical", 0.0)
        assert timeline.standing([(check, "critical")], 0.0) is Standing.ILL
    assert not timeline.counts(0.0)


@pytest.mark.parametrize(
    ("turned", "whole", "expected"),
    [(0, 0, False), (0, 3, False), (2, 2, False), (1, 3, False), (2, 3, True), (2, 4, False), (3, 4, True)],
)
def test_more_than_half_of_at_least_three(turned: int, whole: int, expected: bool) -> None:
    assert RULES.begins(turned, whole) is expected


@given(numbers)
def test_a_share_of_one_means_all(whole: int) -> None:
    rules = GuardRules(1.0, WINDOW, 600, 1)
    assert rules.begins(whole, whole) == (whole > 0)
    assert not rules.begins(whole - 1, whole)


@pytest.mark.parametrize(
    ("share", "whole", "part"), [(0.29, 100, 29), (0.1, 30, 3), (0.7, 10, 7), (0.57, 100, 57)]
)
def test_rounding_makes_no_difference(share: float, whole: int, part: int) -> None:
    rules = GuardRules(share, WINDOW, 600, 1)
    assert not rules.exceeded(part, whole)
    assert rules.exceeded(part + 1, whole)


@given(shares, numbers, numbers)
def test_the_more_have_turned_the_sooner_it_begins(share: float, turned: int, whole: int) -> None:
    rules = GuardRules(share, WINDOW, 600, 3)
    assert rules.begins(turned, whole) <= rules.begins(turned + 1, whole)
    assert rules.begins(turned, whole) <= (whole >= 3)
    assert not GuardRules(0.0, WINDOW, 600, 3).begins(turned, whole)
    assert not rules.begins(turned, whole, turned + 1)


def row_of(rules: GuardRules, turned: int, *, everywhere: bool) -> GuardRow:
    return rules.row("web", {"n": ("web-1",)}, turned, "that many", 5000, everywhere=everywhere)


@given(shares, numbers, numbers, numbers, st.booleans())
def test_what_makes_a_guard_begin_does_not_end_it(
    share: float, turned: int, ill: int, well: int, everywhere: bool
) -> None:
    """A guard that has just begun goes on, so the two ways of measuring never disagree."""
    rules = GuardRules(share, WINDOW, 600, 1)
    held = turned + well
    if turned and (everywhere or rules.begins(turned, held + ill)):
        assert rules.ends(row_of(rules, turned, everywhere=everywhere), turned, held, 5000) == ""


@given(shares, numbers, numbers, st.booleans(), st.integers(0, 2_000_000))
def test_a_guard_ends_when_its_reason_has_gone_or_its_limit_has_passed(
    share: float, critical: int, others: int, everywhere: bool, now_ms: int
) -> None:
    rules = GuardRules(share, WINDOW, 600, 1)
    row, held = row_of(rules, 7, everywhere=everywhere), critical + others
    why = rules.ends(row, critical, held, now_ms)
    whole = min(7, held) if everywhere else held
    if not rules.exceeded(critical, whole) or now_ms >= 605_000:
        assert why
    else:
        assert why == ""
    assert rules.ends(row, 0, held, now_ms)
    assert GuardRules(0.0, WINDOW, 600, 1).ends(row, critical, held, now_ms)


def test_the_row_says_why_and_until_when() -> None:
    row = RULES.row("web", {"n": ("web-1",)}, 2, "2 of its 3 instances", 5000, everywhere=False)
    assert row.reason == (
        "2 of its 3 instances turned critical within 10 s, which is more often the network of who checks "
        "them than theirs"
    )
    assert (row.began_ms, row.ends_ms, row.released) == (5000, 605_000, False)
