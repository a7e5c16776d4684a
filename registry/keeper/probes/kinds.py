"""From a check's definition to what runs it."""

import time
from collections.abc import Callable
from typing import Protocol

from registry.keeper.probes.budget import Budgets
from registry.keeper.probes.definition import Definition
from registry.keeper.probes.docker import DockerProbe
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.grpc import GrpcProbe
from registry.keeper.probes.http import HttpProbe
from registry.keeper.probes.http2_ping import Http2PingProbe
from registry.keeper.probes.os_service import OsServiceProbe
from registry.keeper.probes.outcome import Outcome, Prober, failed
from registry.keeper.probes.script import ScriptProbe
from registry.keeper.probes.tcp import TcpProbe
from registry.keeper.probes.tools import Tools
from registry.keeper.probes.udp import UdpProbe


class Probe(Protocol):
    """One kind of probe, made for one check."""

    @property
    def place(self) -> str:
        """Whom it goes to; probes with the same share a budget."""

    async def once(self) -> Outcome:
        """Probe once, within the check's timeout."""


_KINDS: tuple[tuple[tuple[str, ...], Callable[[Definition, Tools], Probe]], ...] = (
    (("GRPC",), GrpcProbe),
    (("HTTP",), HttpProbe),
    (("TCP",), TcpProbe),
    (("UDP",), UdpProbe),
    (("DockerContainerID", "ScriptArgs"), DockerProbe),
    (("ScriptArgs",), ScriptProbe),
    (("H2PING",), Http2PingProbe),
    (("OSService",), OsServiceProbe),
)
"""The fields that make a check one of a kind; the first that fits counts, as for the check's type."""


def prober(definition: Definition, tools: Tools) -> Prober:
    """Return what runs a check.

    Args:
        definition: the check's fields in Consul's canonical names, only those that were given, with
            durations as integers of nanoseconds. TTL and alias checks have nothing to run.
        tools: what the probes share; it has to outlive them.

    A definition that can't be run at all, such as a URL that is none, is no error here: each run of
    it is critical and says why, as in Consul.
    """
    for fields, kind in _KINDS:
        if all(definition.get(field) for field in fields):
            try:
                return _Budgeted(kind(definition, tools), tools.budgets)
            except ProbeFailed as failure:
                return _Settled(failed(failure))
    known = ", ".join(fields[0] for fields, _ in _KINDS)
    return _Settled(failed(f"the check names nothing to run; expected one of {known}"))


class _Budgeted:
    """Waits for its turn, then probes."""

    settled = False

    def __init__(self, probe: Probe, budgets: Budgets) -> None:
        self._probe = probe
        self._budgets = budgets

    async def run(self) -> Outcome:
        async with self._budgets.place(self._probe.place) as waited_s:
            started = time.monotonic()
            outcome = await self._probe.once()
            took_s = time.monotonic() - started
        return Outcome(outcome.status, outcome.output, waited_s, took_s)


class _Settled:
    """Needs no probing to know the outcome."""

    settled = True

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def run(self) -> Outcome:
        return self._outcome
