"""The keeper at work: what it costs, how punctual it is, and what the lookups notice of it."""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from math import inf
from pathlib import Path

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_most
from bench.load import Call, Deliver, Open, Running, Sample, get, in_own_process, measure
from bench.load.connection import http_request
from bench.load.sample import quantile
from bench.load.target import END, Target, Visits
from bench.population import even
from bench.process import BenchError, cpu_s, free_ports
from bench.servers import Server

WORKERS = 2
LOOKUP = "/v1/health/service/svc-0000?passing"
LOOKUPS_A_SECOND, LOOKUP_CONNECTIONS = 500.0, 64
BEAT_EVERY_S, BEAT_CONNECTIONS, TTL = 1.0, 64, "15s"
HTTP_NAME, TTL_NAME = "polled", "beating"
REGISTER = "/v1/agent/service/register"
LISTENING_WITHIN_S = 10.0
SETTLE_S = 3.0
"""For what is late at first: every check has run once by then."""

CPU_GOAL, LATE_GOAL_MS, RESUME_GOAL_S = 1.0, 250.0, 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """How much is run.

    Attributes:
        checks: of each kind.
        interval_s: of those that are polled.
        seconds: how long each measurement takes.
    """

    checks: int
    interval_s: int
    seconds: float


FULL, QUICK = Size(10_000, 10, 30.0), Size(1_000, 2, 6.0)


def keeper(bench: Bench) -> Outcome:
    """Run HTTP checks, then TTL checks with heartbeats too, beside a steady load of lookups."""
    size = QUICK if bench.quick else FULL
    with bench.registry(even(1), workers=WORKERS) as ours:
        lookups = {"alone": _lookups(ours, size)}
        (port,) = free_ports(1)
        with _target(port) as visits:
            _register(ours, _names(HTTP_NAME, size), lambda n: _http_check(port, n, size))
            time.sleep(size.interval_s + SETTLE_S)
            began = Cost.now(ours)
            lookups["beside HTTP checks"] = _lookups(ours, size)
            polled = Cost.now(ours)
            polling, _ = began.until(polled)
            bench.say(f"{size.checks} HTTP checks: the keeper takes {polling:.2f} of a core")
            _register(ours, _names(TTL_NAME, size), lambda _: {"TTL": TTL})
            with Running(_heartbeats(ours, size)) as heartbeats:
                time.sleep(SETTLE_S)
                before = Cost.now(ours)
                lookups["beside HTTP checks and heartbeats"] = _lookups(ours, size)
                ended = Cost.now(ours)
                both, workers = before.until(ended)
                os.kill(keeper_pid(ours), signal.SIGKILL)
                beats = heartbeats.result()
            changed = _changed(ours)
    late = lateness(visits, size.interval_s, [(began.at, polled.at), (before.at, ended.at)])
    late_meanwhile = lateness(visits, size.interval_s, [(began.at, ended.at)])
    resumed = [min((at for at in times if at > ended.at), default=inf) for times in visits.values()]
    figures = [
        Figure("HTTP checks, and as many TTL checks", size.checks),
        Figure("interval of the HTTP checks", size.interval_s, "s"),
        Figure("keeper, HTTP checks alone: of a core", polling),
        Figure("keeper, both: of a core", both, "", at_most(CPU_GOAL)),
        Figure("workers, both: of a core", workers),
        Figure("lateness of HTTP checks, median", 1000 * quantile(late, 0.5), "ms"),
        Figure("lateness of HTTP checks, p99", 1000 * quantile(late, 0.99), "ms", at_most(LATE_GOAL_MS)),
        Figure(
            f"the same with the registration of {size.checks} checks, p99",
            1000 * quantile(late_meanwhile, 0.99),
            "ms",
        ),
        Figure("heartbeats", beats.rate, "/s"),
        Figure("heartbeats that failed", beats.errors, "", at_most(0)),
        Figure("checks whose status changed", changed, "", at_most(0)),
        Figure(
            "keeper killed: first probe after", resumed_after(visits, ended.at), "s", at_most(RESUME_GOAL_S)
        ),
        Figure("keeper killed: HTTP checks not run since", resumed.count(inf), "", at_most(0)),
    ]
    for beside, found in lookups.items():
        figures += [
            Figure(f"lookup {beside}: median", found.p50_ms, "ms"),
            Figure(f"lookup {beside}: p99", found.p99_ms, "ms"),
        ]
    return Outcome(figures, {name: found.told for name, found in lookups.items()})


# What runs


def _lookups(server: Server, size: Size) -> Sample:
    call = get(LOOKUP, server.get(LOOKUP).body)
    return measure(Open(server.port, (call,), LOOKUPS_A_SECOND, LOOKUP_CONNECTIONS, size.seconds))


def _heartbeats(server: Server, size: Size) -> Open:
    """Return the job of sending each check's heartbeat every second, until all were run once more."""
    seconds = SETTLE_S + size.seconds + size.interval_s + 2 * SETTLE_S
    calls = tuple(
        Call(http_request("PUT", f"/v1/agent/check/pass/service:{name}")) for name in _names(TTL_NAME, size)
    )
    return Open(server.port, calls, size.checks / BEAT_EVERY_S, BEAT_CONNECTIONS, seconds)


@contextlib.contextmanager
def _target(port: int) -> Iterator[Visits]:
    """Run the target; what it gives is filled in at the end of the block."""
    visits: dict[str, list[float]] = {}
    with Running(Target(port)) as target:
        _await_listening(port)
        yield visits
        in_own_process(Deliver(port, (END,)))
        visits.update(target.result())


def _await_listening(port: int) -> None:
    give_up = time.perf_counter() + LISTENING_WITHIN_S
    while time.perf_counter() < give_up:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise BenchError(f"the target of the checks did not listen within {LISTENING_WITHIN_S:g} s")


def _names(kind: str, size: Size) -> list[str]:
    return [f"{kind}-{number:08d}" for number in range(size.checks)]


def _http_check(port: int, number: int, size: Size) -> dict[str, str]:
    return {"HTTP": f"http://127.0.0.1:{port}/{number}", "Interval": f"{size.interval_s}s"}


def _register(server: Server, names: Iterable[str], check: Callable[[int], dict[str, str]]) -> None:
    bodies = (
        {"Name": name, "Port": 80, "Check": {**check(number), "Status": "passing"}}
        for number, name in enumerate(names)
    )
    requests = [http_request("PUT", REGISTER, json.dumps(body).encode()) for body in bodies]
    in_own_process(Deliver(server.port, tuple(requests)))


# What it costs


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """Processor time in seconds, and when it had been taken."""

    at: float
    keeper_s: float
    workers_s: float

    @classmethod
    def now(cls, server: Server) -> "Cost":
        """Return what has been taken until now."""
        keeper = keeper_pid(server)
        spent = {pid: cpu_s(pid) for pid in server.process.pids()}
        return cls(time.perf_counter(), spent.pop(keeper), sum(spent.values()))

    def until(self, later: "Cost") -> tuple[float, float]:
        """Return how much of a core keeper and workers took on the average until then."""
        seconds = later.at - self.at
        return (later.keeper_s - self.keeper_s) / seconds, (later.workers_s - self.workers_s) / seconds


def keeper_pid(server: Server) -> int:
    """Return the process that runs the checks.

    Raises:
        BenchError: there is none.
    """
    for pid in server.process.pids():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "registry-keeper":
                return pid
    raise BenchError("the registry has no keeper")


# What came of it


def lateness(visits: Visits, interval_s: float, windows: Sequence[tuple[float, float]]) -> list[float]:
    """Return by how many seconds each run came later than the most punctual one of its check.

    The runs of a check are due every interval from some moment on, which is its phase.

    Args:
        visits: of all checks.
        interval_s: of each of them.
        windows: from when until when runs count.
    """
    late = []
    for times in visits.values():
        kept = [at for at in times if any(begins <= at < ends for begins, ends in windows)]
        phases = [at - interval_s * round((at - kept[0]) / interval_s) for at in kept]
        late += [phase - min(phases) for phase in phases]
    return late


def resumed_after(visits: Visits, killed: float) -> float:
    """Return the seconds from the keeper's end to the first request after the pause that it made.

    What the old keeper had sent may still come in after its end, so the pause is the longest one.
    """
    after = sorted([killed, *(at for times in visits.values() for at in times if at > killed)])
    pauses = [later - earlier for earlier, later in pairwise(after)]
    return after[pauses.index(max(pauses)) + 1] - killed if pauses else inf


def _changed(server: Server) -> int:
    """Return how many checks have had another status than the one they were registered with."""
    shown = server.get("/v1/health/state/any").json
    checks = [each for each in shown if each["ServiceName"].startswith((HTTP_NAME, TTL_NAME))]
    return sum(each["ModifyIndex"] != each["CreateIndex"] for each in checks)
