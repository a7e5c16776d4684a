"""A start with a large catalog: how long until it answers, and what it weighs."""

from statistics import median

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_most
from bench.population import PER_SERVICE, fill, power_law
from bench.process import listening_on
from bench.servers import START_WITHIN_S, Server

INSTANCES = 100_000
TARGET = "/v1/health/service/svc-0000?passing"
MIB = 2**20


def restart(bench: Bench) -> Outcome:
    """Start on the same data several times, then once without any."""
    starts = []
    with bench.scratch() as folder:
        data_dir = folder / "data"
        bench.say(f"writing {INSTANCES:,} instances")
        fill(data_dir, power_law(INSTANCES))
        for lap in range(bench.laps + 1):
            with bench.registry(data_dir=data_dir, ready=(TARGET, PER_SERVICE)) as server:
                starts.append(_weigh(server))
            bench.say(f"start {lap + 1}: {starts[-1]['first_answer_s']:.2f} s to the first answer")
    with bench.registry() as server:
        empty = _weigh(server)
    full = {name: median([each[name] for each in starts]) for name in empty}
    each = (full["worker_mib"] - empty["worker_mib"]) * MIB / INSTANCES
    figures = [
        Figure("from exec to the first right answer", full["first_answer_s"], "s", at_most(5)),
        Figure("from exec until all workers answer", full["all_workers_s"], "s"),
        Figure("processor time until then, of all processes", full["cpu_s"], "s"),
        Figure("memory of the largest worker", full["worker_mib"], "MiB"),
        Figure("memory for an instance, in each worker", each, "B"),
        Figure("empty: from exec to the first right answer", empty["first_answer_s"], "s"),
        Figure("empty: memory of the largest worker", empty["worker_mib"], "MiB"),
        Figure("empty: memory of all processes", empty["all_mib"], "MiB"),
    ]
    return Outcome(figures, {"starts": starts, "empty": empty})


def _weigh(server: Server) -> dict[str, float]:
    """Return how long a start took and what the processes hold once all of them answer."""
    all_workers_s = server.process.wait_for(
        lambda: "answers on http" in server.process.output(), START_WITHIN_S
    )
    memory = server.process.memory_bytes()
    workers = listening_on(server.port, list(memory))
    return {
        "first_answer_s": server.start_s,
        "all_workers_s": all_workers_s,
        "cpu_s": server.process.cpu_s(),
        "worker_mib": max(memory[pid] for pid in workers) / MIB,
        "all_mib": sum(memory.values()) / MIB,
    }
