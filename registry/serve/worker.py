"""A worker: one process that serves the port from its own copy of the catalog.

Granian runs embedded in the worker's own event loop, so that starting, readiness and stopping are
ours: the port is opened when the catalog has been loaded, and on SIGTERM the parked requests are
answered before the server waits for the rest.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from registry.api.files import Definitions
from registry.api.routes import ROUTES
from registry.api.world import API_VERSION, World
from registry.asgi import App
from registry.catalog.views import Views
from registry.config import Settings, reload
from registry.http.routing import Router
from registry.observe import logs
from registry.replica import Replica
from registry.replica.own_node import Identity
from registry.serve.definitions import read_definitions
from registry.serve.duties import Duties, register_definitions
from registry.serve.process import keep_alive, listening_socket
from registry.serve.scheduling import interrupt_nobody
from registry.serve.warmth import Warmth
from registry.store.beats import beat_clock, beat_hash, own_table
from registry.store.engine import Limits
from registry.store.errors import StoreError
from registry.store.integrity import mark_created
from registry.store.layout import DataFolder
from registry.store.local import LocalStore

logger = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""How soon the writer thread gets the interpreter from a busy loop; 5 ms is Python's default."""

LISTEN_WITHIN_S = 10.0
CAN_NOT_START = 3
"""Exit status of a worker that could not open the data or the port."""


def run_worker(
    settings: Settings, definitions: Definitions | None, supervisor: int, ready: Callable[[], None]
) -> int:
    """Serve until SIGTERM and return the exit status; call it in a freshly forked process.

    Args:
        settings: as the supervisor loaded them.
        definitions: what it read from the definition files.
        supervisor: its process id.
        ready: called once requests are answered.
    """
    logs.configure(settings.log_level, f"worker {os.getpid()}")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.unfreeze()
    return uvloop.run(_Worker(settings, definitions, supervisor, ready).run())


class _Worker:
    def __init__(
        self, settings: Settings, definitions: Definitions | None, supervisor: int, ready: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._definitions = definitions
        self._supervisor = supervisor
        self._ready = ready
        self._stop = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        settings = self._settings
        folder = DataFolder(Path(settings.data_dir))
        limits = Limits(settings.map_size, settings.max_size, settings.log_max_entries, settings.log_max_age)
        try:
            store = LocalStore(folder, limits, settings.commit_batch_max, loop)
            replica = Replica(store, lambda topics: app.changed(topics))
            replica.load()
        except StoreError as error:
            logger.error("%s", error)
            return CAN_NOT_START
        # Until here SIGTERM ends the process at once: there is nothing to finish, and loading takes long.
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        mark_created(folder)
        beats = own_table(folder.run)
        world = World(
            settings=settings,
            store=store,
            replica=replica,
            views=Views(settings.datacenter),
            started_s=time.time(),
            now_s=time.time,
            beat=lambda check_key: beats.beat(beat_hash(check_key), beat_clock()),
            leave=lambda: os.kill(self._supervisor, signal.SIGTERM),
            reload=self._reload,
        )
        app = App(world, Router(ROUTES), settings, store.read_counter, loop)
        store.on_commit_elsewhere(replica.catch_up)
        identity = Identity(settings.node_name, settings.node_address, API_VERSION)
        duties = Duties(store, replica, identity, settings.warn_size, lambda: str(uuid.uuid4()))
        try:
            await duties.ensure_own_node()
        except StoreError as error:
            # A full store still answers reads; the node is put right when there is room.
            logger.error("the own node could not be registered: %s", error)
        await register_definitions(replica, settings, self._definitions)
        warmth = Warmth(folder, app)
        await warmth.restore()
        status = await self._serve(app, duties, warmth)
        store.close()
        return status

    async def _serve(self, app: App, duties: Duties, warmth: Warmth) -> int:
        if self._settings.scheduling == "batch":
            # Not for the store's thread, which is there already: lookups would keep it from writing.
            interrupt_nobody()
        server = _server(self._settings, app)
        serving = asyncio.create_task(server.serve())
        listener = await self._listening(serving)
        if listener is None:
            return CAN_NOT_START
        keep_alive(listener, self._settings.write_timeout)
        listener.close()
        running = [asyncio.create_task(duty) for duty in (*duties.all(), warmth.keep())]
        self._ready()
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            logger.error("the server ended by itself: %s", serving.exception())
            return CAN_NOT_START
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        server.stop()  # type: ignore[no-untyped-call]
        await app.watchers.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(serving, self._settings.drain_timeout)
        warmth.save()
        return 0

    async def _listening(self, serving: "asyncio.Task[None]") -> socket.socket | None:
        deadline = time.monotonic() + LISTEN_WITHIN_S
        while not serving.done() and time.monotonic() < deadline:
            listener = listening_socket(self._settings.http_addr.port)
            if listener is not None:
                return listener
            await asyncio.sleep(0.005)
        logger.error("the server does not listen on %s", self._settings.http_addr)
        return None

    def _reload(self) -> None:
        # What is wrong is reported to who asked, not met by new workers.
        read_definitions(reload(self._settings))
        os.kill(self._supervisor, signal.SIGHUP)


def _server(settings: Settings, app: App) -> Server:
    return Server(
        app.__call__,  # bound once, not looked up for every request
        address=settings.http_addr.host,
        port=settings.http_addr.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.auto if settings.http_mode == "auto" else HTTPModes.http1,
        websockets=False,
        backlog=settings.backlog,
        backpressure=settings.max_connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=int(settings.keep_alive * 1000), max_buffer_size=65536
        ),
        log_level=LogLevels.error,
        log_enabled=False,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
