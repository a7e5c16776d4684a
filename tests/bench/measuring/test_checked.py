"""What the benchmark has checks point at: a target that remembers, targets that die, and who watches."""

import socket
from http.client import HTTPConnection

import pytest
from harness.process import alive, free_ports, wait_until
from harness.server import RegistryServer

from bench.load import Deliver, Open, Running, get, in_own_process
from bench.load.mortals import Mortals
from bench.load.target import END, Target
from bench.load.vigil import Vigil
from bench.scenarios.keeper import lateness, resumed_after


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_a_target_tells_who_came_and_how_often() -> None:
    (port,) = free_ports(1)
    with Running(Target(port)) as target:
        wait_until(lambda: listening(port))
        calls = tuple(get(f"/{number:08d}", b"well") for number in range(10))
        sent = in_own_process(Open(port, calls, 100, 4, 0.3))
        in_own_process(Deliver(port, (END,)))
        visits = target.result()

    assert (sent.answers, sent.errors) == (30, 0)
    assert sorted(visits) == [f"/{number:08d}" for number in range(10)]
    assert {len(times) for times in visits.values()} == {3}


def test_mortals_answer_until_they_are_killed() -> None:
    with Mortals(3) as mortals:
        assert [ask(port) for port in mortals.ports] == [b"well"] * 3
        mortals.kill(1)

        assert [listening(port) for port in mortals.ports] == [True, False, True]
        pids = [pid for pid in mortals.pids if pid]

    assert not any(alive(pid) for pid in pids)


def test_a_vigil_ends_when_nothing_passes_any_more(server: RegistryServer) -> None:
    for name in ("a", "b"):
        body = {"Name": name, "Check": {"TTL": "10m", "Status": "passing"}}
        assert server.client.put("/v1/agent/service/register", body).status == 200
    with Running(Vigil(server.port, ("a", "b"), 2, 30.0)) as vigil:
        server.client.put("/v1/agent/check/pass/service:a?note=no+change")
        for name in ("b", "a"):
            server.client.put(f"/v1/agent/check/fail/service:{name}")
        told = vigil.result()

    assert [len(times) for times in told] == [2, 2]


@pytest.mark.parametrize(
    ("times", "late"),
    [([0.3, 1.3, 2.3], [0, 0, 0]), ([0.5, 1.3, 2.4], [0.2, 0, 0.1]), ([0.3, 2.3], [0, 0]), ([], [])],
)
def test_lateness_is_taken_against_the_most_punctual_run(times: list[float], late: list[float]) -> None:
    assert lateness({"/": [*times, 99.0]}, 1.0, [(0.0, 5.0), (5.0, 10.0)]) == pytest.approx(late)


def test_the_pause_of_a_killed_keeper_ends_with_the_next_one_s_first_request() -> None:
    visits = {"/a": [9.0, 10.01, 11.5], "/b": [10.02, 11.52]}

    assert resumed_after(visits, 10.0) == pytest.approx(1.5)
