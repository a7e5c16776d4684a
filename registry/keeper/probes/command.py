"""Running one program on this machine, with an end to it."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from typing import cast

from registry.keeper.probes.failure import ProbeFailed, reason
from registry.keeper.probes.tail import Tail
from registry.wire.quote import quote

_OURS = "REGISTRY_"
"""Our settings in the environment, which may hold secrets and are nobody else's business."""


class _Listener(asyncio.SubprocessProtocol):
    """Keeps the end of the output, and notices the end of the program."""

    def __init__(self, output: Tail) -> None:
        self._output = output
        self._transport: asyncio.SubprocessTransport | None = None
        self._given_up = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._output.add(data)

    def process_exited(self) -> None:
        if self._given_up and self._transport is not None:
            self._transport.close()  # what has left the group may hold the pipe open for ever

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def give_up(self) -> None:
        """Kill the program and all of its group; it is collected when it has died."""
        assert self._transport is not None, "only what was started is given up"
        self._given_up = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._transport.get_pid(), signal.SIGKILL)
        if self._transport.get_returncode() is not None:
            self._transport.close()


async def run_command(args: Sequence[str], output: Tail, timeout_s: float) -> int:
    """Run a program without input, in a process group of its own, and return its exit status.

    The status of one that was ended by a signal is negative. It has ended when it has exited and its
    output is closed, by its children too. On a timeout and on cancellation the group is killed.

    Args:
        args: the program, looked up in PATH unless it has a slash, and its arguments.
        output: takes what it writes, stdout and stderr alike.
        timeout_s: how long it may take, in seconds.

    Raises:
        ProbeFailed: it can't be started; Go's text for it.
        TimeoutError: it did not end in time.
    """
    program = args[0]
    if program and "/" not in program and shutil.which(program) is None:
        raise ProbeFailed(f"exec: {quote(program)}: executable file not found in $PATH")
    if any("\0" in arg for arg in args):
        raise ProbeFailed(f"fork/exec {program}: invalid argument")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        try:
            transport, listener = await loop.subprocess_exec(
                lambda: _Listener(output),
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
        try:
            await listener.done
        except BaseException:
            listener.give_up()
            raise
    status = transport.get_returncode()
    assert status is not None, "a connection is lost after its program has exited"
    return status
