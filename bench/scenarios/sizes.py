"""Cached lookups by endpoint and by how many instances are in the answer."""

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Outcome
from bench.population import Member
from bench.process import BenchError
from bench.race import race
from bench.scenarios.field import checked_blast
from bench.servers import Server
from bench.wrk import Blast

SIZES = (1, 10, 100, 1000)
ENDPOINTS = {
    "catalog/service": "/v1/catalog/service/{}",
    "health/service?passing": "/v1/health/service/{}?passing",
}
SERVICES_TARGET = "/v1/catalog/services"
SERVICES = 100
LAPS, SECONDS = 2, 2


def sizes(bench: Bench) -> Outcome:
    """Ask each for the same, one target after the other."""
    chosen = SIZES[-1:] if bench.quick else SIZES
    members = [
        Member(_name(size), first + number) for size, first in _firsts().items() for number in range(size)
    ]
    members += [Member(f"one-{number:04d}", number) for number in range(SERVICES)]
    targets = {
        (endpoint, size): target.format(_name(size))
        for endpoint, target in ENDPOINTS.items()
        for size in chosen
    }
    outcome = Outcome()
    rates: dict[tuple[str, int], dict[str, float]] = {}
    with bench.registry(members) as ours, bench.consul(members, quick=False) as consul:
        for (endpoint, size), target in targets.items():
            title = f"{endpoint}, {size:,} instances"
            with outcome.part(title):
                rates[endpoint, size] = _compare(bench, outcome, title, target, size, [ours, *consul])
        title = f"catalog/services, {SERVICES + len(SIZES)} services"
        with outcome.part(title):
            # Consul tells the tags of a service in another order each time.
            peers = [ours, *consul]
            _compare(bench, outcome, title, SERVICES_TARGET, SERVICES + len(SIZES), peers, b'"one-0000":[')
    for number, endpoint in enumerate(ENDPOINTS):
        found = [rates.get((endpoint, size), {}) for size in chosen]
        names = dict.fromkeys(name for each in found for name in each)
        outcome.charts.append(
            Chart(
                f"sizes-{number + 1}",
                f"{endpoint} by instances in the answer",
                "answers/s",
                [f"{size:,}" for size in chosen],
                {name: [each.get(name) for each in found] for name in names},
                lines=True,
                log=True,
            )
        )
    return outcome


def _compare(
    bench: Bench,
    outcome: Outcome,
    title: str,
    target: str,
    least: int,
    peers: list[Server],
    holds: bytes = b"",
) -> dict[str, float]:
    """Measure one target on its peers and on servers with just that answer; return the rates.

    ``holds`` is what answers must have in them where they are not the same byte by byte.
    """
    for server in peers:
        if server.instances(target) < least:
            raise BenchError(f"{server.name} was to answer {target} with {least} or more")
    like = peers[0].get(target)
    seconds = 1 if bench.quick else SECONDS

    def load(server: Server, _: int) -> Blast:
        return checked_blast(server, target, seconds=seconds, holds=holds)

    with bench.bare(like) as bare, bench.nginx(like) as nginx:
        result = race(bench, title, [bare, *nginx, *peers], load, 1 if bench.quick else LAPS)
    outcome.detail[title] = result.detail
    rates = result.rates()
    outcome.figures.append(Figure(f"{title}: registry", rates["registry"], "/s"))
    outcome.figures.append(Figure(f"{title}: bytes of the body", len(like.body), "B"))
    for other in rates:
        if other != "registry":
            ratio = result.ratio("registry", other, lambda run: run.rate)
            outcome.figures.append(Figure(f"{title}: registry / {other}", ratio, "x"))
    return rates


def _name(size: int) -> str:
    return f"size-{size:04d}"


def _firsts() -> dict[int, int]:
    """Return the number of the first instance for each size, so that none has a number twice."""
    return {size: 10_000 * (place + 1) for place, size in enumerate(SIZES)}
