"""What is measured, one function for each matter."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.bench import Bench
from bench.figures import Outcome
from bench.scenarios import crowd, generator, lookup, registration, restart, watching


@dataclass(frozen=True, slots=True)
class Scenario:
    """A matter to measure.

    Attributes:
        name: for the command line.
        title: for people.
        run: measures it.
    """

    name: str
    title: str
    run: Callable[[Bench], Outcome]


SCENARIOS = (
    Scenario("lookup", "Cached lookup of 10 healthy instances, 64 connections", lookup.cached),
    Scenario("uncached", "Lookup of 10 healthy instances, never asked before", lookup.uncached),
    Scenario("services", "List of 100 services", lookup.services),
    Scenario("crowd", "Cached lookup of 10 healthy instances, 200 connections", crowd.crowd),
    Scenario("generator", "The load generator itself", generator.generator),
    Scenario("registration", "Durable registration", registration.registration),
    Scenario("restart", "Start with 100,000 instances", restart.restart),
    Scenario("fanout", "One change and its 1,000 watchers, 2 workers", watching.fan_out),
    Scenario("crossing", "A watcher in another worker than the writer", watching.crossing),
    Scenario("quiet", "1,000 watchers of quiet services while others change", watching.quiet),
)
"""In the order in which they run."""
