"""Writes that change nothing: a heartbeat of a check that passes already, a registration as it stands."""

import json
from functools import partial

from bench.bench import Bench
from bench.figures import Figure, Outcome, at_least, at_most
from bench.load import Call, Closed, Deliver, Sample, get, in_own_process, measure
from bench.load.connection import http_request, numbered
from bench.population import agent_registration
from bench.process import BenchError
from bench.race import Entry, contest
from bench.scenarios.field import CONNECTIONS
from bench.servers import Server

INSTANCES = 1000
OF_LOOKUP = 0.6
LAPS, QUICK_LAPS = 4, 2
LOOKUP = "/v1/health/service/job-0000000?passing"


def heartbeat(bench: Bench) -> Outcome:
    """Send heartbeats and the same registrations again and again, beside a cached lookup."""
    registrations = [numbered(agent_registration(), number) for number in range(INSTANCES)]
    beats = [heartbeat_request(number) for number in range(INSTANCES)]
    with bench.registry() as ours, bench.consul(quick=False) as consul:
        entries = []
        for server in (ours, *consul):
            in_own_process(Deliver(server.port, tuple(registrations)))
            in_own_process(Deliver(server.port, tuple(beats)))
            entries += [
                Entry(f"{server.name}, lookup", server, partial(_lookup, bench, server)),
                Entry(f"{server.name}, heartbeat", server, partial(_send, bench, server, beats)),
                Entry(f"{server.name}, same again", server, partial(_send, bench, server, registrations)),
            ]
        before = index_of(ours)
        result = contest(bench, "nothing new", entries, QUICK_LAPS if bench.quick else LAPS)
        moved = index_of(ours) - before
    outcome = Outcome([], result.detail)
    for name in result.runs:
        outcome.figures += result.figures(name)
    outcome.figures += result.against("registry, heartbeat", "registry, lookup", at_least(OF_LOOKUP))
    outcome.figures += result.against("registry, same again", "registry, lookup")
    outcome.figures += result.against("registry, heartbeat", "Consul, heartbeat")
    outcome.figures += result.against("registry, same again", "Consul, same again")
    outcome.figures.append(Figure("the registry's index moved by", moved, "", at_most(0)))
    return outcome


def heartbeat_request(number: int) -> bytes:
    """Return the heartbeat of an instance of `agent_registration`."""
    return http_request("PUT", f"/v1/agent/check/pass/service:job-{number:08d}")


def index_of(server: Server) -> int:
    """Return the index of the checks' state."""
    headers = dict(server.get("/v1/health/state/passing").headers)
    return int(headers[b"x-consul-index"])


def _lookup(bench: Bench, server: Server, _: int) -> Sample:
    reply = server.get(LOOKUP)
    if len(json.loads(reply.body)) != 10:
        raise BenchError(f"{server.name}: expected ten healthy instances at {LOOKUP}")
    return _right(server, Closed(server.port, (get(LOOKUP, reply.body),), CONNECTIONS, bench.seconds))


def _send(bench: Bench, server: Server, requests: list[bytes], _: int) -> Sample:
    calls = tuple(Call(request) for request in requests)
    return _right(server, Closed(server.port, calls, CONNECTIONS, bench.seconds))


def _right(server: Server, job: Closed) -> Sample:
    found = measure(job)
    if found.errors:
        raise BenchError(f"{server.name}: {found.errors} requests failed: {found.error}")
    return found
