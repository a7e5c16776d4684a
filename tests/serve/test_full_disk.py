"""A store without room: clear refusals, reads and deletes as ever, and no need to restart afterwards."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash.connection import Answer, Connection, run
from harness.process import wait_until
from store.disk import fill_up, small_disk

from serve.conftest import MakeServer
from serve.support import Server, connection_to

Place = Callable[[Path], "contextlib.AbstractContextManager[Path]"]

MEBIBYTES = 32
"""Of the small disk. Twelve are taken at once, by the reserve and the two workers' heartbeats."""

META = {f"key-{number}": "x" * 500 for number in range(40)}
"""Makes an instance of 20 KiB."""


@contextlib.contextmanager
def ordinary(place: Path) -> Iterator[Path]:
    yield place


def small(place: Path) -> "contextlib.AbstractContextManager[Path]":
    return small_disk(place, MEBIBYTES)


async def register(connection: Connection, number: int) -> Answer:
    service = {"Service": "web", "ID": f"web-{number}", "Meta": META}
    body = {"Node": "n1", "Address": "10.0.0.1", "Service": service}
    return await connection.request("PUT", "/v1/catalog/register", body)


async def deregister(connection: Connection, number: int) -> Answer:
    body = {"Node": "n1", "ServiceID": f"web-{number}"}
    return await connection.request("PUT", "/v1/catalog/deregister", body)


async def instances(connection: Connection) -> set[str]:
    answer = await connection.request("GET", "/v1/catalog/service/web")
    assert answer.status == 200
    return {entry["ServiceID"] for entry in answer.json}


async def one_connection_each(server: Server) -> list[Connection]:
    return [await connection_to(server, pid) for pid in server.worker_pids()]


async def fill(workers: list[Connection]) -> int:
    """Register instances through all workers in turn until one is refused; return how many there are."""
    count = 0
    while (answer := await register(workers[count % len(workers)], count)).status == 200:
        count += 1
        assert count < 2000, "the store takes no end"
    assert answer.status == 500
    assert b"full" in answer.body
    assert b"deregister services" in answer.body
    return count


@pytest.mark.parametrize(
    ("place", "args"),
    [(small, []), (ordinary, ["--max-size", "4MiB"])],
    ids=["disk", "max_size"],
)
def test_a_full_store_still_reads_and_deletes_and_recovers(
    make_server: MakeServer, tmp_path: Path, place: Place, args: list[str]
) -> None:
    with place(tmp_path / "disk") as disk:
        server = make_server(workers=2, data_dir=disk / "data", args=args)
        server.start()
        pids = server.worker_pids()
        there = run(until_full(server))
        assert server.worker_pids() == pids, server.output()
        server.restart()
        run(emptied(server, there))
        server.stop()
        assert "Traceback" not in server.output()


async def until_full(server: Server) -> set[str]:
    """Fill the store and look what still works in each worker; return the instances that are there."""
    workers = await one_connection_each(server)
    there = {f"web-{number}" for number in range(await fill(workers))}
    for worker in workers:
        assert (await register(worker, 9999)).status == 500
        assert await instances(worker) == there
        health = await worker.request("GET", "/health")
        assert (health.status, health.json["status"]) == (503, "degraded")
    for number, worker in enumerate(workers):
        assert (await deregister(worker, number)).status == 200
        there.discard(f"web-{number}")
    for worker in workers:
        assert await instances(worker) == there
    return there


async def emptied(server: Server, there: set[str]) -> None:
    """Look at a store that was full when the server was started, and make room in it."""
    workers = await one_connection_each(server)
    for worker in workers:
        assert await instances(worker) == there
    for number, service_id in enumerate(sorted(there)):
        number_of_it = int(service_id.removeprefix("web-"))
        assert (await deregister(workers[number % 2], number_of_it)).status == 200
    for worker in workers:
        assert await instances(worker) == set()
        health = await worker.request("GET", "/health")
        assert (health.status, health.json["status"]) == (200, "healthy")
    for number, worker in enumerate(workers):
        assert (await register(worker, number)).status == 200


def test_room_on_the_disk_ends_the_refusal(make_server: MakeServer, tmp_path: Path) -> None:
    with small(tmp_path / "disk") as disk:
        server = make_server(workers=2, data_dir=disk / "data")
        server.start()

        async def scenario() -> None:
            workers = await one_connection_each(server)
            fill_up(disk / "ballast", leave=1 << 20)
            count = await fill(workers)
            (disk / "ballast").unlink()
            for worker in workers:
                assert (await worker.request("GET", "/health")).status == 200
                assert (await register(worker, count)).status == 200

        run(scenario())
        server.stop()


def test_heartbeats_come_in_on_a_full_disk(make_server: MakeServer, tmp_path: Path) -> None:
    checks = 60
    with small(tmp_path / "disk") as disk:
        server = make_server(workers=2, data_dir=disk / "data")
        server.start()
        pids = server.worker_pids()

        async def scenario() -> None:
            workers = await one_connection_each(server)
            for number in range(checks):
                body = {"Name": f"ttl-{number}", "TTL": "10h", "Status": "passing"}
                assert (await workers[0].request("PUT", "/v1/agent/check/register", body)).status == 200
            fill_up(disk / "ballast")
            for number in range(checks):
                target = f"/v1/agent/check/pass/ttl-{number}"
                assert (await workers[number % 2].request("PUT", target)).status == 200

        run(scenario())
        wait_until(server.ready)
        assert server.worker_pids() == pids, server.output()
        server.stop()
