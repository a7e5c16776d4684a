"""Is the generator the bottleneck? Its own top rate against the bare server, and what it costs."""

from bench.bench import Bench
from bench.figures import Figure, Outcome
from bench.load import Closed, Sample, in_own_process
from bench.load.connection import http_request
from bench.population import PER_SERVICE, even
from bench.race import race
from bench.scenarios.lookup import CONNECTIONS, TARGET
from bench.servers import Server
from bench.wrk import Blast, blast


def generator(bench: Bench) -> Outcome:
    """Measure the bare server with both generators."""
    with bench.registry(even(1)) as ours:
        assert ours.instances(TARGET) == PER_SERVICE
        like = ours.get(TARGET)
    with bench.bare(like) as bare:

        def by_wrk(server: Server, _: int) -> Blast:
            return blast(server.port, TARGET, connections=CONNECTIONS, seconds=bench.seconds)

        def by_us(server: Server, _: int) -> Sample:
            return in_own_process(
                Closed(
                    server.port,
                    http_request("GET", TARGET),
                    CONNECTIONS,
                    bench.seconds,
                    body=like.body,
                )
            )

        theirs = race(bench, "bare server by wrk", [bare], by_wrk)
        own = race(bench, "bare server by bench.load", [bare], by_us)
    samples = [run.found for run in own.runs[bare.name] if isinstance(run.found, Sample)]
    figures = [
        Figure("bare server asked by wrk", theirs.median(bare.name, lambda run: run.rate), "/s"),
        Figure("bare server asked by bench.load", own.median(bare.name, lambda run: run.rate), "/s"),
        Figure(
            "processor time of bench.load for a request",
            max(each.cpu_s / each.answers for each in samples) * 1e6,
            "us",
        ),
    ]
    return Outcome(figures, {"wrk": theirs.detail, "bench.load": own.detail})
