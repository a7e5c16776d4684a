"""The servers that are compared on the same answer, and load whose answers are looked at."""

import contextlib
from collections.abc import Iterator, Sequence

from bench.bench import Bench
from bench.load import Open, get, start
from bench.population import PER_SERVICE, Member, even
from bench.process import BenchError
from bench.servers import Server
from bench.wrk import Blast, blast

TARGET = "/v1/health/service/svc-0000?passing"
CONNECTIONS = 64
SERVICES = 100
CHECKS_PER_S = 50
"""So often a second an answer is compared byte by byte while wrk, which can't, makes the load."""


@contextlib.contextmanager
def field(
    bench: Bench,
    target: str = TARGET,
    least: int = PER_SERVICE,
    members: Sequence[Member] | None = None,
    *,
    with_consul: bool = True,
) -> Iterator[list[Server]]:
    """Run all servers on the same instances: the bare server, nginx, the registry, Consul.

    The first two give the registry's answer to ``target``; nginx and Consul only where they are there.

    Raises:
        BenchError: an answer does not have at least so many elements.
    """
    members = even(SERVICES) if members is None else members
    with contextlib.ExitStack() as running:
        ours = running.enter_context(bench.registry(members))
        consul = running.enter_context(bench.consul(members)) if with_consul else []
        for server in (ours, *consul):
            found = server.instances(target)
            if found < least:
                raise BenchError(f"{server.name} was to answer {target} with {least} or more, found {found}")
        like = ours.get(target)
        nginx = running.enter_context(bench.nginx(like))
        bare = running.enter_context(bench.bare(like))
        yield [bare, *nginx, ours, *consul]


def checked_blast(
    server: Server, target: str, *, seconds: int, connections: int = CONNECTIONS, holds: bytes = b""
) -> Blast:
    """Blast at a target with wrk, and all the while compare an answer now and then byte by byte.

    Args:
        server: asked.
        target: what for.
        seconds: for how long.
        connections: of wrk.
        holds: for an answer that changes meanwhile: what it must have in it, instead.

    Raises:
        BenchError: an answer was not what it must be, or a request failed.
    """
    call = get(target, holds=holds) if holds else get(target, server.get(target).body)
    checks = Open(server.port, (call,), CHECKS_PER_S, 1, seconds)
    with start(checks) as checker:
        found = blast(server.port, target, connections=connections, seconds=seconds)
        checked = checker.result()
    if checked.errors or not checked.answers:
        raise BenchError(f"{server.name}: {checked.error or 'no answer could be compared'}")
    return found


def unique_blast(bench: Bench, server: Server, connections: int = CONNECTIONS) -> Blast:
    """Ask for another service with another query string each time, so that no answer is there yet."""
    return blast(
        server.port,
        "/",
        connections=connections,
        seconds=bench.seconds,
        script="unique.lua",
        arguments=("/v1/health/service/svc-", "passing", str(SERVICES)),
    )


def warm_up(servers: Sequence[Server], target: str = TARGET) -> None:
    """Let servers run hot."""
    for server in servers:
        blast(server.port, target, connections=CONNECTIONS, seconds=1)
