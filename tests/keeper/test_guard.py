"""The guard against mass failures as its users meet it: real targets that die, and a real server."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.client import Reply
from harness.process import wait_until
from harness.server import RegistryServer
from running.target import Target

COUNT = 4
HEALTHY = "/v1/health/service/web?passing"
TRUTH = HEALTHY + "&guard=off"
FLAGS = ("--guard-share", "0.5", "--guard-window", "30s")
HEADER = re.compile(
    r"holding ([0-9]+) of 4 instances of web: ([0-9]) of its 4 instances turned critical within 30 s, "
    r"which is more often the network of who checks them than theirs; "
    r"ends at 2[0-9-]+T[0-9:]+Z at the latest; "
    r"add \?guard=off for the unguarded answer"
)


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.end()


def register(server: RegistryServer, target: Target) -> Reply:
    """Register the instances of a service that one target answers for, and return when all are healthy."""
    for number in range(COUNT):
        check = {"HTTP": f"http://127.0.0.1:{target.port}/", "Interval": "1s", "Timeout": "1s"}
        body = {"Name": "web", "ID": f"web-{number}", "Check": check}
        assert server.client.put("/v1/agent/service/register", body).status == 200
    reply = wait_until(lambda: all_there(server.client.get(TRUTH)), 20)
    assert reply is not None
    return reply


def all_there(reply: Reply) -> Reply | None:
    return reply if len(reply.json) == COUNT else None


def nobody(server: RegistryServer, asked: str = TRUTH) -> None:
    """Wait until an answer is empty."""
    wait_until(lambda: server.client.get(asked).json == [], 20)


def no_guard(server: RegistryServer) -> bool:
    """Say whether neither the answer nor the list tells of a guard."""
    marked = "x-registry-guard" in server.client.get(HEALTHY).headers
    return not marked and server.client.get("/v1/internal/guards").json["Guards"] == []


def watch_until(server: RegistryServer, index: int, done: Callable[[Reply], bool]) -> list[Reply]:
    """Follow the healthy instances from an index on and return all answers up to the one wanted."""
    answers: list[Reply] = []
    while not answers or not done(answers[-1]):
        assert len(answers) < 100
        answers.append(server.client.watch(HEALTHY, index=index).result(20))
        index = answers[-1].index
    return answers


def test_a_mass_failure_leaves_the_list_as_it_was_and_says_so(
    server_factory: Callable[..., RegistryServer],
) -> None:
    server, target = server_factory(workers=2, args=FLAGS), Target()
    seen = register(server, target)
    assert "x-registry-guard" not in seen.headers

    target.end()
    answers = watch_until(server, seen.index, lambda reply: "x-registry-guard" in reply.headers)

    # Up to half of them are believed; from then on everybody is back, those that failed first included.
    assert all(len(reply.json) >= COUNT // 2 for reply in answers)
    assert len(answers[-1].json) == COUNT
    text = HEADER.fullmatch(answers[-1].headers["x-registry-guard"])
    assert text is not None
    assert 3 <= int(text[2]) <= COUNT

    nobody(server)
    guarded = server.client.get(HEALTHY)
    assert len(guarded.json) == COUNT
    assert {each["Checks"][-1]["Status"] for each in guarded.json} == {"critical"}
    assert guarded.headers["x-registry-guard"].startswith(f"holding {COUNT} of {COUNT} instances of web: ")
    assert "x-registry-guard" in server.client.get("/v1/health/service/web").headers
    assert "x-registry-guard" not in server.client.get(TRUTH).headers
    listed = server.client.get("/v1/internal/guards").json
    assert (listed["Active"], listed["Trips"]) == (1, 1)
    assert listed["Guards"][0] | {"Began": "", "EndsAtTheLatest": "", "Reason": ""} == {
        "Service": "web",
        "Reason": "",
        "Scope": "service",
        "Began": "",
        "EndsAtTheLatest": "",
        "Released": False,
        "Holding": COUNT,
        "Instances": COUNT,
    }

    target.begin()
    wait_until(lambda: no_guard(server), 20)
    wait_until(lambda: all_there(server.client.get(TRUTH)), 20)
    target.end()
    assert server.client.get("/v1/internal/guards").json["Trips"] == 1
    assert "WARNING" in server.output()
    assert "the guard of service 'web' is on: " in server.output()
    assert "the guard of service 'web' has ended: " in server.output()


def test_without_the_setting_there_is_no_guard(server: RegistryServer, target: Target) -> None:
    seen = register(server, target)
    target.end()
    answers = watch_until(server, seen.index, lambda reply: reply.json == [])
    assert all("x-registry-guard" not in reply.headers for reply in answers)
    assert no_guard(server)
    target.begin()


def taken_up(server: RegistryServer, times: int) -> bool:
    """Say whether so many keepers in a row have told that the guard is on."""
    return server.output().count("the guard of service 'web' is on: ") == times


def test_a_guard_outlives_keeper_and_server(
    server_factory: Callable[..., RegistryServer], target: Target
) -> None:
    server = server_factory(args=FLAGS)
    register(server, target)
    target.end()
    nobody(server)
    before = server.client.get(HEALTHY)
    assert len(before.json) == COUNT

    os.kill(server.keeper_pid(), signal.SIGKILL)
    wait_until(lambda: taken_up(server, 2), 20)
    server.kill()
    server.start()
    wait_until(lambda: taken_up(server, 3), 20)

    after = server.client.get(HEALTHY)
    assert len(after.json) == COUNT
    assert after.headers["x-registry-guard"] == before.headers["x-registry-guard"]
    assert server.client.get("/v1/internal/guards").json["Trips"] == 1
    target.begin()
    wait_until(lambda: no_guard(server), 20)


def test_a_guard_ends_with_its_limit(server_factory: Callable[..., RegistryServer], target: Target) -> None:
    server = server_factory(args=(*FLAGS, "--guard-limit", "1s"))
    seen = register(server, target)
    target.end()

    answers = watch_until(server, seen.index, lambda reply: reply.json == [])

    assert "x-registry-guard" not in answers[-1].headers
    assert no_guard(server)
    assert server.client.get("/v1/internal/guards").json["Trips"] == 1
    assert "has ended: its limit has passed" in server.output()
    target.begin()


def test_one_request_ends_it_for_good(server_factory: Callable[..., RegistryServer], target: Target) -> None:
    server = server_factory(args=FLAGS)
    register(server, target)
    target.end()
    nobody(server)
    assert len(server.client.get(HEALTHY).json) == COUNT

    assert server.client.put("/v1/internal/guard/release/WEB").json == {"Released": ["web"]}

    assert server.client.get(HEALTHY).json == []
    server.restart()
    assert server.client.get(HEALTHY).json == []
    assert server.client.get("/v1/internal/guards").json["Guards"][0]["Released"]
    target.begin()
    wait_until(lambda: all_there(server.client.get(HEALTHY)), 20)
    wait_until(lambda: no_guard(server), 20)


def test_switched_off_by_a_reload_it_ends(
    server_factory: Callable[..., RegistryServer], target: Target, tmp_path: Path
) -> None:
    config = tmp_path / "registry.toml"
    config.write_text("guard_share = 0.5\nguard_window = '30s'\n")
    server = server_factory(args=("--config", str(config)))
    register(server, target)
    target.end()
    nobody(server)
    assert len(server.client.get(HEALTHY).json) == COUNT

    config.write_text("guard_window = '30s'\n")
    os.kill(server.pid, signal.SIGHUP)

    for text in ("the settings were read again", "has ended: the guard has been switched off"):
        wait_until(lambda text=text: text in server.output(), 20)  # type: ignore[misc]
    nobody(server, HEALTHY)
    assert no_guard(server)
    target.begin()
