"""Watchers that never tire: each waits for news of its service, reads them, and waits for more."""

import asyncio
from dataclasses import dataclass

from bench.load.connection import Connection, connect, http_request
from bench.process import BenchError

WAIT = "wait=5m"


@dataclass(frozen=True)
class Grazed:
    """What became of a herd.

    Attributes:
        parked: how many watchers waited in the end.
        woken: answers after the first one.
        bytes: of all answers.
    """

    parked: int
    woken: int
    bytes: int


@dataclass(frozen=True)
class Herd:
    """Watchers for a time.

    Attributes:
        targets: what is watched, one for each watcher.
        seconds: how long, from when all have asked for the first time.
    """

    port: int
    targets: tuple[str, ...]
    seconds: float

    @property
    def takes_s(self) -> float:
        return self.seconds + len(self.targets) / 500 + 10

    async def run(self) -> Grazed:
        wrong: list[str] = []
        asked = [0] * len(self.targets)
        woken = size = 0

        def answered(connection: Connection) -> None:
            nonlocal woken, size
            if connection.status != 200:
                wrong.append(f"a watcher was answered {connection.raw[:160]!r}")
                return
            woken += asked[connection.number] > 0
            size += len(connection.raw)
            asked[connection.number] += 1
            target = self.targets[connection.number]
            joint = "&" if "?" in target else "?"
            connection.send(http_request("GET", f"{target}{joint}index={connection.index}&{WAIT}"))

        def lost(_: Connection) -> None:
            wrong.append("the server closed a watcher's connection")

        connections = await connect(self.port, len(self.targets), answered, lost)
        for number, connection in enumerate(connections):
            connection.number = number
            connection.send(http_request("GET", self.targets[number]))
        await asyncio.sleep(self.seconds)
        found = Grazed(sum(count > 0 for count in asked), woken, size)
        if wrong:
            raise BenchError(f"{len(wrong)} times: {wrong[0]}")
        for connection in connections:
            connection.close()
        return found

    def __str__(self) -> str:
        return f"{len(self.targets)} watchers for {self.seconds:g} s"
