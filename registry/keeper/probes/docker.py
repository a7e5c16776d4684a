"""Docker checks: a program in a container, started through the engine's API on its unix socket."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_plus

from registry.keeper.probes.definition import PROGRAM_TIMEOUT_NS, Definition, output_limit, timeout_ns
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.http1 import Exchange
from registry.keeper.probes.http_request import USER_AGENT, HttpRequest
from registry.keeper.probes.http_url import HttpUrl
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.script import refuse_scripts, status_of, timed_out
from registry.keeper.probes.stream import open_unix_stream
from registry.keeper.probes.tail import Tail
from registry.keeper.probes.tools import Tools
from registry.wire.duration import SECOND

ANSWER_BYTES = 64 * 1024
"""Most that is kept of an answer of the engine itself."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What Docker takes as the name or ID of a container or of a program in it."""

T = TypeVar("T")

_CREATED, _OK, _NOT_FOUND, _CONFLICT = 201, 200, 404, 409


class DockerProbe:
    """Runs a program in a container.

    Raises:
        ProbeFailed: this check may not run programs now, or the container's name can't be one.
    """

    def __init__(self, definition: Definition, tools: Tools) -> None:
        refuse_scripts(definition, tools.options)
        self._args: list[str] = definition["ScriptArgs"]
        self._container: str = definition["DockerContainerID"]
        if not _NAME.fullmatch(self._container):
            raise ProbeFailed(f"create exec failed for unknown container {self._container}")
        self._engine = _Engine(tools.options.docker_socket)
        self.place = f"docker {tools.options.docker_socket}"
        self._timeout_ns = timeout_ns(definition, PROGRAM_TIMEOUT_NS)
        self._limit = output_limit(definition, tools.options)
        self._tools = tools

    async def once(self) -> Outcome:
        """Run it once. The engine has no way to end a program that takes too long; it runs on."""
        output = Tail(self._limit)
        deadline = self._tools.deadline(self._timeout_ns / SECOND)
        try:
            async with deadline:
                program = await self._create()
                await self._start(program, output)
                code = await self._inspect(program)
        except TimeoutError:
            return failed(timed_out(self._timeout_ns, deadline, output))
        except ProbeFailed as failure:
            return failed(failure)
        return Outcome(status_of(code), output.announced)

    async def _create(self) -> str:
        asked = {
            "AttachStdin": False,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": False,
            "Cmd": self._args,
        }
        answer = Tail(ANSWER_BYTES)
        try:
            status = await self._engine.call("POST", f"/containers/{self._container}/exec", asked, answer)
        except ProbeFailed as failure:
            raise ProbeFailed(f"create exec failed for container {self._container}: {failure}") from None
        if status == _NOT_FOUND:
            raise ProbeFailed(f"create exec failed for unknown container {self._container}")
        self._refuse("create", status, _CREATED, answer)
        program = self._read("create", answer, "Id", str)
        if not _NAME.fullmatch(program):
            raise ProbeFailed(self._unreadable("create", f"{program!r} can't be an ID"))
        return program

    async def _start(self, program: str, output: Tail) -> None:
        # With Tty the engine sends the output as it is; the program itself gets a terminal only from
        # its creation.
        answer = Tail(ANSWER_BYTES)
        try:
            asked = {"Detach": False, "Tty": True}
            status = await self._engine.call("POST", f"/exec/{program}/start", asked, answer, output)
        except ProbeFailed as failure:
            raise ProbeFailed(f"start exec failed for container {self._container}: {failure}") from None
        self._refuse("start", status, _OK, answer)

    async def _inspect(self, program: str) -> int:
        answer = Tail(ANSWER_BYTES)
        try:
            status = await self._engine.call("GET", f"/exec/{program}/json", None, answer)
        except ProbeFailed as failure:
            raise ProbeFailed(f"inspect exec failed for container {self._container}: {failure}") from None
        self._refuse("inspect", status, _OK, answer)
        return self._read("inspect", answer, "ExitCode", int)

    def _refuse(self, step: str, status: int, wanted: int, answer: Tail) -> None:
        if status == _CONFLICT:
            raise ProbeFailed(f"{step} exec failed since container {self._container} is paused or stopped")
        if status != wanted:
            text = f"{step} exec failed for container {self._container} with status {status}"
            raise ProbeFailed(f"{text}: {answer.kept[: self._limit]}")

    def _read(self, step: str, answer: Tail, field: str, kind: type[T]) -> T:
        try:
            value = json.loads(answer.kept)[field]
        except (ValueError, LookupError, TypeError) as error:
            raise ProbeFailed(self._unreadable(step, repr(error))) from None
        if not isinstance(value, kind):
            raise ProbeFailed(self._unreadable(step, f"{field} is {value!r:.100}"))
        return value

    def _unreadable(self, step: str, why: str) -> str:
        return f"{step} exec response for container {self._container} cannot be parsed: {why}"


class _Engine:
    """The engine's API, one connection for each call."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)

    async def call(
        self,
        method: str,
        path: str,
        asked: Mapping[str, Any] | None,
        answer: Tail,
        output: Tail | None = None,
    ) -> int:
        """Ask, fill in the answer's body, and return its status.

        Args:
            method: GET or POST.
            path: what to call; without a query.
            asked: the body, sent as JSON; None for none.
            answer: takes the answer's body.
            output: takes it instead, if the status is 200.

        Raises:
            ProbeFailed: the engine can't be reached.
        """
        try:
            with await open_unix_stream(self._socket) as stream:
                exchange = Exchange(stream, _request(method, path, asked))
                await exchange.head()
                into = output if output is not None and exchange.status == _OK else answer
                while data := await exchange.more():
                    into.add(data)
        except ProbeFailed as failure:
            host = quote_plus(self._socket)
            raise ProbeFailed(f'{method.capitalize()} "http://{host}{path}": {failure}') from None
        return exchange.status


def _request(method: str, path: str, asked: Mapping[str, Any] | None) -> HttpRequest:
    return HttpRequest(
        method=method,
        url=HttpUrl.parse(f"http://docker{path}"),
        headers=(("Content-Type", "application/json"),) if asked is not None else (),
        host="docker",
        agent=USER_AGENT,
        body=b"" if asked is None else json.dumps(asked).encode(),
    )
