"""Docker checks. There is no engine here, so a stand-in speaks the three calls of its API that they need."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from probes.support import TIMEOUT, hang, probe, run, unix_target
from registry.keeper.probes import Outcome


class StandIn:
    """Knows one container, ``c1``, and what the program in it will do."""

    def __init__(self, output: bytes = b"out\n", code: Any = 0) -> None:
        self.output = output
        self.code = code
        self.asked: list[Any] = []
        self.statuses: dict[str, int] = {}
        self.stuck = False

    async def create(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if request.match_info["id"] != "c1":
            return web.json_response({"message": "No such container"}, status=404)
        return web.json_response({"Id": "e1"}, status=self.statuses.get("create", 201))

    async def start(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        assert request.match_info["id"] == "e1"
        if "start" in self.statuses:
            return web.Response(text="why", status=self.statuses["start"])
        answer = web.StreamResponse(headers={"Content-Type": "application/vnd.docker.raw-stream"})
        await answer.prepare(request)
        await answer.write(self.output)
        if self.stuck:
            await asyncio.sleep(600)
        return answer

    async def inspect(self, request: web.Request) -> web.Response:
        return web.json_response({"ExitCode": self.code}, status=self.statuses.get("inspect", 200))

    async def run(self, path: Path, definition: dict[str, Any]) -> Outcome:
        app = web.Application()
        app.router.add_post("/containers/{id}/exec", self.create)
        app.router.add_post("/exec/{id}/start", self.start)
        app.router.add_get("/exec/{id}/json", self.inspect)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(path)).start()
            return await probe(definition, allow_scripts=True, docker_socket=path)
        finally:
            await runner.cleanup()


def check(stand_in: StandIn, path: Path, container: str = "c1", **more: Any) -> Outcome:
    definition = {"DockerContainerID": container, "ScriptArgs": ["/check", "-x"], **more}
    return run(stand_in.run(path / "docker.sock", definition))


@pytest.mark.parametrize(
    ("code", "status"), [(0, "passing"), (1, "warning"), (2, "critical"), (137, "critical")]
)
def test_exit_status_with_a_stand_in_for_the_engine(code: int, status: str, tmp_path: Path) -> None:
    stand_in = StandIn(b"out\nerr\n", code)
    assert check(stand_in, tmp_path) == Outcome(status, "out\nerr\n")
    assert stand_in.asked[0]["Cmd"] == ["/check", "-x"]
    assert stand_in.asked[1] == {"Detach": False, "Tty": True}


def test_the_end_of_the_output_is_kept_with_a_stand_in_for_the_engine(tmp_path: Path) -> None:
    found = check(StandIn(b"x" * 100_000 + b"end"), tmp_path, OutputMaxSize=10)
    assert found.output == "Captured 10 of 100003 bytes\n...\nxxxxxxxend"


@pytest.mark.parametrize(
    ("step", "status", "text"),
    [
        ("create", 409, "create exec failed since container c1 is paused or stopped"),
        ("create", 500, 'create exec failed for container c1 with status 500: {"Id": "e1"}'),
        ("start", 409, "start exec failed since container c1 is paused or stopped"),
        ("start", 500, "start exec failed for container c1 with status 500: why"),
        ("inspect", 500, 'inspect exec failed for container c1 with status 500: {"ExitCode": 0}'),
    ],
)
def test_errors_with_a_stand_in_for_the_engine(step: str, status: int, text: str, tmp_path: Path) -> None:
    stand_in = StandIn()
    stand_in.statuses[step] = status
    assert check(stand_in, tmp_path) == Outcome("critical", text)


def test_unknown_containers_with_a_stand_in_for_the_engine(tmp_path: Path) -> None:
    stand_in = StandIn()
    text = "create exec failed for unknown container c2"
    assert check(stand_in, tmp_path, "c2") == Outcome("critical", text)
    asked = len(stand_in.asked)
    for name in ("../images", "c1/../../exec/e1", "c1?x", "c 1", "c1\r\nX: y", ".."):
        assert check(stand_in, tmp_path, name).output == f"create exec failed for unknown container {name}"
    assert len(stand_in.asked) == asked, "such names are not sent to the engine"


def test_answers_that_are_none_with_a_stand_in_for_the_engine(tmp_path: Path) -> None:
    found = check(StandIn(code="zero"), tmp_path)
    assert found.output == ("inspect exec response for container c1 cannot be parsed: ExitCode is 'zero'")


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nonsense", b'{"Id": "../x"}', b"\xff"])
def test_ids_that_are_none_with_a_stand_in_for_the_engine(body: bytes, tmp_path: Path) -> None:
    async def create(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n" + body)

    async def main() -> Outcome:
        path = tmp_path / "docker.sock"
        async with unix_target(create, path):
            definition = {"DockerContainerID": "c1", "ScriptArgs": ["x"]}
            return await probe(definition, allow_scripts=True, docker_socket=path)

    assert run(main()).output.startswith("create exec response for container c1 cannot be parsed: ")


def test_timeout_with_a_stand_in_for_the_engine(tmp_path: Path) -> None:
    stand_in = StandIn(b"so far\n")
    stand_in.stuck = True
    found = check(stand_in, tmp_path, Timeout=TIMEOUT)
    assert found == Outcome("critical", "Timed out (300ms) running check\n\nso far\n")

    async def main() -> Outcome:
        path = tmp_path / "deaf.sock"
        async with unix_target(hang, path):
            definition = {"DockerContainerID": "c1", "ScriptArgs": ["x"], "Timeout": TIMEOUT}
            return await probe(definition, allow_scripts=True, docker_socket=path)

    assert run(main()) == Outcome("critical", "Timed out (300ms) running check")


def test_no_engine() -> None:
    definition = {"DockerContainerID": "c1", "ScriptArgs": ["x"]}
    path = Path("/nowhere/docker.sock")
    found = run(probe(definition, allow_scripts=True, docker_socket=path))
    url = "http://%2Fnowhere%2Fdocker.sock/containers/c1/exec"
    why = f'Post "{url}": dial unix /nowhere/docker.sock: connect: no such file or directory'
    assert found == Outcome("critical", f"create exec failed for container c1: {why}")
