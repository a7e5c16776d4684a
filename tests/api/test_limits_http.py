"""What is bounded: each limit is reached, passed, and told; what is there already stays usable."""

import itertools
import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path

import pytest
from harness.client import Client, Reply
from harness.process import wait_until
from harness.server import RegistryServer
from served import (
    REGISTER,
    connect,
    deregister,
    done,
    head,
    last_index,
    refused,
    register,
    serving,
    to_the_end,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server on which little can be registered."""
    limits = {
        "max-services": "4",
        "max-name-bytes": "16",
        "max-tags": "2",
        "max-tag-bytes": "8",
        "max-meta-pairs": "2",
        "max-checks-per-service": "2",
        "max-output-bytes": "10",
        "max-filter-bytes": "256",
        "max-query-bytes": "512",
        "max-body-bytes": "4KiB",
        "body-timeout": "1s",
        "keep-alive": "1s",
    }
    args = itertools.chain.from_iterable((f"--{name}", value) for name, value in limits.items())
    with serving(tmp_path_factory, *args) as server:
        yield server.client


@pytest.fixture
def api(small: Client) -> Iterator[Client]:
    yield small
    deregister(small, "n")


def too_much(api: Client, status: int, text: str, **fields: object) -> None:
    """Require that a registration on node ``n`` is refused, and changes nothing."""
    before = last_index(api)
    refused(api.put(REGISTER, {"Node": "n", "Address": "1", **fields}), status, text)
    assert last_index(api) == before


# What is registered


def test_max_services(api: Client) -> None:
    for name in "abc":  # the fourth is the service consul
        register(api, "n", name)
    text = "The registry has 4 services, max allowed is 4 (max_services); deregister some or raise the limit"
    too_much(api, 500, text, Service={"Service": "d"})
    register(api, "n", {"Service": "a", "Port": 1})  # one that is there may change
    deregister(api, "n", ServiceID="b")
    register(api, "n", "d")


def test_max_name_bytes(api: Client) -> None:
    register(api, "n", "x" * 16, Check={"CheckID": "é" * 8})
    text = " has {} bytes, max allowed is 16 (max_name_bytes)"
    too_much(api, 400, "Service.Service" + text.format(17), Service={"Service": "x" * 17})
    too_much(api, 400, "Service.ID" + text.format(18), Service={"Service": "s", "ID": "é" * 9})
    too_much(api, 400, "Checks[0].CheckID" + text.format(17), Check={"Name": "x" * 17})
    too_much(api, 400, "Node" + text.format(17), Node="x" * 17)


def test_max_tags_and_max_tag_bytes(api: Client) -> None:
    register(api, "n", {"Service": "s", "Tags": ["t" * 8, "é" * 4]})
    text = "Tags has 3 items, max allowed is 2 (max_tags)"
    too_much(api, 400, text, Service={"Service": "s", "Tags": ["a", "a", "a"]})
    text = "Tags[1] has 10 bytes, max allowed is 8 (max_tag_bytes)"
    too_much(api, 400, text, Service={"Service": "s", "Tags": ["a", "é" * 5]})


def test_max_meta_pairs(api: Client) -> None:
    two, three = dict.fromkeys("ab", "v"), dict.fromkeys("abc", "v")
    register(api, "n", {"Service": "s", "Meta": two}, NodeMeta=two)
    text = "NodeMeta has 3 pairs, max allowed is 2 (max_meta_pairs)"
    too_much(api, 400, text, NodeMeta=three)
    text = "failed inserting service: Invalid Service Meta for node n and serviceID s: "
    text += "Node metadata cannot contain more than 2 key/value pairs"
    too_much(api, 500, text, Service={"Service": "s", "Meta": three})


def test_max_checks_per_service(api: Client) -> None:
    def bound(*names: str) -> list[dict[str, str]]:
        return [{"Name": name, "ServiceID": "s"} for name in names]

    text = "Too many checks: there would be 3, max allowed for one service, or for the node itself, "
    text += "is 2 (max_checks_per_service)"
    too_much(api, 400, text, Service={"Service": "s"}, Checks=bound(*"abc"))
    register(api, "n", "s", Checks=bound(*"ab"))
    too_much(api, 400, text, Check=bound("c")[0])
    register(api, "n", "t", Checks=[{"Name": "of t", "ServiceID": "t"}, {"Name": "level"}])
    register(api, "n", "s", Checks=bound(*"ab"))
    too_much(api, 400, text, Checks=[{"Name": "one"}, {"Name": "two"}])
    deregister(api, "n", CheckID="a")
    register(api, "n", Checks=bound("c"))


def test_max_output_bytes(api: Client) -> None:
    register(api, "n", Check={"Name": "c", "Output": "é" * 5})
    text = "Checks[0].Output has 12 bytes, max allowed is 10 (max_output_bytes)"
    too_much(api, 400, text, Check={"Name": "c", "Output": "é" * 6})


# Requests


def test_max_filter_bytes(api: Client) -> None:
    expression = 'ServiceName=="{}"'
    room = 256 - len(expression.format(""))
    for size, status in ((room, 200), (room + 1, 500)):
        given = expression.format("x" * size).replace('"', "%22")
        assert api.get(f"/v1/catalog/service/s?filter={given}").status == status


def test_max_query_bytes(api: Client) -> None:
    for size, status in ((512, 200), (513, 414)):
        reply = api.get(f"/v1/catalog/nodes?{'a' * size}")
        assert reply.status == status
    refused(reply, 414, "Query string too long, max allowed is 512 bytes")
    refused(api.put(f"{REGISTER}?{'a&' * 300}", {}), 414, reply.text)


def body_of(size: int) -> bytes:
    """A request body of exactly this many bytes that changes nothing."""
    return json.dumps({"Node": "n", "SkipNodeUpdate": True}).encode().ljust(size)


def test_max_body_bytes(api: Client) -> None:
    register(api, "n")
    done(api.put(REGISTER, body_of(4096)))
    text = "Request body too large, max allowed is 4096 bytes, found at least 4097"
    refused(api.put(REGISTER, body_of(4097)), 413, text)
    chunk = b"%x\r\n%b\r\n"
    chunked = head("PUT", REGISTER, "Transfer-Encoding: chunked")
    done(api.raw(chunked + chunk % (4096, body_of(4096)) + b"0\r\n\r\n"))
    refused(api.raw(chunked + chunk % (4097, body_of(4097)) + b"0\r\n\r\n"), 413, text)


def test_a_large_body_is_refused_before_it_is_sent(small: Client) -> None:
    for size in (4097, 1 << 40, (1 << 63) - 1):
        for lines in ([], ["Expect: 100-continue"]):
            reply = small.raw(head("PUT", REGISTER, f"Content-Length: {size}", *lines))
            text = f"Request body too large, max allowed is 4096 bytes, found at least {size}"
            refused(reply, 413, text)
            assert reply.headers["connection"] == "close"


def test_a_body_without_end_is_refused_when_it_passes_the_limit(small: Client) -> None:
    reply = small.raw(
        head("PUT", REGISTER, "Transfer-Encoding: chunked") + b"fff\r\n" + b" " * 4095 + b"\r\n2\r\n  "
    )
    assert reply.status == 413


def test_a_large_body_on_a_read(small: Client) -> None:
    assert small.request("GET", "/v1/catalog/nodes", b"x" * 100_000).status == 200
    reply = small.request("GET", "/v1/coordinate/nodes?index=1&wait=10m", b"x" * 100_000)
    assert reply.status == 413


@pytest.mark.parametrize("sent", [b"", b"{", b'4\r\n{"No'], ids=["nothing", "a part", "half a chunk"])
def test_a_body_that_does_not_arrive(small: Client, sent: bytes) -> None:
    """It is given a second; then the connection ends, so that the rest is not taken for a request."""
    framing = "Transfer-Encoding: chunked" if b"\r" in sent else "Content-Length: 100"
    with connect_to(small) as connection:
        connection.sendall(head("PUT", REGISTER, framing) + sent)
        start, text = to_the_end(connection).split(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert text.startswith(b"Request body took longer than 1 s to arrive; ")


def test_a_body_that_arrives_slowly(small: Client) -> None:
    """A byte now and then does not keep the request alive: the whole body has a second."""
    with connect_to(small) as connection:
        connection.sendall(head("PUT", REGISTER, "Content-Length: 1000"))
        pieces = 0
        while not select.select([connection], [], [], 0.05)[0]:
            connection.sendall(b" ")
            pieces += 1
            assert pieces < 200
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 408 ")


def connect_to(api: Client) -> socket.socket:
    return socket.create_connection((api.url.host, api.url.port or 80), 10)


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: 127", head("GET", "/")[:-2]])
def test_a_head_that_does_not_arrive(small: Client, sent: bytes) -> None:
    with connect_to(small) as connection:
        connection.sendall(sent)
        assert b"200 OK" not in to_the_end(connection)


def test_an_idle_connection_is_closed(small: Client) -> None:
    with connect_to(small) as connection:
        connection.sendall(head("GET", "/v1/status/leader"))
        assert to_the_end(connection).count(b"200 OK") == 1


def test_large_heads(small: Client) -> None:
    for lines in ([f"X-{number}: x" for number in range(120)], [f"X: {'x' * 300_000}"]):
        reply = small.raw(head("GET", "/v1/status/leader", *lines))
        assert reply.status == 431
    assert small.raw(head("GET", f"/v1/catalog/service/{'x' * 70_000}")).status == 414
    assert small.raw(head("GET", f"/v1/catalog/service/{'x' * 30_000}")).json == []


def test_many_parameters(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory) as server:
        api = server.client
        refused(
            api.raw(head("GET", "/v1/catalog/nodes?" + "a&" * 30_000)),
            *(414, "Query string too long, max allowed is 16384 bytes"),
        )
        assert api.raw(head("GET", "/v1/catalog/nodes?" + "a&" * 100_000)).status in (414, 431)
        for query in ("a&" * 8192, "tag=x&" * 2700, "node-meta=x&" * 1300, "filter=&" * 2000):
            reply = api.get(f"/v1/catalog/service/consul?{query[:16384]}")
            assert reply.status == 200
            assert reply.seconds < 5


# Connections


def test_max_connections(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Past the bound a connection waits unanswered until another one ends."""
    limits = ("--max-connections", "3", "--max-waiters", "2")
    with serving(tmp_path_factory, *limits) as server, ExitStack() as opened:
        server.client.close()
        held = [opened.enter_context(connect(server)) for _ in range(3)]
        for connection in held:
            assert is_answered(connection)
        waiting = opened.enter_context(connect(server))
        waiting.sendall(head("GET", "/v1/status/leader"))
        assert select.select([waiting], [], [], 0.3)[0] == []
        for connection in held:
            assert is_answered(connection)
        held.pop().close()
        assert b"200 OK" in waiting.recv(1 << 16)


def is_answered(connection: socket.socket) -> bool:
    connection.sendall(head("GET", "/v1/status/leader"))
    return b"200 OK" in connection.recv(1 << 16)


def test_clients_that_do_not_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    """They keep nobody waiting, and after the write timeout their answers are cut, not ended."""
    with serving(tmp_path_factory, "--write-timeout", "500ms") as server, ExitStack() as opened:
        api = server.client
        for number in range(20):
            register(api, "large", Check={"Name": f"c{number}", "Notes": "x" * 1_000_000})
        whole = api.get("/v1/health/node/large").body
        connections = [opened.enter_context(connect(server)) for _ in range(4)]
        for connection in connections:
            connection.sendall(head("GET", "/v1/health/node/large"))
        assert api.get("/v1/status/leader").seconds < 5
        assert api.get("/v1/health/node/large").body == whole
        time.sleep(1.5)  # that they do not read for longer than the timeout is what is tested
        for connection in connections:
            response = opened.enter_context(HTTPResponse(connection))
            response.begin()
            with pytest.raises((IncompleteRead, ConnectionResetError)):
                response.read()


# The answer cache and other memory


def resident_kib(server: RegistryServer) -> int:
    """Memory of the only worker in KiB."""
    (worker,) = server.worker_pids()
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def ask_in_bulk(server: RegistryServer, requests: Iterator[bytes]) -> None:
    """Send requests pipelined on one connection after the other; each must be answered with 200."""
    while batch := list(itertools.islice(requests, 500)):
        with connect(server) as connection:
            connection.sendall(b"".join(batch) + head("GET", "/v1/status/leader", "Connection: close"))
            answers = to_the_end(connection)
        assert answers.count(b"HTTP/1.1 200 OK") == len(batch) + 1


def test_odd_requests_do_not_fill_the_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Five thousand different queries of 20 KB each would be 100 MB; the cache holds 4 MiB."""
    with serving(tmp_path_factory, "--answer-cache-bytes", "4MiB") as server:
        register(server.client, "n", "s", Check={"Name": "c", "Notes": "x" * 20_000})
        target = "/v1/health/node/n?odd="
        ask_in_bulk(server, (head("GET", f"{target}{number}") for number in range(500)))
        before = resident_kib(server)
        ask_in_bulk(server, (head("GET", f"{target}{number}") for number in range(500, 5_500)))
        assert resident_kib(server) - before < 30_000


def test_odd_headers_do_not_fill_the_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is remembered of headers is short: a thousand long ones would be 40 MB."""
    with serving(tmp_path_factory) as server:

        def requests(numbers: range) -> Iterator[bytes]:
            for number in numbers:
                lines = f"Host: {'h' * 20_000}{number}.localhost\r\nAccept-Encoding: {'x' * 20_000}{number}"
                yield f"GET /v1/catalog/nodes HTTP/1.1\r\n{lines}\r\n\r\n".encode()

        ask_in_bulk(server, requests(range(100)))
        before = resident_kib(server)
        ask_in_bulk(server, requests(range(100, 1_000)))
        assert resident_kib(server) - before < 20_000


def test_a_flood_of_odd_queries_changes_no_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory, "--answer-cache-bytes", "1MiB") as server:
        api = server.client
        register(api, "n", "s", Check={"Name": "c", "Notes": "x" * 20_000})
        known = api.get("/v1/health/node/n")
        for start in range(0, 300, 100):
            numbers = range(start, start + 100)
            ask_in_bulk(server, (head("GET", f"/v1/health/node/n?odd={number}") for number in numbers))
            assert api.get("/v1/health/node/n").body == known.body
        register(api, "n", Check={"Name": "c", "Notes": "short"})
        changed = api.get("/v1/health/node/n?odd=299").json
        assert [check["Notes"] for check in changed] == ["short"]


# A full store


def test_max_size(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Past it nothing is added, while reads and deletes go on; with room again, writes do too."""
    with serving(tmp_path_factory, "--max-size", "1MiB") as server:
        api = server.client

        def fill(number: int) -> Reply:
            check = {"Name": "c", "Notes": "x" * 30_000}
            return api.put(REGISTER, {"Node": f"n{number:03}", "Address": "1", "Check": check})

        replies = [done_or(fill(number)) for number in range(100)]
        refusal = next(reply for reply in replies if reply.status != 200)
        assert (refusal.status, "max_size" in refusal.text) == (500, True), refusal.text
        health = api.get("/health")
        assert (health.status, health.json["status"]) == (503, "degraded")
        kept = api.get("/v1/catalog/nodes").json
        assert len(kept) == 1 + sum(reply.status == 200 for reply in replies)
        for node in kept:
            if node["Node"] != "node-a":
                deregister(api, node["Node"])
        wait_until(lambda: fill(0).status == 200, what="room to write again")
        assert api.get("/health").status == 200


def done_or(reply: Reply) -> Reply:
    if reply.status == 200:
        done(reply)
    return reply
