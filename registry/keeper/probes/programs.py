"""Running programs on this machine, with an end to each."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from typing import cast

from registry.keeper.probes.deadline import Deadline
from registry.keeper.probes.failure import ProbeFailed, reason
from registry.keeper.probes.tail import Tail
from registry.wire.quote import quote

DYING_S = 2.0
"""How long those that were killed at the end may take to die."""

_OURS = "REGISTRY_"
"""Our settings in the environment, which may hold secrets and are nobody else's business."""


class Programs:
    """Runs programs, each in a process group of its own; `close` ends all of them."""

    def __init__(self) -> None:
        self._running: set[_Listener] = set()

    async def run(self, args: Sequence[str], output: Tail, deadline: Deadline) -> int:
        """Run a program without input and return its exit status, a negative one if a signal ended it.

        It has ended when it has exited and its output is closed, by its children too. On a timeout
        and on cancellation its group is killed.

        Args:
            args: the program, looked up in PATH unless it has a slash, and its arguments.
            output: takes what it writes, stdout and stderr alike.
            deadline: until when.

        Raises:
            ProbeFailed: it can't be started; Go's text for it.
            TimeoutError: it did not end in time.
        """
        listener = _Listener(output)
        self._running.add(listener)
        listener.ended.add_done_callback(lambda _: self._running.discard(listener))
        try:
            async with deadline:
                await _start(args, listener)
                return await asyncio.shield(listener.ended)
        except BaseException:
            listener.give_up()
            raise

    async def close(self) -> None:
        """Kill what still runs, and wait until it has died."""
        for listener in list(self._running):
            listener.give_up()
        if self._running:
            await asyncio.wait([listener.ended for listener in self._running], timeout=DYING_S)


class _Listener(asyncio.SubprocessProtocol):
    """Keeps the end of a program's output, and notices its end.

    Attributes:
        ended: becomes the exit status.
    """

    def __init__(self, output: Tail) -> None:
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._output = output
        self._transport: asyncio.SubprocessTransport | None = None
        self._given_up = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        if self._given_up:
            self.give_up()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._output.add(data)

    def process_exited(self) -> None:
        if self._given_up and self._transport is not None:
            self._transport.close()  # what has left the group may hold the pipe open for ever

    def connection_lost(self, exc: Exception | None) -> None:
        status = self._transport.get_returncode() if self._transport is not None else None
        if not self.ended.done():
            self.ended.set_result(-signal.SIGKILL if status is None else status)

    def give_up(self) -> None:
        """Kill the program and its group; `ended` says when it has died."""
        self._given_up = True
        if self._transport is None:
            self.ended.cancel()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._transport.get_pid(), signal.SIGKILL)
        if self._transport.get_returncode() is not None:
            self._transport.close()


async def _start(args: Sequence[str], listener: _Listener) -> None:
    program = args[0]
    if program and "/" not in program and shutil.which(program) is None:
        raise ProbeFailed(f"exec: {quote(program)}: executable file not found in $PATH")
    if any("\0" in arg for arg in args):
        raise ProbeFailed(f"fork/exec {program}: invalid argument")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: listener,
            *args,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env=environ,
        )
    except (OSError, ValueError) as error:
        text = reason(error) if isinstance(error, OSError) else "invalid argument"
        raise ProbeFailed(f"fork/exec {program}: {text}") from None
