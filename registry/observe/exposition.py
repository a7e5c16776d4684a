"""The metrics of all processes in the two forms they are asked for: Prometheus's text, and Consul's JSON.

Consul shows figures of the last ten seconds. Here they are those since the registry was started.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from registry.observe.figures import reading

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Known = Iterable[tuple[str, str, str, Mapping[tuple[tuple[str, str], ...], float]]]
"""Metrics that whoever is asked knows: type (gauge or counter), name, help, value for each set of labels."""


def text(run: Path, known: Known) -> bytes:
    """Return all metrics in Prometheus's text format 0.0.4."""
    return generate_latest(_Everything(run, known))


def consul(run: Path, known: Known, uptime_s: float) -> dict[str, Any]:
    """Return all metrics in the shape of Consul's ``agent/metrics``, names with dots, without a time.

    Consul's figures are of the last ten seconds; these are of all the ``uptime_s`` that the registry
    runs. What a histogram does not know is the nearest bound of a bucket; deviations are 0.
    """
    shown: dict[str, Any] = {"Gauges": [], "Points": [], "Counters": [], "Samples": []}
    for metric in sorted(_Everything(run, known).collect(), key=lambda metric: str(metric.name)):
        if metric.type == "gauge":
            shown["Gauges"] += [
                {"Name": _dotted(sample.name), "Value": sample.value, "Labels": sample.labels}
                for sample in metric.samples
            ]
        elif metric.type == "counter":
            shown["Counters"] += [
                _aggregate(_dotted(metric.name), sample.labels, sample.value, sample.value, (1, 1), uptime_s)
                for sample in metric.samples
                if sample.value
            ]
        else:
            shown["Samples"] += [
                _aggregate(_dotted(metric.name), labels, count, total, bounds, uptime_s)
                for labels, count, total, bounds in _histograms(metric)
                if count
            ]
    return shown


class _Everything:
    """A registry of what the files and the caller say, as the library wants one."""

    def __init__(self, run: Path, known: Known) -> None:
        self._run = run
        self._known = known

    def collect(self) -> Iterator[Metric]:
        with reading(self._run):
            files: Any = MultiProcessCollector
            yield from files(CollectorRegistry(), path=str(self._run)).collect()
        for kind, name, about, values in self._known:
            family = Metric(name, about, kind)
            for labels, value in values.items():
                family.add_sample(name + "_total" if kind == "counter" else name, dict(labels), value)
            yield family


def _dotted(name: str) -> str:
    return name.replace("_", ".")


def _aggregate(
    name: str,
    labels: Mapping[str, str],
    count: float,
    total: float,
    bounds: tuple[float, float],
    uptime_s: float,
) -> dict[str, Any]:
    return {
        "Name": name,
        "Count": int(count),
        "Rate": total / uptime_s if uptime_s > 0 else 0,
        "Sum": total,
        "Min": bounds[0],
        "Max": bounds[1],
        "Mean": total / count,
        "Stddev": 0,
        "Labels": labels,
    }


def _histograms(metric: Metric) -> Iterator[tuple[dict[str, str], float, float, tuple[float, float]]]:
    """Yield labels, count, sum, and the bounds of the outermost buckets that hold anything."""
    found: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for sample in metric.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        entry = found.setdefault(tuple(sorted(labels.items())), {"buckets": []})
        if sample.name.endswith("_bucket"):
            entry["buckets"].append((float(sample.labels["le"]), sample.value))
        else:
            entry[sample.name.rpartition("_")[2]] = sample.value
    for labels_key, entry in found.items():
        yield dict(labels_key), entry.get("count", 0), entry.get("sum", 0), _bounds(sorted(entry["buckets"]))


def _bounds(buckets: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the lower bound of the first bucket with something in it and the upper one of the last."""
    low = high = below = 0.0
    seen = 0.0
    for bound, cumulated in buckets:
        if cumulated > seen:
            low = below if not seen else low
            high = bound if bound != float("inf") else below
        seen, below = cumulated, bound
    return low, high
