"""SIGHUP: settings are read again and workers replaced one by one, and no client is refused meanwhile."""

import asyncio
import signal
from pathlib import Path

from crash.connection import BROKEN, Answer, Connection, run
from harness.process import wait_until

from serve.conftest import MakeServer
from serve.support import Server

CALLERS = 4


def register(tags: int) -> dict[str, object]:
    service = {"Service": "web", "Tags": [f"t{number}" for number in range(tags)]}
    return {"Node": "n1", "Address": "10.0.0.1", "Service": service}


class Callers:
    """Clients that connect anew for every request, until told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answered = self.refused = self.cut = 0
        self.stop = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(*(self._call() for _ in range(CALLERS)))

    async def _call(self) -> None:
        while not self.stop.is_set():
            try:
                connection = await Connection.open(self._port)
            except ConnectionRefusedError:
                self.refused += 1
                continue
            try:
                answer = await connection.request("GET", "/v1/catalog/nodes")
                assert answer.status == 200
                self.answered += 1
            except BROKEN:
                self.cut += 1  # it was still queued at the worker that closed its port
            connection.close()


def test_workers_are_replaced_and_nobody_is_refused(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    server.client.put("/v1/catalog/register", register(1))
    old = server.worker_pids()

    async def scenario() -> tuple[Callers, list[Answer]]:
        callers = Callers(server.port)
        calling = asyncio.create_task(callers.run())
        waiting = [await Connection.open(server.port) for _ in range(20)]
        for connection in waiting:
            await connection.send("GET", "/v1/health/service/web?index=1000000&wait=5m")
        await asyncio.to_thread(wait_until, lambda: not server.unread_bytes())
        server.send(signal.SIGHUP)
        parked = await asyncio.gather(*(connection.answer() for connection in waiting))
        await asyncio.to_thread(server.wait_for_workers, 2, without=old)
        await asyncio.to_thread(wait_until, lambda: "were read again" in server.output())
        callers.stop.set()
        await calling
        return callers, parked

    callers, parked = run(scenario())
    assert callers.refused == 0
    assert callers.answered > 0
    assert callers.cut <= callers.answered // 20, f"{callers.cut} of {callers.answered} requests were cut"
    assert {answer.status for answer in parked} == {200}
    assert {answer.json[0]["Service"]["Service"] for answer in parked} == {"web"}
    server.stop()


def configured(make_server: MakeServer, tmp_path: Path, text: str) -> tuple[Server, Path]:
    file = tmp_path / "registry.toml"
    file.write_text(text)
    server = make_server(workers=2, args=["--config", str(file), "--drain-timeout", "2s"])
    server.start()
    return server, file


def test_what_may_change_is_in_effect_afterwards(make_server: MakeServer, tmp_path: Path) -> None:
    server, file = configured(make_server, tmp_path, "max_tags = 5\n")
    assert server.client.put("/v1/catalog/register", register(6)).status == 400
    old = server.worker_pids()
    file.write_text("max_tags = 6\n")
    server.send(signal.SIGHUP)
    server.wait_for_workers(2, without=old)
    assert server.client.put("/v1/catalog/register", register(6)).status == 200
    server.stop()


def test_what_may_not_change_leaves_everything_as_it_is(make_server: MakeServer, tmp_path: Path) -> None:
    server, file = configured(make_server, tmp_path, 'datacenter = "dc1"\n')
    workers = server.worker_pids()
    for number, text in enumerate(['datacenter = "dc2"\n', "no_such_setting = 1\n", "not toml at all"], 1):
        file.write_text(text)
        server.send(signal.SIGHUP)
        wait_until(lambda times=number: server.output().count("settings stay as they were") == times)  # type: ignore[misc]
    assert server.worker_pids() == workers
    assert server.client.get("/v1/catalog/datacenters").json == ["dc1"]
    server.stop()


def test_a_stop_in_the_middle_of_a_reload_is_not_late(make_server: MakeServer) -> None:
    """A client that never ends its request keeps the first worker from ending until its time is up."""
    server = make_server(workers=2)
    server.start()

    async def scenario() -> None:
        stuck = [await Connection.open(server.port) for _ in range(20)]
        for connection in stuck:
            await connection.send_bytes(b"GET / HTTP/1.1\r\n")
        await asyncio.to_thread(wait_until, lambda: not server.unread_bytes())
        old = server.worker_pids()
        server.send(signal.SIGHUP)
        await asyncio.to_thread(
            wait_until, lambda: len(server.listening(old)) == 1, what="an old worker closing its port"
        )
        assert set(old) <= set(server.worker_pids()), "no worker is held up"
        await asyncio.to_thread(server.stop_with, signal.SIGTERM)

    run(scenario())
    assert "did not start" not in server.output()
