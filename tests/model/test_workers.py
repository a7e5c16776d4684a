"""Several workers as one registry: writers and watchers spread over all of them, against dictionaries."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

import pytest
from harness.server import RegistryServer

from model.lines import Line, Seen, Watcher, lines_by_worker, stop_all

WORKERS = 4
WRITERS = 4
WRITES = 40
OWN = "node-a"
SERVICES = ["web", "api", "db"]

ALL = [
    "/v1/catalog/nodes",
    "/v1/catalog/services",
    "/v1/health/state/any",
    "/v1/health/state/critical",
    *(
        f"/v1/{family}/service/{name}"
        for family in ("catalog", "health")
        for name in [*SERVICES, "shared", "none"]
    ),
    *(f"/v1/health/checks/{name}" for name in SERVICES),
    *(f"/v1/health/service/{name}?passing" for name in SERVICES),
    *(f"/v1/catalog/node/node-{number}" for number in range(WRITERS)),
    *(f"/v1/health/node/node-{number}" for number in range(WRITERS)),
    f"/v1/catalog/node/{OWN}",
    "/v1/agent/services",
    "/v1/agent/checks",
]


BUSY = [f"/v1/health/service/{name}" for name in SERVICES]
SLEEPERS = [
    "/v1/health/service/quiet",
    "/v1/catalog/service/quiet",
    "/v1/catalog/node/node-quiet",
    "/v1/health/node/node-quiet",
    "/v1/health/service/none",
    "/v1/health/connect/web",
]
"""What the writers never touch; the first three show the quiet service."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    made = RegistryServer(tmp_path_factory.mktemp("workers"), workers=WORKERS, node=OWN)
    try:
        yield made.start()
    finally:
        made.close()


Connect = Callable[..., dict[str, list[Line]]]


@pytest.fixture
def connect(server: RegistryServer) -> Iterator[Connect]:
    """Open connections to all workers, ``each`` to every one; they are closed at the end of the test."""
    opened: list[Line] = []

    def make(each: int = 1) -> dict[str, list[Line]]:
        found = lines_by_worker(server.port, WORKERS, each)
        opened.extend(line for lines in found.values() for line in lines)
        return found

    yield make
    for line in opened:
        line.close()


class Writer:
    """Changes objects of its own, and one that all writers share, through whichever worker.

    After each write that is acknowledged it asks another worker, which must show it.

    Attributes:
        expected: for each instance of its own, what has to be seen of it, None when it is gone.
    """

    def __init__(self, lines: list[Line], number: int) -> None:
        self.number = number
        self.random = Random(number)
        self.lines = lines
        self.expected: dict[tuple[str, str], dict[str, Any] | None] = {}
        self.version = 0
        self.shared_index = 0

    def run(self) -> None:
        """Do all writes."""
        actions = [
            self.register,
            self.register,
            self.again,
            self.deregister,
            self.agent,
            self.beat,
            self.share,
        ]
        for _ in range(WRITES):
            writing, *reading = self.random.sample(self.lines, 3)
            self.random.choice(actions)(writing, reading)

    # Writes

    def register(self, line: Line, reading: list[Line]) -> None:
        name, node = self.random.choice(SERVICES), f"node-{self.number}"
        service_id = f"{name}-{self.random.randrange(3)}"
        self.version += 1
        status = self.random.choice(["passing", "critical"])
        self.send(line, node, name, service_id, self.version, status)
        self.expected[name, service_id] = {"Port": self.version, "Checks": [status]}
        self.look(reading, name, service_id)

    def again(self, line: Line, reading: list[Line]) -> None:
        """Write what is there already, which changes nothing."""
        for (name, service_id), known in self.expected.items():
            if known is not None and not service_id.startswith("local"):
                node = f"node-{self.number}"
                self.send(line, node, name, service_id, known["Port"], known["Checks"][0])
                self.look(reading, name, service_id)
                return

    def deregister(self, line: Line, reading: list[Line]) -> None:
        known = sorted(key for key, value in self.expected.items() if value is not None)
        if not known:
            return
        name, service_id = self.random.choice(known)
        if service_id.startswith("local"):
            line.put(f"/v1/agent/service/deregister/{service_id}")
        else:
            line.put("/v1/catalog/deregister", {"Node": f"node-{self.number}", "ServiceID": service_id})
        self.expected[name, service_id] = None
        self.look(reading, name, service_id)

    def agent(self, line: Line, reading: list[Line]) -> None:
        """Register through the agent, with a check that is set by hand."""
        self.version += 1
        name, service_id = self.random.choice(SERVICES), f"local-{self.number}"
        for other in SERVICES:
            if (other, service_id) in self.expected:
                self.expected[other, service_id] = None
        check = {"TTL": "1h", "Status": "critical", "CheckID": f"ttl-{self.number}"}
        body = {"Name": name, "ID": service_id, "Port": self.version, "Check": check}
        line.put("/v1/agent/service/register?replace-existing-checks", body)
        seen = self.instance(line, name, service_id)
        assert seen is not None
        # Registering again keeps the status that the check had.
        self.expected[name, service_id] = {"Port": self.version, "Checks": seen["Checks"]}
        for other in SERVICES:
            self.look(reading, other, service_id)

    def beat(self, line: Line, reading: list[Line]) -> None:
        """Set the agent's check, if it is registered."""
        for (name, service_id), known in self.expected.items():
            if known is not None and service_id.startswith("local"):
                word, status = self.random.choice(
                    [("pass", "passing"), ("warn", "warning"), ("fail", "critical")]
                )
                # The body is of no use to anybody, but must not cost the connection.
                line.put(f"/v1/agent/check/{word}/ttl-{self.number}", self.random.choice([None, {}]))
                known["Checks"] = [status]
                self.look(reading, name, service_id)
                return

    def share(self, line: Line, reading: list[Line]) -> None:
        """Write what all others write too: it goes one way, whoever comes last."""
        self.version += 1
        self.send(line, "node-shared", "shared", "shared", self.number * 1000 + self.version, "passing")
        for other in reading:
            (entry,) = other.get("/v1/health/service/shared").json
            assert entry["Service"]["ModifyIndex"] >= self.shared_index, "a write of somebody was undone"
            self.shared_index = entry["Service"]["ModifyIndex"]

    def send(self, line: Line, node: str, name: str, service_id: str, port: int, status: str) -> None:
        service = {"Service": name, "ID": service_id, "Port": port, "Tags": [f"t{port % 3}"]}
        check = {"CheckID": f"check:{service_id}", "ServiceID": service_id, "Status": status}
        body = {"Node": node, "Address": "10.0.0.1", "Service": service, "Check": check}
        line.put("/v1/catalog/register", body)

    # Reads

    def instance(self, line: Line, name: str, service_id: str) -> dict[str, Any] | None:
        """Return what a worker shows of an instance of this writer, None if it does not."""
        nodes = (OWN, f"node-{self.number}")
        found = [
            entry
            for entry in line.get(f"/v1/health/service/{name}").json
            if entry["Service"]["ID"] == service_id and entry["Node"]["Node"] in nodes
        ]
        assert len(found) <= 1
        if not found:
            return None
        statuses = [check["Status"] for check in found[0]["Checks"] if check["ServiceID"]]
        return {"Port": found[0]["Service"]["Port"], "Checks": statuses}

    def look(self, lines: list[Line], name: str, service_id: str) -> None:
        """Require that other workers show what has just been acknowledged."""
        for line in lines:
            seen = self.instance(line, name, service_id)
            assert seen == self.expected.get((name, service_id)), (
                f"a stale answer about {service_id} of {name}"
            )


def versions(seen: Seen) -> dict[tuple[str, str], int]:
    """Return the ModifyIndex of every instance in a health answer."""
    return {
        (entry["Node"]["Node"], entry["Service"]["ID"]): entry["Service"]["ModifyIndex"]
        for entry in seen.json
    }


def one_each(lines: dict[str, list[Line]]) -> list[Line]:
    """Return one connection to each worker."""
    return [own[0] for own in lines.values()]


def test_every_write_is_seen_by_every_worker_and_wakes_just_its_watchers(
    server: RegistryServer, connect: Connect
) -> None:
    asking = one_each(connect())[0]
    quiet = {"Node": "node-quiet", "Address": "10.0.0.1", "Service": {"Service": "quiet", "Port": 1}}
    asking.put("/v1/catalog/register", quiet)
    lines = connect(len(BUSY) + len(SLEEPERS))
    watchers = [
        Watcher(line, target)
        for own in lines.values()
        for line, target in zip(own, [*BUSY, *SLEEPERS], strict=True)
    ]
    writers = [Writer(one_each(connect()), number) for number in range(WRITERS)]
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            for running in [pool.submit(writer.run) for writer in writers]:
                running.result()
        assert_watchers_saw_all(asking, watchers)
        asking.put("/v1/catalog/register", quiet | {"Service": {"Service": "quiet", "Port": 2}})
        for watcher in watchers:
            if watcher.target in SLEEPERS[:3]:
                watcher.wait("the one change", lambda answers: len(answers) == 2)
                assert watcher.answers[1] == asking.get(watcher.target)
    finally:
        stop_all(watchers)
    before = final_answers(connect)
    assert_as_expected(before, writers)
    server.restart()
    assert final_answers(connect) == before


def assert_watchers_saw_all(asking: Line, watchers: list[Watcher]) -> None:
    """Require that who watched what was written to has its last state, and that the others sleep."""
    final = {target: asking.get(target) for target in BUSY}
    for watcher in watchers:
        if watcher.target in BUSY:
            last = final[watcher.target]
            watcher.wait("the last state", partial(ends_with, last))
            watcher.assert_every_answer_was_news()
            assert_nothing_went_back(watcher.answers)
        else:
            assert len(watcher.answers) == 1, f"{watcher.target} was woken by what did not concern it"
    for target in SLEEPERS:
        # An index from before all that went on elsewhere still waits.
        known = asking.get(target)
        assert asking.get(f"{target}?index={known.index}&wait=50ms") == known


def ends_with(last: Seen, answers: list[Seen]) -> bool:
    """Say whether this is the last of the answers."""
    return answers[-1] == last


def at_least(count: int, answers: list[Seen]) -> bool:
    """Say whether there are so many answers."""
    return len(answers) >= count


def assert_nothing_went_back(answers: list[Seen]) -> None:
    """Require that no instance was shown in an older state than before."""
    newest: dict[tuple[str, str], int] = {}
    for seen in answers:
        for instance, version in versions(seen).items():
            assert version >= newest.get(instance, 0), instance
            newest[instance] = version


def final_answers(connect: Connect) -> dict[str, Seen]:
    """Return the answers to everything, which all workers must agree on."""
    first, *others = one_each(connect())
    answers = {target: first.get(target) for target in ALL}
    for line in others:
        assert {target: line.get(target) for target in ALL} == answers
    return answers


def assert_as_expected(answers: dict[str, Seen], writers: list[Writer]) -> None:
    """Require that the writers' instances are there, and no others."""
    shown = {
        (name, entry["Node"]["Node"], entry["Service"]["ID"]): entry["Service"]["Port"]
        for name in SERVICES
        for entry in answers[f"/v1/health/service/{name}"].json
    }
    expected = {
        (name, OWN if service_id.startswith("local") else f"node-{writer.number}", service_id): known["Port"]
        for writer in writers
        for (name, service_id), known in writer.expected.items()
        if known is not None
    }
    assert shown == expected


Step = tuple[Callable[[Line], None], set[str]]


def test_watchers_in_all_workers_see_every_state_once(connect: Connect) -> None:
    """Writes that wait for those they concern: every watcher has one answer for each, and no other."""
    node, web, api = "/v1/catalog/node/step", "/v1/health/service/step-web", "/v1/health/service/step-api"
    checks, nodes = "/v1/health/node/step", "/v1/catalog/nodes"
    connects, states = "/v1/health/connect/step-web", "/v1/health/state/any"
    targets = [node, web, api, checks, nodes, connects, states]
    steps = list(steps_of(node, web, api, checks, nodes, connects, states))
    writing = one_each(connect())
    watchers = [
        Watcher(line, target)
        for own in connect(len(targets)).values()
        for line, target in zip(own, targets, strict=True)
    ]
    due = dict.fromkeys(targets, 1)
    try:
        for number, (write, concerned) in enumerate(steps):
            write(writing[number % WORKERS])
            for target in concerned:
                due[target] += 1
            for watcher in watchers:
                if watcher.target in concerned:
                    watcher.wait(f"one for step {number}", partial(at_least, due[watcher.target]))
        for watcher in watchers:
            assert len(watcher.answers) == due[watcher.target], f"{watcher.target} was answered without need"
            watcher.assert_every_answer_was_news()
        for target in targets:
            assert len({tuple(each.answers) for each in watchers if each.target == target}) == 1
    finally:
        stop_all(watchers)


def steps_of(
    node: str, web: str, api: str, checks: str, nodes: str, connect: str, states: str
) -> Iterator[Step]:
    """Return writes and the watchers whose answer each of them changes."""
    base = {"Node": "step", "Address": "10.0.0.1"}

    def register(**more: Any) -> Callable[[Line], None]:
        return lambda line: line.put("/v1/catalog/register", base | more)

    def remove(**what: str) -> Callable[[Line], None]:
        return lambda line: line.put("/v1/catalog/deregister", {"Node": "step"} | what)

    # An unknown node's checks are the empty list that a new node's are, so that watcher sleeps on.
    yield register(), {node, nodes}
    for port in (1, 2):
        yield register(Service={"Service": "step-web", "Port": port}), {node, web}
        yield register(Service={"Service": "step-web", "Port": port}), set()
    yield register(Service={"Service": "step-api"}), {node, api}
    yield register(Check={"CheckID": "level", "Status": "critical"}), {web, api, checks, states}
    yield register(Check={"CheckID": "level", "Status": "critical"}), set()
    yield (
        register(Check={"CheckID": "up", "ServiceID": "step-web", "Status": "passing"}),
        {web, checks, states},
    )
    proxy = {
        "Service": "p",
        "Kind": "connect-proxy",
        "Proxy": {"DestinationServiceName": "step-web"},
        "Port": 1,
    }
    yield register(Service=proxy), {node, connect}
    yield register(Address="10.0.0.2"), {node, nodes, web, api, connect}
    yield (
        register(Address="10.0.0.2", Check={"CheckID": "level", "Status": "passing"}),
        {*(web, api, connect, checks, states)},
    )
    yield remove(CheckID="level"), {web, api, connect, checks, states}
    yield remove(ServiceID="step-api"), {node, api}
    yield remove(ServiceID="step-api"), set()
    yield remove(), {node, nodes, web, connect, checks, states}


def test_conflicting_writes_from_all_workers_are_all_made(connect: Connect) -> None:
    """Everybody adds a service to one node while everybody changes that node: nothing is lost."""
    lines = one_each(connect())
    count = 20

    def add(number: int) -> None:
        for step in range(count):
            name = f"crowd-{number}-{step}"
            body = {"Node": "crowded", "Address": f"10.0.{number}.{step}", "Service": {"Service": name}}
            lines[number].put("/v1/catalog/register", body)

    with ThreadPoolExecutor(WORKERS) as pool:
        for running in [pool.submit(add, number) for number in range(WORKERS)]:
            running.result()
    expected = {f"crowd-{number}-{step}" for number in range(WORKERS) for step in range(count)}
    for line in lines:
        assert set(line.get("/v1/catalog/node/crowded").json["Services"]) == expected


def test_two_nodes_that_take_one_id_at_once_end_as_one(connect: Connect) -> None:
    lines = one_each(connect())

    def take(number: int, round_: int) -> None:
        node_id = f"dddddddd-0000-0000-0000-{round_:012}"
        body = {"Node": f"twin-{round_}-{number}", "Address": "10.0.0.1", "ID": node_id}
        lines[number].put("/v1/catalog/register", body)

    with ThreadPoolExecutor(WORKERS) as pool:
        for round_ in range(15):
            for running in [pool.submit(take, number, round_) for number in range(WORKERS)]:
                running.result()
    nodes = [node for node in lines[0].get("/v1/catalog/nodes").json if node["Node"].startswith("twin-")]
    assert len({node["ID"] for node in nodes}) == len(nodes) == 15
