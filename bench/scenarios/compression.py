"""What gzip costs the processor and saves on the wire, for a large answer."""

import gzip
from functools import partial

from bench.bench import Bench
from bench.figures import Figure, Outcome
from bench.load import Closed, Sample, get, measure
from bench.population import Member
from bench.process import BenchError
from bench.race import Entry, contest
from bench.servers import Server

INSTANCES = 1000
TARGET = "/v1/health/service/large?passing"
CONNECTIONS = 8
ACCEPT = "Accept-Encoding: gzip\r\n"
LAPS, SECONDS = 3, 2


def compression(bench: Bench) -> Outcome:
    """Ask for the same answer plain and compressed, from the cache and past it."""
    seconds = 1 if bench.quick else SECONDS
    with bench.registry([Member("large", number) for number in range(INSTANCES)]) as ours:
        plain = ours.get(TARGET).body
        packed = ours.get(TARGET, {"Accept-Encoding": "gzip"})
        if (b"content-encoding", b"gzip") not in packed.headers or gzip.decompress(packed.body) != plain:
            raise BenchError(f"expected {TARGET} compressed with gzip, found {packed.headers}")
        fresh = f"{TARGET}&n=@@@@@@@@"
        calls = {
            "plain": get(TARGET, plain),
            "gzip": get(TARGET, packed.body, headers=ACCEPT),
            "plain, uncached": get(fresh, plain),
            # The header of a gzip file has the time in it; its end is a checksum and the size.
            "gzip, uncached": get(fresh, packed.body[-8:], headers=ACCEPT),
        }

        def load(place: int, server: Server, lap: int) -> Sample:
            call = list(calls.values())[place]
            found = measure(Closed(server.port, (call,), CONNECTIONS, seconds, (place * 10 + lap) * 100_000))
            if found.errors:
                raise BenchError(found.error)
            return found

        entries = [Entry(name, ours, partial(load, place, ours)) for place, name in enumerate(calls)]
        result = contest(bench, "a large answer", entries, 1 if bench.quick else LAPS)
    outcome = Outcome(
        [
            Figure("body, plain", len(plain), "B"),
            Figure("body, gzip", len(packed.body), "B"),
            Figure("plain / gzip, bytes", len(plain) / len(packed.body), "x"),
        ],
        result.detail,
    )
    for name in result.runs:
        outcome.figures += result.figures(name)
    outcome.figures += result.against("gzip", "plain")
    outcome.figures += result.against("gzip, uncached", "plain, uncached")
    return outcome
