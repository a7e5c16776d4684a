"""Ten thousand open connections that all ask now and then."""

from bench.bench import Bench
from bench.figures import Figure, Outcome
from bench.load import Open, Sample, get, measure
from bench.race import race
from bench.scenarios.crowd import open_figures
from bench.scenarios.field import TARGET, field
from bench.servers import Server

CONNECTIONS = 10_000
RATE = 10_000
P99_MS = 20.0
LAPS, SECONDS = 2, 10
QUICK_SECONDS = 3


def connections(bench: Bench) -> Outcome:
    """Ask by the clock over all connections in turn, so that each asks once a second."""
    with field(bench, with_consul=False) as servers:
        bodies = {server.name: server.get(TARGET).body for server in servers}
        before = {server.name: _memory(server) for server in servers}
        during: dict[str, int] = {}
        seconds = QUICK_SECONDS if bench.quick else SECONDS
        if bench.quick:
            servers = [server for server in servers if server.name == "registry"]

        def load(server: Server, _: int) -> Sample:
            call = get(TARGET, bodies[server.name])
            found = measure(Open(server.port, (call,), RATE, CONNECTIONS, seconds))
            during[server.name] = _memory(server)
            return found

        result = race(bench, "10,000 connections", servers, load, 1 if bench.quick else LAPS)
    outcome = Outcome([], result.detail)
    for name in result.runs:
        outcome.figures += open_figures(name, result, P99_MS if name == "registry" else None)
        grown = (during[name] - before[name]) / 2**20
        outcome.figures.append(Figure(f"{name}: memory grown by", grown, "MiB"))
    return outcome


def _memory(server: Server) -> int:
    return sum(server.process.shared_memory_bytes().values())
