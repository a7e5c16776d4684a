"""The bare server: the same server under the same settings, whose application answers one constant.

What it reaches is the limit of the stack: no application on it can answer more. It is started as
``python -m bench.bare PORT WORKERS ANSWER``, where ANSWER is a file that `write_answer` has made.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from registry.config import load
from registry.serve.process import die_with_parent, raise_file_limit
from registry.serve.scheduling import interrupt_nobody

SWITCH_INTERVAL_S = 0.0005
"""As in the workers of the registry, like every other setting here."""

ADDED_BY_SERVER = frozenset((b"server", b"date", b"content-length", b"connection", b"transfer-encoding"))

Headers = list[tuple[bytes, bytes]]


def write_answer(path: Path, headers: Headers, body: bytes) -> None:
    """Write the constant to answer: headers as a client received them, and the body."""
    kept = [pair for pair in headers if pair[0].lower() not in ADDED_BY_SERVER]
    path.write_bytes(msgspec.msgpack.encode((kept, body)))


def main(port: int, workers: int, answer: Path) -> None:
    """Serve from this many processes until SIGTERM."""
    raise_file_limit()
    parent = os.getpid()
    children = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            die_with_parent(parent)
            interrupt_nobody()
            uvloop.run(_serve(port, answer))
            os._exit(0)
        children.append(pid)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for pid in children:
        os.waitpid(pid, 0)


async def _serve(port: int, path: Path) -> None:
    headers, body = msgspec.msgpack.decode(path.read_bytes(), type=tuple[Headers, bytes])
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    end = {"type": "http.response.body", "body": body}

    async def answer(_: Any, __: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        await send(start)
        await send(end)

    settings = load({"http_addr": f"127.0.0.1:{port}"}, {})
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()
    server = Server(
        answer,
        address=settings.http_addr.host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=settings.backlog,
        backpressure=settings.max_connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=int(settings.keep_alive * 1000), max_buffer_size=65536
        ),
        log_level=LogLevels.error,
        log_enabled=False,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
