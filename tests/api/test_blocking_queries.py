"""Blocking queries: when they wait, for how long, what wakes them and what does not."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.client import Client, Reply, Watch
from harness.process import wait_until
from harness.server import RegistryServer
from served import (
    DEREGISTER,
    REGISTER,
    connect,
    deregister,
    done,
    head,
    refused,
    register,
    serving,
    to_the_end,
)

NODES = "/v1/catalog/nodes"
QUIET = "/v1/coordinate/nodes"
"""An endpoint whose index stands still at 1."""

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with two workers and the usual times."""
    with serving(tmp_path_factory, workers=2) as server:
        yield server.client


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server whose queries wait for 300 ms unless they say otherwise, and for 600 ms at most."""
    with serving(tmp_path_factory, "--default-query-time", "300ms", "--max-query-time", "600ms") as server:
        yield server.client


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A server where two queries may wait."""
    with serving(tmp_path_factory, "--max-waiters", "2") as server:
        yield server
        assert "Traceback" not in server.output()


def waiting(api: Client, target: str, index: int | None = None) -> Watch:
    """Start a query that waits for a change, and give it the time of a request to get there."""
    watch = api.watch(target, index or api.get(target).index, "1m")
    api.get(target)
    assert not watch.done
    return watch


def all_waiting(api: Client, *targets: str) -> list[Watch]:
    """Start as many queries as a server has places, and return when all of them wait."""
    known = [(target, api.get(target).index, "1m") for target in targets]
    watches = [api.watch(*each) for each in known]

    def full() -> bool:
        for number, watch in enumerate(watches):
            if watch.done and watch.result().status == 429:  # the question below took its place
                watches[number] = api.watch(*known[number])
        return api.get(f"{QUIET}?index=1&wait=1ms").status == 429

    wait_until(full, what="all places to be taken")
    return watches


def fresh(watch: Watch, since: int) -> Reply:
    """Return the answer of a query that must have been woken by a change."""
    reply = watch.result(PATIENCE_S)
    assert reply.status == 200
    assert reply.index > since
    return reply


# Parameters


@pytest.mark.parametrize("index", ["", "index=0&", "index=&", "index=00&", "index=0&index=99&", "Index=99&"])
def test_without_an_index_nothing_waits(api: Client, index: str) -> None:
    reply = api.get(f"{NODES}?{index}wait=10m")
    assert (reply.status, reply.index >= 1) == (200, True)


@pytest.mark.parametrize(
    "index",
    ["x", "-1", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "18446744073709551616", "1" * 400, "٣", "\x00"],
)
def test_bad_indexes(api: Client, index: str) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in index.encode())
    for query in (f"index={quoted}", f"index={quoted}&wait=1s&index=1"):
        refused(api.get(f"{NODES}?{query}"), 400, "Invalid index")


@pytest.mark.parametrize("wait", ["1", "5", "abc", "1d", "1 s", "s", "-", "1h1", "1s2", ".s", "9999999h"])
def test_bad_waits(api: Client, wait: str) -> None:
    for query in (f"wait={wait.replace(' ', '+')}", f"index=1&wait={wait.replace(' ', '+')}&wait=1s"):
        refused(api.get(f"{NODES}?{query}"), 400, "Invalid wait time")


def test_a_lower_index_is_answered_at_once(api: Client) -> None:
    register(api, "higher")
    index = api.get(NODES).index
    for known in (1, index - 1):
        assert api.get(f"{NODES}?index={known}&wait=10m").index == index


# How long


@pytest.mark.parametrize(
    ("query", "least"),
    [
        ("wait=50ms", 0.05),
        ("wait=400000us", 0.4),
        ("wait=.2s", 0.2),
        ("wait=0.1s&wait=10m", 0.1),
        ("", 0.3),
        ("wait=", 0.3),
        ("wait=0", 0.3),
        ("wait=0s", 0.3),
        ("wait=-1s", 0.3),
        ("wait=-2h45m", 0.3),
        ("wait=10m", 0.6),
        ("wait=876000h", 0.6),
    ],
)
def test_a_wait_ends_with_the_same_answer(brief: Client, query: str, least: float) -> None:
    known = brief.get(NODES)
    reply = brief.get(f"{NODES}?index={known.index}&{query}")
    assert (reply.status, reply.body, reply.index) == (200, known.body, known.index)
    assert reply.headers["content-type"] == "application/json"
    assert least <= reply.seconds < 60


def test_waits_are_spread(api: Client) -> None:
    """Up to a sixteenth is added: thirty waits of 1.6 s do not all end within half of that."""
    index = api.get(NODES).index
    watches = [api.watch(NODES, index, "1600ms") for _ in range(30)]
    seconds = sorted(watch.result().seconds for watch in watches)
    assert seconds[0] >= 1.6
    assert seconds[-1] - seconds[0] >= 0.05


def test_an_index_from_the_future(brief: Client) -> None:
    known = brief.get(NODES).index
    for future in (known + 1000, (1 << 64) - 1):
        watch = brief.watch(NODES, future, "500ms")
        register(brief, f"n{future}")
        reply = watch.result()
        assert reply.seconds >= 0.5
        assert known < reply.index < future
        assert f"n{future}" in reply.text


def test_a_future_index_that_is_reached(api: Client) -> None:
    index = api.get("/health").json["store"]["index"]
    watch = waiting(api, NODES, index + 2)
    for number in range(2):
        register(api, f"reaching-{number}")
    assert not watch.done
    register(api, "reaching-2")
    assert "reaching-2" in fresh(watch, index + 2).text


# What wakes

CHECK = {"Name": "c", "ServiceID": "web", "Status": "passing"}


@pytest.mark.parametrize(
    ("target", "change"),
    [
        (NODES, {"Node": "new"}),
        (f"{NODES}?node-meta=k:v", {"Node": "new", "NodeMeta": {"k": "v"}}),
        ("/v1/catalog/services", {"Service": {"Service": "new"}}),
        ("/v1/catalog/services", {"Service": {"Service": "web", "Tags": ["new"]}}),
        ("/v1/catalog/service/web", {"Service": {"Service": "web", "Port": 9}}),
        ("/v1/catalog/service/WEB?tag=a&pretty", {"Service": {"Service": "web", "Tags": ["A"]}}),
        ("/v1/catalog/connect/web", {"Service": {"Service": "web", "Connect": {"Native": True}}}),
        ("/v1/catalog/node/n", {"Service": {"Service": "web", "Port": 9}}),
        ("/v1/catalog/node/n", {"SkipNodeUpdate": False, "Address": "9.9.9.9"}),
        ("/v1/catalog/node-services/n", {"Service": {"Service": "new"}}),
        ("/v1/health/node/n", {"Check": {"Name": "new"}}),
        ("/v1/health/checks/web", {"Check": {**CHECK, "Notes": "new"}}),
        ("/v1/health/state/critical", {"Check": {**CHECK, "Status": "critical"}}),
        ("/v1/health/state/any", {"Check": {"Name": "new"}}),
        ("/v1/health/service/web", {"Check": {**CHECK, "Status": "warning"}}),
        ("/v1/health/service/web?passing", {"Check": {**CHECK, "Status": "warning"}}),
        ("/v1/health/service/web?passing&cached&stale", {"Check": {"Name": "level"}}),
        ("/v1/health/service/web", {"SkipNodeUpdate": False, "Address": "9.9.9.9"}),
        ("/v1/health/service/new", {"Service": {"Service": "new"}}),
        ("/v1/health/connect/web", {"Service": {"Service": "web", "Connect": {"Native": True}}}),
    ],
)
def test_a_change_wakes(api: Client, target: str, change: dict[str, Any]) -> None:
    register(api, "n", "web", Check=CHECK)
    before = api.get(target)
    watches = [waiting(api, target, before.index) for _ in range(3)]
    done(api.put(REGISTER, {"Node": "n", "Address": "10.0.0.1", "SkipNodeUpdate": True, **change}))
    for watch in watches:
        reply = fresh(watch, before.index)
        assert reply.body != before.body
        assert (reply.body, reply.index) == (api.get(target).body, api.get(target).index)
    for node in ("n", "new"):
        deregister(api, node)


def test_the_end_of_the_last_instance_wakes(api: Client) -> None:
    register(api, "last", "lasting")
    index = api.get("/v1/health/service/lasting").index
    watches = [waiting(api, f"/v1/{kind}/service/lasting", index) for kind in ("health", "catalog")]
    deregister(api, "last", ServiceID="lasting")
    assert [fresh(watch, index).text for watch in watches] == ["[]", "[]"]


def test_the_end_of_a_node_wakes(api: Client) -> None:
    register(api, "ending", "on-it")
    targets = {"/v1/catalog/node/ending": "null", "/v1/health/service/on-it": "[]"}
    watches = {target: (api.get(target).index, waiting(api, target)) for target in targets}
    deregister(api, "ending")
    assert {target: fresh(watch, index).text for target, (index, watch) in watches.items()} == targets


def test_a_commit_wakes_watchers_in_all_workers(api: Client) -> None:
    register(api, "both", "both")
    index = api.get("/v1/health/service/both").index
    watches = [waiting(api, "/v1/health/service/both", index) for _ in range(24)]
    register(api, "both", {"Service": "both", "Port": 1})
    replies = [fresh(watch, index) for watch in watches]
    assert len({(reply.index, reply.body) for reply in replies}) == 1
    # The first part of a generated request id is the worker's.
    assert len({reply.headers["x-request-id"].partition("-")[0] for reply in replies}) == 2


# What does not


def service(name: str, **fields: object) -> dict[str, Any]:
    return {"Service": {"Service": name, **fields}}


def check(name: str, service_id: str = "", **fields: object) -> dict[str, Any]:
    return {"Check": {"Name": name, "ServiceID": service_id, **fields}}


ADDRESS = {"SkipNodeUpdate": False, "Address": "9.9.9.9"}


@pytest.mark.parametrize(
    ("target", "change", "waking"),
    [
        ("/v1/health/service/quiet", service("other", Port=5), service("quiet", Port=1)),
        ("/v1/health/service/quiet", check("d", "other"), check("level")),
        ("/v1/health/service/quiet?tag=t", service("quiet", Port=5), service("quiet", Tags=["T"])),
        ("/v1/health/service/quiet?passing", check("c", "beside", Notes="x"), check("c", "quiet")),
        ("/v1/health/service/unknown", service("other", Port=5), service("unknown")),
        ("/v1/catalog/service/quiet", check("c", "quiet"), service("quiet", Port=1)),
        ("/v1/catalog/services", check("c", "quiet"), service("new")),
        ("/v1/catalog/services", service("quiet", Port=5), service("quiet", Tags=["t"])),
        (NODES, service("new"), ADDRESS),
        ("/v1/catalog/node/node-a", service("new"), {"Node": "node-a", **service("guest")}),
        ("/v1/health/node/quiet", {"Node": "loud", **ADDRESS, **check("c")}, check("c")),
        ("/v1/health/state/passing", check("c"), check("c", Status="passing")),
        ("/v1/health/checks/quiet", check("level"), check("c", "quiet")),
    ],
)
def test_changes_elsewhere_wake_nobody(
    narrow: RegistryServer, target: str, change: dict[str, Any], waking: dict[str, Any]
) -> None:
    api = narrow.client
    for node in ("quiet", "loud"):
        deregister(api, node)
    beside = {"ID": "beside", "Service": "quiet", "Tags": ["beside"]}
    register(api, "quiet", beside, Check={"Name": "c", "ServiceID": "beside"})
    for name in ("quiet", "other"):
        register(api, "quiet", name)
    common = {"Node": "quiet", "Address": "10.0.0.1", "SkipNodeUpdate": True}
    known = api.get(target)
    # The second one sees everything: when it is answered, the change has been looked at.
    control = "/v1/health/state/any" if "Check" in change else "/v1/catalog/node/quiet"
    watch, second = all_waiting(api, target, control)
    done(api.put(REGISTER, {**common, **change}))
    second.result(PATIENCE_S)
    assert api.get(target).body == known.body
    assert not watch.done
    done(api.put(REGISTER, {**common, **waking}))
    assert fresh(watch, known.index).body != known.body


def test_the_same_again_wakes_nobody(api: Client) -> None:
    body = {"Service": {"Service": "same", "Tags": ["t"]}, "Check": {"Name": "c", "ServiceID": "same"}}
    register(api, "same", **body)
    known = api.get("/v1/health/service/same")
    watch = waiting(api, "/v1/health/service/same", known.index)
    for _ in range(3):
        register(api, "same", **body)
        done(api.put(DEREGISTER, {"Node": "same", "ServiceID": "absent"}))
    assert api.get("/v1/health/service/same").index == known.index
    assert not watch.done
    register(api, "same", {"Service": "same", "Tags": ["u"]})
    fresh(watch, known.index)


# Places


def test_past_the_bound_queries_are_refused(narrow: RegistryServer) -> None:
    api = narrow.client
    watches = all_waiting(api, QUIET, QUIET)
    for target in (f"{QUIET}?index=1", f"{NODES}?index=99&wait=1s"):
        reply = api.get(target)
        refused(reply, 429, "Too many blocking queries, max allowed is 2 per worker")
        assert reply.headers["retry-after"] == "1"
    # Whoever need not wait is answered.
    assert api.get(f"{NODES}?index=0").status == 200
    register(api, "still", "writing")
    assert api.get("/v1/health/service/writing?index=1").status == 200
    assert not any(watch.done for watch in watches)
    for watch in watches:
        watch.cancel()
    wait_until(lambda: both_free(api), what="both places to be free")


def test_a_client_that_goes_away_frees_its_place(narrow: RegistryServer) -> None:
    api = narrow.client
    for round_ in range(8):
        watches = all_waiting(api, QUIET, QUIET)
        watches[round_ % 2].cancel()
        wait_until(
            lambda: api.get(f"{QUIET}?index=1&wait=1ms").status == 200, what="the place of the one that left"
        )
        watches[(round_ + 1) % 2].cancel()
        wait_until(lambda: both_free(api), what="both places to be free")


def both_free(api: Client) -> bool:
    with ThreadPoolExecutor(2) as pool:
        replies = pool.map(lambda _: api.get(f"{QUIET}?index=1&wait=100ms"), range(2))
        return [reply.status for reply in replies] == [200, 200]


def test_answered_and_timed_out_queries_free_their_places(narrow: RegistryServer) -> None:
    api = narrow.client
    for _ in range(3):
        assert both_free(api)
    for round_ in range(3):
        index = api.get(NODES).index
        watches = [waiting(api, NODES, index) for _ in range(2)]
        register(api, f"round-{round_}")
        for watch in watches:
            fresh(watch, index)
    assert both_free(api)


def test_a_query_that_is_cut_off_while_it_is_sent(narrow: RegistryServer) -> None:
    for cut in (40, 60, None):
        for _ in range(5):
            with connect(narrow) as connection:
                connection.sendall(head("GET", f"{QUIET}?index=1&wait=1m")[:cut])
    wait_until(lambda: both_free(narrow.client), what="both places to be free")


# Requests of other forms


def test_a_query_with_a_body(brief: Client) -> None:
    index = brief.get(NODES).index
    for length in (1, 5000, 200_000):
        reply = brief.request("GET", f"{NODES}?index={index}&wait=50ms", b"x" * length)
        assert (reply.status, reply.index) == (200, index)
        assert reply.seconds >= 0.05
    watch_body = b"5\r\nhello\r\n0\r\n\r\n"
    reply = brief.raw(
        head("GET", f"{NODES}?index={index}&wait=50ms", "Transfer-Encoding: chunked") + watch_body
    )
    assert (reply.status, reply.seconds >= 0.05) == (200, True)


def test_escaped_parameter_names_wait_too(brief: Client) -> None:
    index = brief.get(NODES).index
    for _ in range(2):
        reply = brief.get(f"{NODES}?%69ndex={index}&w%61it=100ms")
        assert (reply.index, reply.seconds >= 0.1) == (index, True)


def test_pipelined_queries_are_answered_in_order(narrow: RegistryServer) -> None:
    with connect(narrow) as connection:
        for wait in ("200ms", "1ms"):
            connection.sendall(head("GET", f"{QUIET}?index=1&wait={wait}"))
        connection.sendall(head("GET", "/v1/status/leader", "Connection: close"))
        answers = to_the_end(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.endswith(b'"127.0.0.1:8300"')
    assert both_free(narrow.client)


def test_an_answer_too_large_for_the_cache_can_be_waited_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with serving(tmp_path_factory, "--answer-cache-bytes", "1MiB") as server:
        api = server.client
        for number in range(4):
            register(api, "large", Check={"Name": f"c{number}", "Notes": "x" * 100_000})
        target = "/v1/health/node/large"
        known = api.get(target)
        reply = api.get(f"{target}?index={known.index}&wait=100ms")
        assert (reply.body == known.body, reply.seconds >= 0.1) == (True, True)
        watch = waiting(api, target, known.index)
        register(api, "large", Check={"Name": "c0"})
        assert len(fresh(watch, known.index).body) < len(known.body)


def test_a_stop_answers_everybody(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory, workers=2) as server:
        api = server.client
        watches = [waiting(api, target) for target in (NODES, QUIET, "/v1/health/service/x") * 5]
        server.stop()
        replies = [watch.result() for watch in watches]
        assert [reply.status for reply in replies] == [200] * 15
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), 1)
