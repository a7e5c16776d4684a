"""Watchers of services, until the last instance of each is no longer passing."""

import asyncio
from dataclasses import dataclass

from bench.load.ask import Asker, askers
from bench.load.connection import http_request

NONE = b"[]"


@dataclass(frozen=True)
class Vigil:
    """Watch each service over some connections; returns for each service when each of them was told.

    Times are those of `time.perf_counter`, which is one clock for all processes.

    Attributes:
        services: names.
        watchers: of each service.
    """

    port: int
    services: tuple[str, ...]
    watchers: int
    takes_s: float

    async def run(self) -> list[list[float]]:
        places = [service for service in self.services for _ in range(self.watchers)]
        async with asyncio.timeout(self.takes_s):
            watching = await askers(self.port, len(places))
            told = await asyncio.gather(*map(_watch, watching, places))
        for asker in watching:
            asker.connection.close()
        return [list(told[at : at + self.watchers]) for at in range(0, len(told), self.watchers)]


async def _watch(asker: Asker, service: str) -> float:
    """Return when this watcher was told that no instance is passing."""
    target, index = f"/v1/health/service/{service}?passing&wait=60s", 0
    while True:
        answered = await asker.start(http_request("GET", f"{target}&index={index}" if index else target))
        if answered.status == 200 and answered.body == NONE:
            return answered.arrived
        index = answered.index
