"""How often a text may be written."""

from hypothesis import given
from hypothesis import strategies as st

from registry.api.text_pace import BURST, PRUNE_FROM, TextPace

INTERVAL = 10.0


def test_a_few_at_once_then_one_an_interval() -> None:
    pace = TextPace(INTERVAL)
    assert [pace.allows("a", 0.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert not pace.allows("a", INTERVAL - 1)
    assert [pace.allows("a", INTERVAL), pace.allows("a", INTERVAL)] == [True, False]
    assert pace.allows("b", INTERVAL), "each check has a pace of its own"


@given(st.lists(st.floats(0, 5 * INTERVAL), max_size=60))
def test_never_more_than_the_burst_and_one_an_interval(gaps: list[float]) -> None:
    pace, now, allowed = TextPace(INTERVAL), 0.0, []
    for gap in gaps:
        now += gap
        if pace.allows("a", now):
            allowed.append(now)
    for first, begin in enumerate(allowed):
        for last in range(first, len(allowed)):
            assert last - first + 1 <= BURST + (allowed[last] - begin) / INTERVAL + 1e-6


def test_those_that_went_quiet_are_forgotten_and_the_busy_are_not() -> None:
    pace = TextPace(INTERVAL)
    for number in range(PRUNE_FROM - BURST):
        pace.allows(f"quiet-{number}", 0.0)
    later = 2 * INTERVAL
    for _ in range(BURST):
        assert pace.allows("busy", later)
    for number in range(PRUNE_FROM):
        pace.allows(f"new-{number}", later)
    assert not pace.allows("busy", later)
    assert len(pace._due) <= 2 * PRUNE_FROM
