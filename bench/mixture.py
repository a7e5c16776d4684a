"""A fleet and what it asks of a registry, laid out in time."""

import json
import random
from collections.abc import Callable, Iterator

from bench.load import Call, get
from bench.load.connection import http_request
from bench.population import META, SEED, TAGS, TTL
from registry.catalog.entities import PASSING

KEYS = 100
VALUE = b"x" * 200
GIANT = 0.01
"""The largest service has this part of all instances."""

LARGEST = 100
"""No other has more instances."""

FLIPPED_FROM = 3
"""Only services of at least so many instances have one that flips or moves, so that others are left."""

REGISTER = "/v1/agent/service/register"


class Fleet:
    """Services whose sizes follow a power law, registered with one agent; the same ones in every run.

    Attributes:
        services: their names.
        steady: pairs of a service and the ID of an instance that stays as it is.
        restless: the same for those that flip and move.
    """

    def __init__(self, services: int, instances: int) -> None:
        chance = random.Random(SEED)
        sizes = [1] * services
        sizes[0] = max(int(instances * GIANT), 1)
        left = instances - sum(sizes)
        while left > 0:
            place = min(int(chance.paretovariate(0.8)), services - 1)
            more = min(left, int(chance.paretovariate(0.8)), LARGEST - sizes[place])
            if more > 0 and place:
                sizes[place] += more
                left -= more
            elif sizes[place] >= LARGEST or not place:
                place = chance.randrange(1, services)
                if sizes[place] < LARGEST:
                    sizes[place] += 1
                    left -= 1
        self.services = [f"fleet-{number:05d}" for number in range(services)]
        self.steady: list[tuple[str, str]] = []
        self.restless: list[tuple[str, str]] = []
        for name, size in zip(self.services, sizes, strict=True):
            members = [(name, f"{name}-{number:05d}") for number in range(size)]
            if size >= FLIPPED_FROM:
                self.restless.append(members.pop())
            self.steady += members

    def registrations(self) -> Iterator[bytes]:
        """Yield the requests that register all of them."""
        for service, instance in (*self.steady, *self.restless):
            yield registering(service, instance)

    def keys(self) -> Iterator[bytes]:
        """Yield the requests that put the keys that are read."""
        for number in range(KEYS):
            yield http_request("PUT", _key(number), VALUE)


def registering(service: str, instance: str, port: int = 8080) -> bytes:
    """Return the request that registers an instance with the agent."""
    body = {
        "ID": instance,
        "Name": service,
        "Tags": TAGS,
        "Address": "10.0.0.1",
        "Port": port,
        "Meta": META,
        "Check": {"TTL": TTL, "Status": PASSING},
    }
    return http_request("PUT", REGISTER, json.dumps(body).encode())


class _Plan:
    """Calls with the moment at which each is due."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._chance = random.Random(SEED)
        self.due: list[tuple[float, Call]] = []

    def add(
        self, rate: float, make: Callable[[int, random.Random], list[Call]], apart_s: float = 0.5
    ) -> None:
        """Plan ``make(number, chance)`` so many times a second; its calls follow each other at a distance."""
        for number in range(round(rate * self._seconds)):
            at = (number + self._chance.random()) / rate
            for place, call in enumerate(make(number, self._chance)):
                self.due.append((at + place * apart_s, call))


def mixture(
    fleet: Fleet, reads: float, heartbeats: float, changes: float, seconds: float, *, keys: bool
) -> list[Call]:
    """Return all that the fleet asks in so many seconds, in order.

    Args:
        fleet: asks.
        reads, heartbeats, changes: how many a second.
        seconds: how long.
        keys: whether there are keys to be read and put.
    """
    plan = _Plan(seconds)
    _plan_reads(plan, fleet, reads, keys=keys)
    plan.add(heartbeats, lambda _, chance: [_check("pass", chance.choice(fleet.steady)[1], "heartbeat")])
    plan.add(heartbeats * 12 / 70, lambda _, chance: [_again(*chance.choice(fleet.steady))])
    flippers, movers = fleet.restless[::2], fleet.restless[1::2]
    plan.add(changes * 8 / 16 / 2, lambda number, _: _flip(flippers[number % len(flippers)][1]))
    plan.add(changes * 5 / 16 / 2, lambda number, _: _move(number, *movers[number % len(movers)]))
    if keys:
        plan.add(changes * 3 / 16, lambda number, _: [_put(number)])
    plan.due.sort(key=lambda each: each[0])
    return [call for _, call in plan.due]


def _plan_reads(plan: _Plan, fleet: Fleet, reads: float, *, keys: bool) -> None:
    def of_service(target: str, holds: str, kind: str) -> Callable[[int, random.Random], list[Call]]:
        def make(_: int, chance: random.Random) -> list[Call]:
            name = chance.choice(fleet.services)
            return [get(target.format(name), holds=holds.format(name).encode(), kind=kind)]

        return make

    health, catalog = "/v1/health/service/{}", "/v1/catalog/service/{}"
    plan.add(reads * 0.55, of_service(f"{health}?passing", '"Service":"{}"', "health/service"))
    plan.add(reads * 0.15, of_service(catalog, '"ServiceName":"{}"', "catalog/service"))
    plan.add(reads * 0.05, of_service(f"{health}?tag={TAGS[1]}", '"Service":"{}"', "by tag"))
    plan.add(
        reads * 0.05,
        of_service(f"{health}?filter=Service.Port+%3D%3D+8080", '"Service":"{}"', "by filter"),
    )
    plan.add(
        reads * 0.05, lambda *_: [get("/v1/catalog/services", holds=b'"fleet-', kind="catalog/services")]
    )
    plan.add(reads * 0.01, lambda *_: [get("/v1/agent/self", holds=b'"Config"', kind="agent/self")])
    if keys:
        plan.add(
            reads * 0.08,
            lambda _, chance: [get(f"{_key(chance.randrange(KEYS))}?raw", holds=b"xxx", kind="key")],
        )
        plan.add(
            reads * 0.02, lambda *_: [get("/v1/kv/bench/?recurse", holds=b'"Key"', kind="folder of keys")]
        )


def _check(state: str, instance: str, kind: str) -> Call:
    return Call(http_request("PUT", f"/v1/agent/check/{state}/service:{instance}"), kind=kind)


def _again(service: str, instance: str) -> Call:
    return Call(registering(service, instance), kind="same again")


def _flip(instance: str) -> list[Call]:
    return [_check("fail", instance, "flip"), _check("pass", instance, "flip")]


def _move(number: int, service: str, instance: str) -> list[Call]:
    """Deregister an instance and register it elsewhere: with another port."""
    gone = Call(http_request("PUT", f"/v1/agent/service/deregister/{instance}"), kind="move")
    return [gone, Call(registering(service, instance, 9000 + number), kind="move")]


def _key(number: int) -> str:
    return f"/v1/kv/bench/{number:03d}"


def _put(number: int) -> Call:
    return Call(http_request("PUT", _key(number % KEYS), VALUE + b"%d" % number), kind="put a key")
