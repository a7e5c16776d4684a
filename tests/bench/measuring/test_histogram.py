"""What is made of latencies."""

import random

import pytest

from bench.load.histogram import Histogram
from bench.load.sample import Sample, per_second, quantile


def test_quantiles_are_observed_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert quantile(values, 0.5) == 51.0
    assert quantile(values, 0.99) == 100.0
    assert quantile(values, 1.0) == 100.0
    assert quantile([], 0.5) == 0.0


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0])
def test_a_histogram_is_right_within_one_per_cent(part: float) -> None:
    chance = random.Random(1)
    latencies = [chance.lognormvariate(-7, 1.5) for _ in range(5000)]
    found = Histogram.of(latencies)
    assert found.count == 5000
    assert found.quantile_ms(part) == pytest.approx(quantile(latencies, part) * 1000, rel=0.01)


def test_histograms_add_up() -> None:
    both = Histogram([(10.0, 1), (20.0, 2)], 20.5) + Histogram([(20.0, 1), (3000.0, 1)], 3001.0)
    assert both.count == 5
    assert both.quantile_ms(0.5) == 0.02
    assert both.quantile_ms(1.0) == 3.001
    assert sum(both.coarse().values()) == 5
    assert Histogram().quantile_ms(0.5) == 0.0


def test_the_worst_second_is_told_apart() -> None:
    arrivals = [10.1] * 90 + [11.5] * 10 + [12.01]
    by_second = per_second(arrivals, 10.0, 2.0)
    assert by_second == (90, 10)
    found = Sample(2.0, {"x": Histogram([(1.0, 100)], 1.0)}, by_second=by_second)
    assert (found.answers, found.rate) == (100, 50.0)
    assert found.worst_second == pytest.approx(0.2)
    assert found.told["kinds"]["x"]["count"] == 100
