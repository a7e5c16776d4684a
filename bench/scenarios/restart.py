"""A start with a filled store: how long until it answers, and what it weighs."""

from statistics import median

from bench.bench import Bench
from bench.chart import Chart
from bench.figures import Figure, Goal, Outcome, at_most
from bench.population import PER_SERVICE
from bench.process import BenchError, listening_on
from bench.servers import START_WITHIN_S, Server

TARGET = "/v1/health/service/svc-0000?passing"
MIB, KIB = 2**20, 2**10

STARTS: tuple[tuple[int, Goal, int], ...] = (
    (10_000, at_most(1), 5),
    (200_000, at_most(3), 3),
    (1_000_000, at_most(15), 2),
)
"""How many instances, how many seconds to the first right answer, how many starts."""

WEIGHED, WEIGHT_KIB = 200_000, 1.5


def restart(bench: Bench) -> Outcome:
    """Start several times on each store, and without one."""
    outcome = Outcome()
    with bench.registry() as server:
        empty = _weigh(server)
    outcome.detail["empty"] = empty
    outcome.figures += [
        Figure("empty: from exec to the first right answer", empty["first_answer_s"], "s"),
        Figure("empty: memory of the largest worker", empty["worker_mib"], "MiB"),
    ]
    chosen = STARTS[:1] if bench.quick else STARTS
    seconds: dict[int, float] = {}
    for instances, goal, count in chosen:
        with outcome.part(f"{instances:,} instances"):
            starts = _starts(bench, instances, 2 if bench.quick else count)
            found = {name: median([each[name] for each in starts]) for name in empty}
            outcome.detail[f"{instances}"] = starts
            outcome.figures += _figures(instances, found, empty, goal)
            seconds[instances] = found["first_answer_s"]
    outcome.charts.append(
        Chart(
            "restart",
            "From exec to the first right answer",
            "s",
            [f"{instances:,} instances" for instances, _, _ in chosen],
            {
                "registry": [seconds.get(instances) for instances, _, _ in chosen],
                "goal": [goal.bound for _, goal, _ in chosen],
            },
            log=True,
        )
    )
    return outcome


def _starts(bench: Bench, instances: int, count: int) -> list[dict[str, float]]:
    data_dir = bench.filled(instances)
    starts = []
    for number in range(count):
        with bench.registry(data_dir=data_dir, ready=(TARGET, PER_SERVICE)) as server:
            starts.append(_weigh(server))
        bench.say(
            f"{instances:,} instances, start {number + 1}: "
            f"{starts[-1]['first_answer_s']:.2f} s to the first answer"
        )
    return starts


def _figures(instances: int, found: dict[str, float], empty: dict[str, float], goal: Goal) -> list[Figure]:
    each_kib = (found["worker_mib"] - empty["worker_mib"]) * KIB / instances
    what = f"{instances:,} instances"
    return [
        Figure(f"{what}: from exec to the first right answer", found["first_answer_s"], "s", goal),
        Figure(f"{what}: from exec to the first cached answer", found["first_cached_s"], "s"),
        Figure(f"{what}: from exec until all workers answer", found["all_workers_s"], "s"),
        Figure(f"{what}: processor time until then, of all processes", found["cpu_s"], "s"),
        Figure(f"{what}: memory of the largest worker", found["worker_mib"], "MiB"),
        Figure(
            f"{what}: memory for an instance, in each worker",
            each_kib,
            "KiB",
            at_most(WEIGHT_KIB) if instances == WEIGHED else None,
        ),
        Figure(f"{what}: memory of all processes", found["all_mib"], "MiB"),
    ]


def _weigh(server: Server) -> dict[str, float]:
    """Return how long a start took and what the processes hold once all of them answer."""
    first_cached_s = server.process.wait_for(lambda: server.instances(TARGET) >= 0, START_WITHIN_S)
    all_workers_s = server.process.wait_for(
        lambda: "answers on http" in server.process.output(), START_WITHIN_S
    )
    cpu_s = server.process.cpu_s()
    memory = server.process.memory_bytes()
    workers = listening_on(server.port, list(memory))
    if not workers:
        raise BenchError("expected workers that listen, found none")
    return {
        "first_answer_s": server.start_s,
        "first_cached_s": first_cached_s,
        "all_workers_s": all_workers_s,
        "cpu_s": cpu_s,
        "worker_mib": max(memory[pid] for pid in workers) / MIB,
        "all_mib": sum(server.process.shared_memory_bytes().values()) / MIB,
    }
