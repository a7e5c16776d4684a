"""256 connections write while processes are killed: what was acknowledged is there, whole, and stays."""

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest
from harness.process import wait_until
from serve.support import Server

from crash.connection import Connection, run, serving_process
from crash.load import Ledger, Writer, reckon

CONNECTIONS = 256
WORKERS = 3
NODE = "node-a"
KINDS = ("worker", "everything", "supervisor")
"""What is killed. The workers of a killed supervisor are told to stop, and finish what they are at."""

WRITES = 256
"""How many writes are acknowledged at least before each kill, and after that of a worker."""

MOMENT_S = 0.3
"""A kill comes at a random moment of this time."""

PROGRESS_WITHIN_S = 30.0


class Battle:
    """A server, the writers at it, and what they were promised."""

    def __init__(self, server: Server, rng: random.Random) -> None:
        self.server = server
        self.rng = rng
        self.ledger = Ledger()
        self.writers = [
            Writer(number, server.port, self.ledger, NODE, random.Random(rng.random()))
            for number in range(CONNECTIONS)
        ]
        self.kills = dict.fromkeys(KINDS, 0)

    async def round(self, kind: str) -> None:
        """Write, kill, and hold what is there against what was promised."""
        stop = asyncio.Event()
        load = [asyncio.create_task(writer.run(stop)) for writer in self.writers]
        self.kills[kind] += 1
        try:
            await self._progress()
            await asyncio.sleep(self.rng.uniform(0, MOMENT_S))
            if kind == "worker":
                await self._kill_worker()
            elif kind == "supervisor":
                self.server.kill_supervisor()
            else:
                self.server.kill()
        finally:
            stop.set()
            await asyncio.gather(*load)
        if kind != "worker":
            self.disconnect()
            await asyncio.to_thread(self.server.start)
        connection = await Connection.open(self.server.port)
        problems = await reckon(connection, self.ledger)
        assert not problems, "\n".join([f"after the kill of a {kind}:", *problems[:20]])

    async def _progress(self) -> None:
        """Let the load go on until so many more writes have been acknowledged."""
        wanted = self.ledger.acknowledged + WRITES
        async with asyncio.timeout(PROGRESS_WITHIN_S):
            while self.ledger.acknowledged < wanted:
                await asyncio.sleep(0.01)

    async def _kill_worker(self) -> None:
        pids = self.server.worker_pids()
        victim = self.rng.choice(pids)
        by_port = {w.connection.own_port: w for w in self.writers if w.connection}
        connections = [w.connection for w in self.writers if w.connection]
        serving = serving_process(connections, self.server.port, pids)
        spared = [by_port[port] for port, pid in serving.items() if pid != victim]
        assert len(serving) == len(connections), "the server's end of a connection was not found"
        os.kill(victim, signal.SIGKILL)
        await self._progress()
        noticed = [writer for writer in spared if writer.broken]
        assert not noticed, f"{len(noticed)} of {len(spared)} connections to other workers were lost"
        await asyncio.to_thread(wait_until, lambda: len(self.server.worker_pids()) == WORKERS)

    def disconnect(self) -> None:
        """Close all connections."""
        for writer in self.writers:
            writer.disconnect()


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_no_acknowledged_write_is_lost(
    tmp_path: Path, rounds: int, rng: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path, workers=WORKERS, node=NODE).start()
    battle = Battle(server, rng)

    async def fight() -> None:
        for number in range(rounds):
            await battle.round(KINDS[number % len(KINDS)])
        battle.disconnect()

    try:
        run(fight())
        server.stop()
    finally:
        server.close()
    with capsys.disabled():
        print(f" {battle.kills} kills, {battle.ledger.acknowledged} acknowledged writes, none lost", end=" ")
