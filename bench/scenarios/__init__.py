"""What is measured, one function for each matter."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.bench import Bench
from bench.figures import Outcome
from bench.scenarios import (
    churn,
    compression,
    connections,
    crowd,
    dying,
    fan_out,
    generator,
    growth,
    heartbeat,
    keeper,
    lookup,
    mixed,
    registration,
    rest,
    restart,
    sizes,
    watching,
    workers,
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A matter to measure.

    Attributes:
        name: for the command line.
        title: for people.
        run: measures it.
        quick: whether it is part of a quick run.
    """

    name: str
    title: str
    run: Callable[[Bench], Outcome]
    quick: bool = True


SCENARIOS = (
    Scenario("lookup", "Cached lookup of 10 healthy instances, 64 connections", lookup.cached),
    Scenario("uncached", "Lookup of 10 healthy instances, never asked before", lookup.uncached),
    Scenario("sizes", "Cached lookup by endpoint and size of the answer", sizes.sizes, quick=False),
    Scenario("churn", "Cached lookup beside 1,000 changes a second", churn.churn),
    Scenario("crowd", "Cached lookup of 10 healthy instances, 200 connections", crowd.crowd),
    Scenario("connections", "10,000 open connections, 10,000 requests a second", connections.connections),
    Scenario(
        "compression", "What gzip costs and gives, 1,000 instances", compression.compression, quick=False
    ),
    Scenario("generator", "The load generator itself", generator.generator),
    Scenario("registration", "Durable registration", registration.registration),
    Scenario("heartbeat", "Heartbeats and registrations that change nothing", heartbeat.heartbeat),
    Scenario("mixed", "Mixed load", mixed.mixed),
    Scenario("fanout", "One change and its watchers, 2 workers", fan_out.fan_out),
    Scenario("crossing", "A watcher in another worker than the writer", watching.crossing),
    Scenario("quiet", "1,000 watchers of quiet services while others change", watching.quiet),
    Scenario("rest", "Memory at rest", rest.rest),
    Scenario("workers", "1, 2 and 4 workers", workers.workers, quick=False),
    Scenario("restart", "Restart with a filled store", restart.restart),
    Scenario(
        "keeper", "Thousands of HTTP checks and of TTL checks with heartbeats, 2 workers", keeper.keeper
    ),
    Scenario("dying", "A target dies: until its watchers know", dying.dying),
    Scenario("growth", "Lookups as the catalog grows", growth.growth),
)
"""In the order in which they run."""
