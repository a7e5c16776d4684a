"""Targets die: how long until all who watch them have been told."""

import json
import random
import time

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_most
from bench.load import Deliver, Running, in_own_process
from bench.load.connection import http_request
from bench.load.mortals import Mortals
from bench.load.sample import quantile
from bench.load.vigil import Vigil
from bench.population import SEED
from bench.process import BenchError
from bench.servers import Server

WORKERS = 2
WATCHERS = 3
"""Of each service, on connections of their own."""

BETWEEN_S = 0.1
"""Two deaths are this far apart on the average, at random."""

PARK_S = 2.0
PASSING_WITHIN_S, TOLD_WITHIN_S = 30.0, 60.0
GOAL_S = 5.0


def dying(bench: Bench) -> Outcome:
    """Kill one target after the other, each of them watched."""
    count = 10 if bench.quick else 100
    names = tuple(f"mortal-{number:03d}" for number in range(count))
    chance = random.Random(SEED)
    with bench.registry(workers=WORKERS) as ours, Mortals(count) as mortals:
        _register(ours, names, mortals)
        _await_passing(ours, count)
        took_s = PARK_S + 2 * count * BETWEEN_S + TOLD_WITHIN_S
        with Running(Vigil(ours.port, names, WATCHERS, took_s)) as vigil:
            time.sleep(PARK_S)
            killed = []
            for number in range(count):
                time.sleep(chance.uniform(0, 2 * BETWEEN_S))
                killed.append(time.perf_counter())
                mortals.kill(number)
            told = vigil.result()
    seconds = [max(times) - began for times, began in zip(told, killed, strict=True)]
    figures = [Figure("targets killed, checked every second", count)]
    for place, part in (("median", 0.5), ("p90", 0.9), ("p99", 0.99)):
        figures.append(Figure(f"until all {WATCHERS} watchers knew, {place}", quantile(seconds, part), "s"))
    figures.append(Figure(f"until all {WATCHERS} watchers knew, last", max(seconds), "s", at_most(GOAL_S)))
    bench.say(f"{count} killed: all knew after {max(seconds):.2f} s at the latest")
    return Outcome(figures, {"seconds": seconds})


def _register(server: Server, names: tuple[str, ...], mortals: Mortals) -> None:
    requests = []
    for name, port in zip(names, mortals.ports, strict=True):
        check = {"HTTP": f"http://127.0.0.1:{port}/", "Interval": "1s", "Timeout": "1s"}
        body = {"Name": name, "Port": port, "Check": check}
        requests.append(http_request("PUT", "/v1/agent/service/register", json.dumps(body).encode()))
    in_own_process(Deliver(server.port, tuple(requests)))


def _await_passing(server: Server, count: int) -> None:
    give_up = time.perf_counter() + PASSING_WITHIN_S
    while sum(each["ServiceName"] != "" for each in server.get("/v1/health/state/passing").json) < count:
        if time.perf_counter() > give_up:
            raise BenchError(f"not all of {count} targets were found passing in {PASSING_WITHIN_S:g} s")
        time.sleep(0.1)
