"""Stopping: no new connections, parked requests answered, running writes finished, all within ten seconds."""

import asyncio
import os
import signal
import socket

import pytest
from crash.connection import Answer, Connection, run
from harness.process import children, wait_until
from store.neighbour import Neighbour

from registry.store.layout import DataFolder
from serve.conftest import MakeServer
from serve.support import Server, all_ended

PARKED = 2000
WRITES = 64


def register(name: str, node: str = "n1") -> dict[str, object]:
    return {"Node": node, "Address": "10.0.0.1", "Service": {"Service": name, "ID": name}}


async def connect(server: Server, count: int) -> list[Connection]:
    return [await Connection.open(server.port) for _ in range(count)]


async def parked(server: Server, count: int, target: str) -> list[Connection]:
    """Return connections with a request each that waits for a change."""
    waiting = await connect(server, count)
    for connection in waiting:
        await connection.send("GET", f"{target}?index=1000000&wait=5m")
    await asyncio.to_thread(wait_until, lambda: not server.unread_bytes(), what="all requests being read")
    return waiting


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(make_server: MakeServer, number: signal.Signals) -> None:
    server = make_server(workers=2)
    server.start()
    assert server.client.put("/v1/catalog/register", register("web")).status == 200
    index = server.client.get("/v1/catalog/nodes").index

    async def scenario() -> Answer:
        (waiting,) = await parked(server, 1, "/v1/health/service/web")
        await asyncio.to_thread(server.stop_with, number)
        return await waiting.answer()

    answer = run(scenario())
    assert answer.status == 200
    assert [entry["Service"]["ID"] for entry in answer.json] == ["web"]
    server.start()
    assert server.client.get("/v1/catalog/nodes").index >= index
    assert [it["ServiceID"] for it in server.client.get("/v1/catalog/service/web").json] == ["web"]


def test_thousands_of_parked_requests_and_stuck_clients_do_not_hold_it_up(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    server.client.put("/v1/catalog/register", register("web"))

    async def scenario() -> list[Answer]:
        stuck = await connect(server, 3)
        await stuck[0].send_bytes(b"GET /v1/catalog/services HTTP/1.1\r\nHost: 127")
        await stuck[1].send_bytes(
            b"PUT /v1/catalog/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{"
        )
        waiting = await parked(server, PARKED, "/v1/health/service/web")
        server.send(signal.SIGTERM)
        answers = await asyncio.gather(*(connection.answer() for connection in waiting))
        assert await asyncio.to_thread(server.wait_for_end) == 0
        return answers

    answers = run(scenario())
    assert {answer.status for answer in answers} == {200}
    assert {answer.json[0]["Service"]["ID"] for answer in answers} == {"web"}


def test_running_writes_are_finished_and_durable(make_server: MakeServer) -> None:
    """They wait for the disk (here: for a lock on the store) when the signal comes."""
    server = make_server(workers=2)
    server.start()
    blocker = Neighbour("lock", DataFolder(server.data_dir).root)

    async def scenario() -> list[Answer]:
        assert await asyncio.to_thread(blocker.line) == "locked"
        writing = await connect(server, WRITES)
        for number, connection in enumerate(writing):
            await connection.send("PUT", "/v1/catalog/register", register(f"svc-{number}"))
        await asyncio.to_thread(wait_until, lambda: not server.unread_bytes(), what="all requests being read")
        server.send(signal.SIGTERM)
        await asyncio.to_thread(wait_until, lambda: not server.listeners(), what="the port being closed")
        blocker.finish()
        return await asyncio.gather(*(connection.answer() for connection in writing))

    try:
        answers = run(scenario())
    finally:
        blocker.kill()
    assert server.wait_for_end() == 0
    assert {(answer.status, answer.body) for answer in answers} == {(200, b"true")}
    server.start()
    found = server.client.get("/v1/catalog/node/n1").json["Services"]
    assert set(found) == {f"svc-{number}" for number in range(WRITES)}


def test_no_connection_is_accepted_once_it_stops(make_server: MakeServer) -> None:
    server = make_server(workers=2, args=["--drain-timeout", "3s"])
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(b"GET / HTTP/1.1\r\n")
        wait_until(lambda: not server.unread_bytes(), what="the half request being read")
        server.send(signal.SIGTERM)
        wait_until(lambda: not server.listeners(), what="the port being closed")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
        assert server.wait_for_end() == 0


def test_a_worker_that_hangs_is_killed(make_server: MakeServer) -> None:
    server = make_server(workers=2, args=["--drain-timeout", "1s"])
    server.start()
    hanging, well = server.worker_pids()
    os.kill(hanging, signal.SIGSTOP)
    server.stop_with(signal.SIGTERM)
    assert f"worker {hanging} did not stop in time; killed" in server.output()
    assert f"worker {well} did not" not in server.output()


@pytest.mark.parametrize("process", [3, 4])
def test_a_stop_while_it_starts_leaves_nothing_behind(make_server: MakeServer, process: int) -> None:
    """Told to stop when it has just forked: the first two look through the data, the next two serve."""
    server = make_server(workers=2)
    server.start()
    server.kill()
    announced = server.output().count("answers on")
    server.start_without_waiting()
    seen: set[int] = set()

    def forked() -> bool:
        seen.update(children(server.pid))
        # One that looked through the data may have come and gone between two looks of ours.
        return len(seen) >= process or len(server.worker_pids()) >= process - 2

    wait_until(forked, interval=0.0002)
    server.send(signal.SIGTERM)
    assert server.wait_for_end() == 0, server.output()
    assert all_ended(sorted(seen))
    assert "did not stop in time" not in server.output(), "a process never heard that it was told to stop"
    assert server.output().count("answers on") == announced
    server.start()
    assert server.client.put("/v1/catalog/register", register("web")).status == 200
