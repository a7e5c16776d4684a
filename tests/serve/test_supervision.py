"""Workers that die are replaced and missed by nobody; a supervisor that dies takes its workers along."""

import asyncio
import os
import signal

from crash.connection import Connection, run
from harness.process import wait_until

from serve.conftest import MakeServer
from serve.support import Server, all_ended, connection_to, open_files

DEATHS = 5


def test_workers_can_die_again_and_again(make_server: MakeServer) -> None:
    """One worker is spared, and must not notice that its neighbour is killed again and again."""
    server = make_server(workers=2)
    server.start()
    spared = server.worker_pids()[0]

    async def scenario() -> None:
        quiet = await connection_to(server, spared)
        for number in range(DEATHS):
            (victim,) = set(server.worker_pids()) - {spared}
            cut = await connection_to(server, victim)
            os.kill(victim, signal.SIGKILL)
            while victim in server.worker_pids() or len(server.worker_pids()) < 2:
                answer = await quiet.request("PUT", "/v1/catalog/register", node(number))
                assert answer.status == 200, answer
            (fresh,) = set(server.worker_pids()) - {spared}
            cut.close()
            replacement = await connection_to_soon(server, fresh)
            shown = (await replacement.request("GET", "/v1/catalog/nodes")).json
            assert f"n{number}" in {entry["Node"] for entry in shown}
            replacement.close()

    run(scenario())
    assert server.running
    assert server.output().count("ended unexpectedly with signal 9") == DEATHS
    server.stop()


async def connection_to_soon(server: Server, wanted: int) -> Connection:
    """Return a connection to a worker that is starting."""
    await asyncio.to_thread(wait_until, lambda: server.listeners() == 2, 20.0, "both workers listening")
    return await connection_to(server, wanted)


def node(number: int) -> dict[str, object]:
    return {"Node": f"n{number}", "Address": "10.0.0.1"}


def test_all_workers_can_die_at_once(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    server.client.put("/v1/catalog/register", node(1))
    index = server.client.get("/v1/catalog/nodes").index
    victims = server.worker_pids()
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    server.wait_for_workers(2, without=victims)
    wait_until(server.ready, 20.0, "the replacements to answer")
    assert server.client.get("/v1/catalog/nodes").index >= index
    assert server.client.get("/v1/catalog/node/n1").json["Node"]["Node"] == "n1"
    server.stop()


def test_a_killed_supervisor_takes_its_workers_along_and_can_be_started_again_at_once(
    make_server: MakeServer,
) -> None:
    server = make_server(workers=2)
    server.start()
    server.client.put("/v1/catalog/register", node(1))
    for _ in range(2):
        workers = server.worker_pids()
        server.kill_supervisor()
        server.start()
        assert all_ended(workers)
        assert server.client.get("/v1/catalog/node/n1").json["Node"]["Node"] == "n1"
    server.stop()


def test_a_start_waits_for_workers_that_have_lost_their_supervisor(make_server: MakeServer) -> None:
    """They hold folder and port until they have finished what they are at."""
    server = make_server(workers=2)
    server.start()
    workers = server.worker_pids()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)  # as one that is slow to finish
    server.kill_supervisor()
    assert server.listening(workers) == set(workers)
    server.start_without_waiting()
    wait_until(
        lambda: not server.running or any("registry.lock" in path for path in open_files(server.pid)),
        what="the new supervisor to wait for the folder",
    )
    assert server.running, server.output()
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    wait_until(server.ready, 20.0, "the new workers to answer")
    assert all_ended(workers)
    server.stop()


def test_the_keeper_is_replaced_like_a_worker(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    server.start()
    workers, victim = server.worker_pids(), server.keeper_pid()
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: "keeper" in server.output().rpartition("replaces")[0], what="another keeper")
    wait_until(lambda: server.keepers() and server.keepers() != [victim], what="another keeper")
    assert server.worker_pids() == workers
    assert server.client.put("/v1/catalog/register", node(1)).status == 200
    server.stop()


def test_the_number_of_open_files_does_not_creep_up(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.start()
    (worker,) = server.worker_pids()

    started = open_files(worker)
    for name in ("lock.mdb", "registry.lock"):
        assert sum(path.endswith(name) for path in started) <= 3, f"{name} is open many times: {started}"

    async def load() -> None:
        for _ in range(20):
            connections = [await Connection.open(server.port) for _ in range(20)]
            for number, connection in enumerate(connections):
                await connection.request("PUT", "/v1/catalog/register", node(number))
                connection.close()

    run(load())
    few = len(started) + 5
    wait_until(lambda: len(open_files(worker)) <= few, what=f"the worker being back at {few} open files")
    server.stop()
