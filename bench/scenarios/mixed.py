"""Everything at once, by the clock: lookups of all kinds, heartbeats, changes, and parked watchers.

The shares are those that were seen in fleets of a few hundred to ten thousand instances. Lookups: 55 % health
of a service, 15 % its catalog entry, 10 % by tag or filter, 8 % one key, 5 % all services, 2 % a folder of
keys, 1 % the agent itself; 4 % would be DNS, which is no HTTP. For 70 heartbeats there are 12 registrations
of what is registered already; changes are flips of a check, moves of an instance and puts of a key as 8 to 5
to 3. What a server does not have yet (keys) is left out and told.
"""

import random
import time
from dataclasses import dataclass

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Outcome, at_least, at_most
from bench.load import Deliver, Open, Running, Sample, in_own_process, measure
from bench.load.herd import Grazed, Herd
from bench.mixture import Fleet, mixture
from bench.population import SEED
from bench.process import BenchError
from bench.servers import Server

CONNECTIONS = 128
PARK_S = 3.0
"""What watchers get to be parked before the load begins, and as much for each thousand of them as below."""
PARK_S_PER_WATCHER = 0.0005
WORST_SECOND = 0.5


@dataclass(frozen=True, slots=True)
class Size:
    """How large a fleet is, and what it does in a second.

    Attributes:
        services, instances, watchers: how many.
        changes, heartbeats, reads: how many a second.
        consul: whether Consul is put under the same load.
    """

    name: str
    services: int
    instances: int
    watchers: int
    changes: float
    heartbeats: float
    reads: float
    consul: bool = False


SIZES = (
    Size("XS", 50, 200, 100, 0.1, 20, 200),
    Size("S", 273, 1_500, 1_500, 1, 150, 1_000, consul=True),
    Size("M", 1_235, 10_000, 5_000, 10, 1_000, 5_000),
)
QUICK_SIZES = SIZES[1:2]
SECONDS, QUICK_SECONDS = 20, 5


def mixed(bench: Bench) -> Outcome:
    """Put each size on the registry, and one on Consul."""
    outcome = Outcome()
    charted: dict[str, list[float | None]] = {}
    parts = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    for size in QUICK_SIZES if bench.quick else SIZES:
        with outcome.part(f"registry, {size.name}"), bench.registry() as ours:
            found = _measure(bench, outcome, size, ours)
            charted[f"registry, {size.name}"] = [found.all.quantile_ms(part) for part in parts.values()]
        if size.consul and not bench.quick:
            with outcome.part(f"Consul, {size.name}"), bench.consul() as consul:
                for server in consul:
                    found = _measure(bench, outcome, size, server)
                    charted[f"Consul, {size.name}"] = [found.all.quantile_ms(part) for part in parts.values()]
    outcome.charts.append(
        Chart("mixed", "Latency under mixed load", "ms", list(parts), charted, lines=True, log=True)
    )
    return outcome


def _measure(bench: Bench, outcome: Outcome, size: Size, server: Server) -> Sample:
    seconds = QUICK_SECONDS if bench.quick else SECONDS
    fleet = Fleet(size.services, size.instances)
    in_own_process(Deliver(server.port, tuple(fleet.registrations())))
    keys = server.send("PUT", "/v1/kv/bench/probe", "probe").status == 200
    if keys:
        in_own_process(Deliver(server.port, tuple(fleet.keys())))
    calls = mixture(fleet, size.reads, size.heartbeats, size.changes, seconds, keys=keys)
    job = Open(server.port, tuple(calls), len(calls) / seconds, CONNECTIONS, seconds)
    chance = random.Random(SEED)
    targets = tuple(
        f"/v1/health/service/{chance.choice(fleet.services)}?passing" for _ in range(size.watchers)
    )
    park_s = PARK_S + size.watchers * PARK_S_PER_WATCHER
    with Running(Herd(server.port, targets, park_s + seconds + 1)) as herd:
        time.sleep(park_s)
        before = server.process.cpu_s()
        found = measure(job)
        cpu_s = server.process.cpu_s() - before
        grazed = herd.result()
    if grazed.parked != size.watchers:
        raise BenchError(f"expected {size.watchers} watchers to be answered, found {grazed.parked}")
    bench.say(
        f"{server.name}, {size.name}: {found.rate:,.0f}/s, p99 {found.p99_ms:.2f} ms, "
        f"worst second {found.worst_second:.2f}, {grazed.woken} wake-ups, {found.errors} errors {found.error}"
    )
    _tell(outcome, f"{server.name}, {size.name}", found, grazed, cpu_s, server, keys=keys)
    return found


def _tell(
    outcome: Outcome, what: str, found: Sample, grazed: Grazed, cpu_s: float, server: Server, *, keys: bool
) -> None:
    memory = server.process.shared_memory_bytes()
    outcome.detail[what] = found.told | {
        "watchers": grazed.parked,
        "woken": grazed.woken,
        "server_cpu_s": cpu_s,
        "memory_bytes": memory,
        "keys": keys,
    }
    ours = server.name == "registry"
    outcome.figures += [
        Figure(f"{what}: requests, by the clock", found.rate, "/s"),
        *(
            Figure(f"{what}: {name}", found.all.quantile_ms(part), "ms")
            for name, part in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))
        ),
        Figure(
            f"{what}: worst second against the mean",
            found.worst_second,
            "x",
            at_least(WORST_SECOND) if ours else None,
        ),
        Figure(f"{what}: errors", found.errors, "", at_most(0) if ours else None),
        Figure(f"{what}: watchers", grazed.parked),
        Figure(f"{what}: wake-ups of watchers", grazed.woken),
        Figure(f"{what}: processor time for 1,000 requests", cpu_s / max(found.answers, 1) * 1000, "s"),
        Figure(f"{what}: memory of all processes", sum(memory.values()) / 2**20, "MiB"),
        Figure(f"{what}: the generator sent late by (p99)", found.late_p99_ms, "ms"),
    ]
    outcome.figures += [
        Figure(f"{what}: {kind}, p99", each.quantile_ms(0.99), "ms")
        for kind, each in sorted(found.kinds.items())
        if each.count
    ]
    if not keys:
        outcome.figures.append(Figure(f"{what}: part of the lookups left out, as there are no keys yet", 0.1))
