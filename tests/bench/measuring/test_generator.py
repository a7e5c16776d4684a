"""The load generator: what it reads off the wire, and what it makes of what it has seen."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.load import Closed, Deliver, Open, in_own_process
from bench.load.connection import NUMBER, TENTH, Connection, http_request, numbered
from bench.load.sample import quantile, sample
from bench.process import BenchError

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


def test_quantiles_are_observed_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert quantile(values, 0.5) == 51.0
    assert quantile(values, 0.99) == 100.0
    assert quantile(values, 1.0) == 100.0
    assert quantile([], 0.5) == 0.0


def test_the_worst_second_is_told_apart() -> None:
    arrivals = [10.1] * 90 + [11.5] * 10
    found = sample(arrivals, [0.001] * 100, errors=0, began=10.0, seconds=2.0, cpu_s=0.1)
    assert (found.answers, found.rate) == (100, 50.0)
    assert found.worst_second == pytest.approx(0.2)


@contextmanager
def answering(answer: bytes, stall_s: float = 0.0) -> Iterator[int]:
    """Serve one answer to everything on a port; the first request is stalled."""
    loop = asyncio.new_event_loop()
    stalled = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal stalled
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                if not stalled:
                    stalled = True
                    await asyncio.sleep(stall_s)
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
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


def test_a_closed_loop_counts_wrong_answers_as_errors() -> None:
    with answering(PLAIN) as port:
        right = in_own_process(Closed(port, http_request("GET", "/"), 2, 0.3, body=b"hello"))
        wrong = in_own_process(Closed(port, http_request("GET", "/"), 2, 0.3, body=b"other"))
    assert right.answers > 0
    assert right.errors == 0
    assert wrong.answers == 0
    assert wrong.errors > 0


def test_an_open_loop_charges_a_stall_to_the_requests_that_waited() -> None:
    with answering(PLAIN, stall_s=0.4) as port:
        found = in_own_process(Open(port, http_request("GET", "/"), 100, 1, 1.0, b"hello"))
    assert (found.answers, found.errors) == (100, 0)
    assert found.max_ms >= 400
    # The one connection was busy for 0.4 s, in which forty requests became due.
    assert found.p90_ms >= 250


def test_a_refused_delivery_is_told() -> None:
    with answering(EMPTY) as port, pytest.raises(BenchError, match="refused: 404"):
        in_own_process(Deliver(port, (http_request("GET", "/"),) * 3))
