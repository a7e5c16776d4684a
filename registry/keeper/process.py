"""The keeper's process: opened, locked, loaded, and ended like a worker, without serving the port."""

import asyncio
import fcntl
import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from registry.config import Settings
from registry.config.scripts import api_scripts, file_scripts
from registry.keeper.flapping import FlapRule
from registry.keeper.guard import GuardRules
from registry.keeper.history import Recorder
from registry.keeper.keeper import Keeper
from registry.keeper.probes import AddressPolicy, Options, Tools
from registry.keeper.pulse import Pulses
from registry.keeper.warden import Warden
from registry.observe import figures, logs
from registry.replica import CheckWritten, Replica
from registry.store.beats import Beats
from registry.store.engine import Limits
from registry.store.errors import StoreError
from registry.store.layout import FILE_MODE, DataFolder
from registry.store.local import LocalStore

logger = logging.getLogger(__name__)

TICK_S = 0.05
LOOK_AROUND_EVERY_S = 30.0
ADD_UP_EVERY_S, ADD_UP_AGAIN_AFTER_S = 30.0, 0.2
CAN_NOT_START = 3


def run_keeper(settings: Settings, ready: Callable[[], None]) -> int:
    """Run the checks until SIGTERM and return the exit status; call it in a freshly forked process."""
    logs.configure(settings.log_level, f"keeper {os.getpid()}")
    gc.unfreeze()
    return uvloop.run(_run(settings, ready))


async def _run(settings: Settings, ready: Callable[[], None]) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    folder = DataFolder(Path(settings.data_dir))
    lock = _only_one(folder)
    if lock is None:
        return CAN_NOT_START
    limits = Limits(settings.map_size, settings.max_size, settings.log_max_entries, settings.log_max_age)
    try:
        store = LocalStore(folder, limits, settings.commit_batch_max, loop)
        replica = Replica(store, lambda topics: load() if topics is None else None)
        replica.load()
    except StoreError as error:
        logger.error("%s", error)
        return CAN_NOT_START
    # Until here SIGTERM ends the process at once: there is nothing to finish, and loading takes long.
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    beats = Beats(folder.run)
    pulses = Pulses(folder.run, settings.check_late_after)
    recorder = Recorder(store, settings.check_history, _now_ms, loop)

    def load() -> None:
        keeper.load()
        recorder.reconcile(replica.catalog)

    def checks_written(written: list[CheckWritten]) -> None:
        keeper.rows_changed({each.key for each in written})
        recorder.take(written)

    async with Tools(_options(settings)) as tools:
        warden = Warden(replica, _guard_rules(settings), loop.time, _now_ms)
        output_every_s = settings.check_output_interval
        flaps = FlapRule(settings.flap_threshold, settings.flap_window, settings.flap_calm)
        keeper = Keeper(
            replica, settings.node_name, beats, tools, pulses, output_every_s, warden, flaps, loop
        )
        load()
        replica.on_checks(checks_written)
        store.on_commit_elsewhere(replica.catch_up)
        duties = [
            loop.create_task(keeper.reap()),
            loop.create_task(warden.run()),
            loop.create_task(keeper.look_around(LOOK_AROUND_EVERY_S)),
            loop.create_task(_catch_up(replica)),
            loop.create_task(_add_up(folder.run)),
        ]
        ready()
        await stop.wait()
        keeper.stop()
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
    await recorder.close()
    store.close()
    pulses.close()
    beats.close()
    os.close(lock)
    return 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _options(settings: Settings) -> Options:
    return Options(
        addresses=AddressPolicy(
            allow_loopback=settings.check_loopback == "allow",
            allow_private=settings.check_private == "allow",
            allow_link_local=settings.check_link_local == "allow",
        ),
        allow_scripts=api_scripts(settings),
        allow_file_scripts=file_scripts(settings),
        follow_redirects=settings.check_redirects == "follow",
        max_output_bytes=settings.max_output_bytes,
        max_probes=settings.max_probes,
        max_probes_per_target=settings.max_probes_per_target,
        docker_socket=settings.docker_socket,
        max_kept_connections=settings.max_kept_connections,
    )


def _guard_rules(settings: Settings) -> GuardRules:
    return GuardRules(
        settings.guard_share, settings.guard_window, settings.guard_limit, settings.guard_min_instances
    )


async def _catch_up(replica: Replica) -> None:
    """Look for changes whose wake-up was lost."""
    while True:
        await asyncio.sleep(TICK_S)
        replica.catch_up()


async def _add_up(run: Path) -> None:
    """Add up what dead processes counted, now and again and again."""
    while True:
        try:
            figures.add_up_dead(run)
        except BlockingIOError:
            await asyncio.sleep(ADD_UP_AGAIN_AFTER_S)
            continue
        except (OSError, RuntimeError) as error:  # the library's error for a file that is damaged
            logger.warning("the metrics of dead processes could not be added up: %s", error)
        await asyncio.sleep(ADD_UP_EVERY_S)


def _only_one(folder: DataFolder) -> int | None:
    """Take the keeper's lock; None when another keeper of this data folder has it."""
    fd = os.open(folder.root / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.error("another keeper runs the checks of %s", folder.root)
        os.close(fd)
        return None
    return fd
