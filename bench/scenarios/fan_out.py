"""One change and many watchers of what it changes; lookups of something else meanwhile."""

import socket
import time
from dataclasses import asdict, dataclass
from statistics import median

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Outcome, at_most
from bench.load import Open, get, start
from bench.load.connection import HOST, numbered
from bench.load.native import MISSING, Waves, native
from bench.load.sample import quantile
from bench.population import PER_SERVICE, changing, even
from bench.process import BenchError
from bench.servers import Server

WATCHED = "svc-0000"
TARGET = f"/v1/health/service/{WATCHED}?passing"
OTHER = "/v1/health/service/svc-0001?passing"
WATCHERS = (100, 1_000, 10_000)
QUICK_WATCHERS = (100, 10_000)
CONSUL_WATCHERS_MAX = 1_000
WORKERS = 2
LAST_MS, LOOKUP_P99_MS = 500.0, 5.0
ROUNDS, QUICK_ROUNDS = 5, 2

LOOKUPS_PER_S, LOOKUP_CONNECTIONS = 1000, 8
LEAD_S = 0.3
"""Lookups run for so long before the change."""
LOOKUPS_S = 1.5
SENT_WITHIN_S, WOKEN_WITHIN_S = 30.0, 30.0


@dataclass(frozen=True)
class Wave:
    """One change: milliseconds from sending it until it was acknowledged and watchers had their answers.

    Attributes:
        acknowledged, first, median, p99, last: when.
        lookups_ms: latencies of the lookups that were under way between the change and the last answer.
    """

    acknowledged: float
    first: float
    median: float
    p99: float
    last: float
    lookups_ms: tuple[float, ...]


def fan_out(bench: Bench) -> Outcome:
    """Change what a hundred, a thousand, ten thousand watch, several times each."""
    if native() is None:
        raise BenchError(f"ten thousand watchers are too many for it: {MISSING}")
    chosen = QUICK_WATCHERS if bench.quick else WATCHERS
    members = even(2)
    outcome = Outcome()
    lasts: dict[str, dict[int, float]] = {}
    with bench.registry(members, workers=WORKERS) as ours, bench.consul(members, quick=False) as consul:
        for server in (ours, *consul):
            for watchers in chosen:
                if server is not ours and watchers > CONSUL_WATCHERS_MAX:
                    continue
                what = f"{server.name}, {watchers:,} watchers"
                with outcome.part(what):
                    waves = _waves(bench, server, watchers)
                    outcome.detail[what] = [
                        asdict(wave) | {"lookups_ms": len(wave.lookups_ms)} for wave in waves
                    ]
                    outcome.figures += _figures(what, waves, server is ours and watchers == WATCHERS[-1])
                    lasts.setdefault(server.name, {})[watchers] = median([wave.last for wave in waves])
    outcome.charts.append(
        Chart(
            "fanout",
            "From a change to the last watcher's answer",
            "ms",
            [f"{watchers:,} watchers" for watchers in chosen],
            {name: [found.get(watchers) for watchers in chosen] for name, found in lasts.items()},
            log=True,
        )
    )
    return outcome


def _figures(what: str, waves: list[Wave], with_goals: bool) -> list[Figure]:
    lookups = [latency for wave in waves for latency in wave.lookups_ms]
    figures = [
        Figure(f"{what}: {name}", median([float(getattr(wave, name)) for wave in waves]), "ms")
        for name in ("acknowledged", "first", "median", "p99")
    ]
    last = median([wave.last for wave in waves])
    figures += [
        Figure(f"{what}: last", last, "ms", at_most(LAST_MS) if with_goals else None),
        Figure(
            f"{what}: lookups meanwhile, p99",
            quantile(lookups, 0.99),
            "ms",
            at_most(LOOKUP_P99_MS) if with_goals else None,
        ),
        Figure(f"{what}: lookups meanwhile", len(lookups)),
    ]
    return figures


def _waves(bench: Bench, server: Server, watchers: int) -> list[Wave]:
    call = get(f"{TARGET}&index=@@@@@@@@&wait=60s", holds=b'"revision":')
    waves = []
    with (
        Waves(server.port, watchers, call) as crowd,
        socket.create_connection((HOST, server.port), timeout=WOKEN_WITHIN_S) as writer,
    ):
        _change(writer, watchers)  # from here on there is a revision to see
        for number in range(QUICK_ROUNDS if bench.quick else ROUNDS):
            index = int(dict(server.get(TARGET).headers)[b"x-consul-index"])
            crowd.ask(index, SENT_WITHIN_S)
            time.sleep(1 + watchers / 10_000)  # the last of them gets to be parked
            wave = _wave(server, crowd, writer, watchers + number + 1)
            bench.say(
                f"{server.name}, {watchers:,} watchers: first after {wave.first:.1f} ms, "
                f"last after {wave.last:.1f} ms"
            )
            waves.append(wave)
    return waves


def _wave(server: Server, crowd: Waves, writer: socket.socket, number: int) -> Wave:
    reply = server.get(OTHER)
    if len(reply.json) != PER_SERVICE:
        raise BenchError(f"{server.name}: expected {PER_SERVICE} instances at {OTHER}")
    job = Open(
        server.port,
        (get(OTHER, reply.body),),
        LOOKUPS_PER_S,
        LOOKUP_CONNECTIONS,
        LOOKUPS_S,
        trace=True,
    )
    with start(job) as lookups:
        time.sleep(LEAD_S)
        began = time.perf_counter()
        _change(writer, number)
        acknowledged = time.perf_counter()
        times = crowd.times(WOKEN_WITHIN_S)
        found = lookups.result()
    if times["first"] < began:
        raise BenchError("a watcher was answered before the change: it had not been parked")
    if found.errors:
        raise BenchError(f"{found.errors} lookups meanwhile failed: {found.error}")
    meanwhile = [
        1000 * latency for due, latency in found.trace if due + latency >= began and due <= times["last"]
    ]
    after = {name: 1000 * (at - began) for name, at in times.items()}
    return Wave(1000 * (acknowledged - began), **after, lookups_ms=tuple(meanwhile))


def _change(writer: socket.socket, number: int) -> None:
    """Change the watched service and wait until that is acknowledged."""
    writer.sendall(numbered(changing(WATCHED), number))
    answer = writer.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise BenchError(f"a change was answered {answer[:160]!r}")
