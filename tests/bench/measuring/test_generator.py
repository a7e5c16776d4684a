"""The load generator: what it reads off the wire, and what it makes of what it has seen."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.load import Closed, Deliver, Open, Sample, get, in_own_process
from bench.load.connection import NUMBER, TENTH, Connection, http_request, numbered
from bench.load.herd import Herd
from bench.load.native import MISSING, NativeRun, Waves, native
from bench.process import BenchError, free_ports

PLAIN = b"HTTP/1.1 200 OK\r\nX-Consul-Index: 42\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n, 16 bytes more.\r\n0\r\n\r\n"
)
EMPTY = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("answer", "status", "body", "index"),
    [
        (PLAIN, 200, b"hello", 42),
        (CHUNKED, 200, b"hello, 16 bytes more.", 0),
        (EMPTY, 404, b"", 0),
    ],
)
def test_an_answer_is_complete_at_its_last_byte(
    answer: bytes, status: int, body: bytes, index: int, size: int
) -> None:
    seen: list[Connection] = []
    connection = Connection(seen.append, seen.append)
    for _ in range(2):
        for at in range(0, len(answer), size):
            assert not seen
            connection.data_received(answer[at : at + size])
        assert seen == [connection]
        assert (connection.status, connection.body, connection.index) == (status, body, index)
        seen.clear()


def test_an_answer_without_a_length_is_refused() -> None:
    connection = Connection(lambda _: None, lambda _: None)
    with pytest.raises(BenchError, match="with a length"):
        connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")


def test_numbers_keep_the_length_of_a_request() -> None:
    template = http_request("PUT", "/v1/x", b'{"ID":"%s","Name":"%s"}' % (NUMBER, TENTH))
    request = numbered(template, 123)
    assert b'{"ID":"00000123","Name":"0000012"}' in request
    assert len(request) == len(template)


@contextmanager
def answering(answer: bytes, stall_s: float = 0.0, seen: list[bytes] | None = None) -> Iterator[int]:
    """Serve one answer to everything on a port; the first request is stalled, all are kept in ``seen``."""
    loop = asyncio.new_event_loop()
    stalled = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal stalled
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                if seen is not None:
                    seen.append(request)
                if not stalled:
                    stalled = True
                    await asyncio.sleep(stall_s)
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    server = loop.run_until_complete(asyncio.start_server(serve, sock=listener))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:

        async def close() -> None:
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


ENGINES = ["C", "Python"]

PACES = [("C", 100), ("C", 6000), ("Python", 100)]
"""Engines and rates: from 5,000 a second on the one in C looks for answers by the clock."""


def run(engine: str, job: Open | Closed) -> Sample:
    if engine == "Python":
        return in_own_process(job)
    if native() is None:
        pytest.skip(MISSING)
    with NativeRun(job) as running:
        return running.result()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("answer", "body"), [(PLAIN, b"hello"), (CHUNKED, b"hello, 16 bytes more.")])
def test_a_closed_loop_counts_wrong_answers_as_errors(engine: str, answer: bytes, body: bytes) -> None:
    with answering(answer) as port:
        right = run(engine, Closed(port, (get("/", body, holds=b"llo", kind="x"),), 2, 0.2))
        wrong = run(engine, Closed(port, (get("/", b"other"),), 2, 0.2))
        lacking = run(engine, Closed(port, (get("/", holds=b"other"),), 2, 0.2))
    assert right.errors == 0
    assert right.answers == right.kinds["x"].count > 0
    for found in (wrong, lacking):
        assert found.answers == 0
        assert found.errors > 0
        assert "hello" in found.error


@pytest.mark.parametrize(("engine", "rate"), PACES)
def test_an_open_loop_charges_a_stall_to_the_requests_that_waited(engine: str, rate: int) -> None:
    calls = (get("/", b"hello", kind="one"), get("/", b"hello", kind="two"))
    with answering(PLAIN, stall_s=0.4) as port:
        found = run(engine, Open(port, calls, rate, 1, 1.0, trace=True))
    assert (found.answers, found.errors) == (rate, 0)
    assert [each.count for each in found.kinds.values()] == [rate // 2, rate // 2]
    assert found.all.max_us >= 400_000
    # The one connection was busy for 0.4 s, in which four of ten requests became due.
    assert found.all.quantile_ms(0.9) >= 250
    assert max(latency for _, latency in found.trace) >= 0.4
    assert len(found.trace) == rate


@pytest.mark.parametrize(("engine", "rate"), PACES)
def test_requests_are_numbered(engine: str, rate: int) -> None:
    seen: list[bytes] = []
    with answering(PLAIN, seen=seen) as port:
        found = run(engine, Open(port, (get("/@@@@@@@@"), get("/tenth-#######")), rate, 1, 0.2, first=1230))
    assert found.numbers[0] == 1230
    assert found.numbers[-1] == 1229 + rate // 5
    assert [request.split()[1] for request in seen[:3]] == [b"/00001230", b"/tenth-0000123", b"/00001232"]


@pytest.mark.parametrize(("engine", "rate"), PACES)
def test_requests_that_are_never_answered_are_errors(engine: str, rate: int) -> None:
    with answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as port:
        found = run(engine, Open(port, (get("/"),), rate, 2, 0.2))
    assert (found.answers, found.errors) == (0, rate // 5)


def test_the_generator_tells_when_there_is_no_server() -> None:
    if native() is None:
        pytest.skip(MISSING)
    (port,) = free_ports(1)
    with pytest.raises(BenchError, match="takes no connection"):
        run("C", Closed(port, (get("/"),), 1, 0.1))


def test_waves_wait_for_every_watcher() -> None:
    if native() is None:
        pytest.skip(MISSING)
    seen: list[bytes] = []
    with answering(PLAIN, seen=seen) as port, Waves(port, 20, get("/?index=@@@@@@@@", b"hello")) as crowd:
        for index in (7, 8):
            crowd.ask(index, 10)
            times = crowd.times(10)
            assert times["first"] <= times["median"] <= times["p99"] <= times["last"]
    assert [request.split()[1] for request in seen] == [b"/?index=00000007"] * 20 + [b"/?index=00000008"] * 20


def test_a_wave_with_a_wrong_answer_is_told() -> None:
    if native() is None:
        pytest.skip(MISSING)
    with answering(PLAIN) as port, Waves(port, 2, get("/", b"other")) as crowd:
        crowd.ask(1, 10)
        with pytest.raises(BenchError, match="0 of 2 watchers"):
            crowd.times(10)


def test_a_refused_delivery_is_told() -> None:
    with answering(EMPTY) as port, pytest.raises(BenchError, match="refused: 404"):
        in_own_process(Deliver(port, (http_request("GET", "/"),) * 3))


def test_a_herd_counts_its_wake_ups() -> None:
    with answering(PLAIN) as port:
        found = in_own_process(Herd(port, ("/a", "/b?c"), 0.3))
    assert found.parked == 2
    assert found.woken > 0
