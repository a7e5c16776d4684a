"""What a runner knows of its check without running it."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from registry.catalog.entities import Check
from registry.catalog.rows import CheckRow
from registry.keeper.flapping import FlapRule
from registry.keeper.lag import TICK_S, Lag
from registry.keeper.probes import Outcome
from registry.keeper.runner import ProbeRunner, Runner

AFTER_S = 60.0


class Clocked(asyncio.SelectorEventLoop):
    """An event loop whose time is moved on by hand."""

    now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def loop() -> Iterator[Clocked]:
    made = Clocked()
    yield made
    made.close()


def runner(loop: Clocked, after_s: float = AFTER_S) -> tuple[Runner, Lag]:
    lag = Lag(loop.time)
    lag.tick()
    probe = {"DeregisterCriticalServiceAfter": int(after_s * 10**9)} if after_s else {}
    check = Check(0, "node-a", "c", "c", "passing", "web", "web", True, 1, 1, b"")
    return Runner(check, CheckRow("node-a", "c", "passing", "web", "web", True, probe=probe), loop), lag


def pass_time(loop: Clocked, lag: Lag, seconds: float) -> None:
    for _ in range(round(seconds / TICK_S)):
        loop.now += TICK_S
        lag.tick()


def test_row_19_first_runs_are_spread_over_the_interval(loop: Clocked) -> None:
    runner_check = Check(0, "node-a", "c", "c", "passing", "web", "web", True, 1, 1, b"")
    row = CheckRow("node-a", "c", "passing", "web", "web", True, probe={"Interval": 10 * 10**9})
    chance = random.Random(1)
    firsts = [
        ProbeRunner(runner_check, row, loop, Still(), _never, FlapRule(), chance).first_after_s
        for _ in range(10_000)
    ]

    in_each_second = Counter(int(first) for first in firsts)

    assert sorted(in_each_second) == list(range(10))
    assert all(900 <= count <= 1100 for count in in_each_second.values()), in_each_second


class Still:
    """A prober that is not asked."""

    settled = False

    async def run(self) -> Outcome:
        raise AssertionError("nobody starts it")


def _never(check_key: str, status: str, output: str) -> None:
    raise AssertionError("nothing is reported")


def test_a_service_is_overdue_after_being_critical_without_a_break(loop: Clocked) -> None:
    one, lag = runner(loop)
    one.saw("critical")
    pass_time(loop, lag, AFTER_S - 1)
    one.saw("passing")
    one.saw("critical")
    pass_time(loop, lag, AFTER_S - 1)
    one.saw("critical")

    assert not one.is_overdue(lag)

    pass_time(loop, lag, 2)

    assert one.is_overdue(lag)


def test_the_time_in_which_the_keeper_was_stopped_makes_no_service_overdue(loop: Clocked) -> None:
    one, lag = runner(loop)
    one.saw("critical")
    pass_time(loop, lag, 2)
    loop.now += 3600.0

    assert not one.is_overdue(lag), "before the ticker has run again"

    lag.tick()

    assert not one.is_overdue(lag)

    pass_time(loop, lag, AFTER_S)

    assert one.is_overdue(lag)


def test_without_being_asked_to_nothing_is_overdue(loop: Clocked) -> None:
    one, lag = runner(loop, after_s=0)
    one.saw("critical")
    pass_time(loop, lag, 1)
    loop.now += 10**6

    assert not one.is_overdue(lag)
