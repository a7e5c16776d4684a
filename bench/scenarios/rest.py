"""What the registry takes while nobody asks it for anything."""

import time

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_most
from bench.servers import Server

MB = 10**6
GOAL_MB = 100
SETTLE_S = 3.0


def rest(bench: Bench) -> Outcome:
    """Weigh an empty registry with one worker, all its processes included, and an empty Consul."""
    outcome = Outcome()
    with bench.registry(workers=1) as ours, bench.consul() as consul:
        time.sleep(SETTLE_S)
        before = ours.process.cpu_s()
        time.sleep(SETTLE_S)
        used = (ours.process.cpu_s() - before) / SETTLE_S
        for server in (ours, *consul):
            outcome.figures += _weigh(server, outcome)
        outcome.figures.append(Figure("registry: used of a core", used))
    return outcome


def _weigh(server: Server, outcome: Outcome) -> list[Figure]:
    memory = server.process.shared_memory_bytes()
    outcome.detail[server.name] = memory
    goal = at_most(GOAL_MB) if server.name == "registry" else None
    figures = [Figure(f"{server.name}: memory of all processes", sum(memory.values()) / MB, "MB", goal)]
    if len(memory) > 1:
        figures += [
            Figure(f"{server.name}: of {name.rpartition(' ')[0]}", size / MB, "MB")
            for name, size in memory.items()
        ]
    return figures
