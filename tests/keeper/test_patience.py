"""How late the keeper is, and how much longer it waits for that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.keeper.lag import GRAIN_S, REMEMBERED, TICK_S, Lag
from registry.keeper.patience import Patience


class Clock:
    """A clock that is moved on, with a ticker that is as late as it is told to be."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lag = Lag(lambda: self.now)
        self.lag.tick()

    def run(self, seconds: float) -> None:
        """Let time pass in which the loop is on time."""
        for _ in range(round(seconds / TICK_S)):
            self.late(0.0)

    def late(self, seconds: float) -> None:
        """Let the next tick come late."""
        self.now += TICK_S + seconds
        self.lag.tick()


def test_a_loop_on_time_is_not_late() -> None:
    clock = Clock()
    clock.run(2)
    clock.late(0.9 * GRAIN_S)

    assert clock.lag.since(1000.0) == 0


def test_late_ticks_add_up_from_when_it_is_asked_about() -> None:
    clock = Clock()
    clock.late(3.0)
    clock.run(1)
    middle = clock.now
    clock.late(2.0)

    assert clock.lag.since(0.0) == pytest.approx(5.0)
    assert clock.lag.since(middle) == pytest.approx(2.0)
    assert clock.lag.since(1001.0) == pytest.approx(2.05 + 2.0), "a part of the first"
    assert clock.lag.since(clock.now) == 0


def test_what_is_going_on_now_is_included() -> None:
    clock = Clock()
    clock.now += TICK_S + 4.0

    assert clock.lag.since(1000.0) == pytest.approx(4.0)
    assert clock.lag.since(clock.now - 1.0) == pytest.approx(1.0)


def test_nothing_is_known_before_the_first_tick() -> None:
    now = 5.0
    lag = Lag(lambda: now)
    now = 500.0

    assert lag.since(0.0) == 0


def test_what_is_remembered_is_bounded() -> None:
    clock = Clock()
    for _ in range(3 * REMEMBERED):
        clock.late(1.0)

    assert clock.lag.since(0.0) == pytest.approx(REMEMBERED)


def test_on_time_a_span_is_exact() -> None:
    clock = Clock()
    patience = Patience(clock.lag, 1.0, clock.now)
    clock.run(0.75)

    assert patience.more() == pytest.approx(0.25)

    clock.run(0.25)
    clock.now += 0.001

    assert patience.more() == 0
    assert patience.remark("timeout") == ""


def test_the_time_in_which_the_keeper_was_stopped_does_not_count() -> None:
    clock = Clock()
    clock.run(0.2)
    patience = Patience(clock.lag, 1.0, clock.now)
    clock.run(0.2)
    clock.now += 30.0

    assert patience.more() == pytest.approx(0.8 - TICK_S), "up to when the tick was due it was on time"

    clock.lag.tick()
    clock.run(0.75)

    assert patience.more() == 0
    assert patience.remark("timeout") == (
        "the keeper itself was late by 29.95s; the timeout was extended from 1s to 30.95s"
    )


def test_a_keeper_that_is_always_late_finds_out_after_twice_the_span() -> None:
    clock = Clock()
    start = clock.now
    patience = Patience(clock.lag, 1.0, start)
    while patience.more():
        clock.late(0.45)

    assert 2.0 <= clock.now - start <= 2.5
    assert "extended from 1s to 2" in patience.remark("TTL")


@given(st.floats(0.1, 10), st.lists(st.floats(0, 20), max_size=40))
def test_nobody_is_given_up_early_and_nobody_is_waited_for_for_ever(
    span_s: float, lateness: list[float]
) -> None:
    clock = Clock()
    start = clock.now
    patience = Patience(clock.lag, span_s, start)
    found_passed = None
    ticks = iter(lateness)
    while more := patience.more():
        assert 0 < more <= span_s + 1e-6
        if found_passed is None and clock.now - start >= span_s:
            found_passed = clock.now
        clock.late(next(ticks, 0.0))
    given_up = clock.now

    assert given_up - start >= span_s
    assert given_up - start - clock.lag.since(start) <= 2 * span_s + TICK_S + GRAIN_S
    on_time = given_up - start - clock.lag.since(start) >= span_s - 0.01
    assert on_time or given_up >= (found_passed or start) + span_s - 0.01
