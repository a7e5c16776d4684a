"""The supervisor: takes the data folder, starts the workers and the keeper, replaces whoever dies.

Guarantees
    - One registry a data folder (a lock that the kernel lets go of) and one a port.
    - A worker that dies is replaced, and the others never notice; one that dies again and again is
      replaced more and more slowly, up to `BACKOFF_MAX_S`. Only a first start that fails ends the
      registry.
    - SIGTERM and SIGINT stop it within ``drain_timeout`` and two seconds, whatever clients do.
    - SIGHUP reads the settings again and replaces the workers one by one, each only after its
      successor answers requests.

Rejected
    - Granian's own process manager: it ends the service when a worker dies twice within 5.5 s, stops
      an old worker after a fixed time whether or not the new one is ready, and keeps half-open
      connections from ending a stop.
"""

import contextlib
import logging
import os
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from registry.config import SettingError, Settings, reload
from registry.config.scripts import warning
from registry.observe import figures, logs
from registry.serve.definitions import read_definitions, summary
from registry.serve.process import no_core_dumps, port_problem, raise_file_limit, settle_in
from registry.store import integrity
from registry.store.errors import StoreError
from registry.store.layout import DataFolder

if TYPE_CHECKING:
    from registry.api.files import Definitions

logger = logging.getLogger(__name__)

BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 5.0
STABLE_AFTER_S = 5.0
"""A worker that has run this long starts afresh with the shortest back-off."""

STOP_MARGIN_S = 1.0
"""Past ``drain_timeout`` plus this, a worker that still runs is killed."""

FAILED = 1

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


WORKER, KEEPER = "worker", "keeper"


class Worker:
    """A worker's or the keeper's process as the supervisor sees it.

    Attributes:
        role: `WORKER` or `KEEPER`.
        pid: its process.
        pipe: becomes readable when it is ready (one byte) or gone (end of file).
        born: monotonic time of its start.
        ready: whether it answers requests.
        leaving: whether it has been told to end.
    """

    def __init__(self, role: str, pid: int, pipe: int) -> None:
        self.role = role
        self.pid = pid
        self.pipe = pipe
        self.born = time.monotonic()
        self.ready = False
        self.leaving = False


def run(settings: Settings) -> int:
    """Serve until told to stop and return the exit status: 0 after a clean stop, 1 when it can't start.

    Raises:
        SettingError: a definition file is wrong; nothing has been started or made by then.
    """
    logs.configure(settings.log_level, "registry")
    definitions = read_definitions(settings)
    _warn(settings)
    raise_file_limit()
    no_core_dumps()
    folder = DataFolder(Path(settings.data_dir))
    try:
        folder.prepare()
        held = folder.hold()
        whole = integrity.check(folder)
    except StoreError as error:
        print(f"registry: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(
            f"registry: can't use the data folder {folder.root}: {error}; make it a folder that this user "
            "may write to, or choose another --data-dir",
            file=sys.stderr,
        )
        return FAILED
    # Only now, as whoever held the folder before may have listened until it let go.
    problem = port_problem(settings.http_addr)
    if problem:
        print(f"registry: {problem}", file=sys.stderr)
        return FAILED
    folder.clear_sockets()
    figures.use(folder.run)
    try:
        return _serve(Supervisor(settings, definitions), folder, whole)
    finally:
        os.close(held)


def _serve(supervisor: "Supervisor", folder: DataFolder, whole: bool) -> int:
    """Serve until told to stop; ``whole`` says that all of the data has been looked at."""
    status = supervisor.run()
    if status == 0 and supervisor.all_ended_well:
        integrity.note_closed(folder)
    if status == FAILED and not whole:
        try:
            integrity.check(folder)
        except (StoreError, OSError) as error:
            print(f"registry: {error}", file=sys.stderr)
    return status


class Supervisor:
    """Runs the workers of one registry until a signal ends it.

    Attributes:
        all_ended_well: no process that was told to end had to be killed or failed in it, but for those
            that were still loading.
    """

    def __init__(self, settings: Settings, definitions: "Definitions | None") -> None:
        self._settings = settings
        self._definitions = definitions
        self._run_folder = DataFolder(settings.data_dir).run
        self._workers: list[Worker] = []
        self._backoff = BACKOFF_MIN_S
        self._stopping = False
        self._hang_up = False
        self.all_ended_well = True
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> int:
        """Start, supervise, stop; return the exit status."""
        with self._signals():
            for _ in range(self._settings.workers):
                self._spawn(WORKER)
            if not self._first_start():
                return self._stop(FAILED)
            if not self._stopping:
                # Only now, as it loads the data too, which would put the first answer off.
                self._spawn(KEEPER)
                self._announce()
            while not self._stopping:
                self._wait(timeout=None)
                if self._hang_up:
                    self._reload()
                self._replace_dead()
            logger.info("stopping")
            return self._stop(0)

    # Starting

    def _missing(self) -> list[str]:
        """Return the roles of the processes that should run and do not."""
        wanted = Counter({KEEPER: 1, WORKER: self._settings.workers})
        return list((wanted - Counter(worker.role for worker in self._workers)).elements())

    def _spawn(self, role: str) -> Worker:
        reading, writing = os.pipe()
        supervisor = os.getpid()
        sys.stdout.flush()
        # A signal that came before the new process has its own handlers would be lost in ours.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._be(role, supervisor, writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        os.close(writing)
        worker = Worker(role, pid, reading)
        self._workers.append(worker)
        return worker

    def _be(self, role: str, supervisor: int, pipe: int) -> None:
        """Become a worker or the keeper in the freshly forked process; never returns."""
        status = FAILED
        try:
            signal.set_wakeup_fd(-1)
            for number in HANDLED:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
            for fd in (self._wake_read, self._wake_write, *(other.pipe for other in self._workers)):
                os.close(fd)
            settle_in(role, supervisor)

            def ready() -> None:
                os.write(pipe, b"R")

            # What only one of them needs is loaded only there: the supervisor stays small.
            if role == KEEPER:
                figures.prepare(self._run_folder)
                from registry.keeper.process import run_keeper

                status = run_keeper(self._settings, ready)
            else:
                from registry.serve.worker import run_worker

                status = run_worker(self._settings, self._definitions, supervisor, ready)
        except BaseException:
            traceback.print_exc()
        finally:
            _end_process(status)

    def _first_start(self) -> bool:
        """Wait until all workers answer requests; say whether they do."""
        while not self._stopping and not all(worker.ready for worker in self._workers):
            gone = self._wait(timeout=None)
            if gone:
                return False
        return True

    def _announce(self) -> None:
        settings = self._settings
        scheme = "https" if settings.tls_cert else "http"
        lines = [
            f"fr0g-ai-registry answers on {scheme}://{settings.http_addr}",
            f"  data     {Path(settings.data_dir).resolve()}",
            f"  workers  {settings.workers}",
            f"  node     {settings.node_name} in {settings.datacenter}",
            f"  try      curl {scheme}://{settings.http_addr}/v1/catalog/services",
        ]
        if self._definitions is not None:
            lines.append(f"  files    {summary(self._definitions)} of {settings.definitions_dir}")
        print("\n".join([*lines, *warning(settings)]), flush=True)

    # Supervising

    def _wait(self, timeout: float | None) -> list[Worker]:
        """Sleep until a signal or a worker's word; return the workers found dead."""
        pipes = {worker.pipe: worker for worker in self._workers}
        readable, _, _ = select.select([self._wake_read, *pipes], [], [], timeout)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 512):
                pass
        gone: list[Worker] = []
        for fd in readable:
            worker = pipes.get(fd)
            if worker is None:
                continue
            if os.read(fd, 1):
                worker.ready = True
            else:
                gone.append(worker)
        for worker in gone:
            self._bury(worker)
        return gone

    def _bury(self, worker: Worker) -> None:
        _, raw = os.waitpid(worker.pid, 0)
        figures.forget_gauges(self._run_folder, worker.pid)
        os.close(worker.pipe)
        self._workers.remove(worker)
        status = os.waitstatus_to_exitcode(raw)
        if worker.leaving:
            self.all_ended_well = self.all_ended_well and (status == 0 or not worker.ready)
        else:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            logger.error("%s %d ended unexpectedly with %s", worker.role, worker.pid, how)
            if time.monotonic() - worker.born > STABLE_AFTER_S:
                self._backoff = BACKOFF_MIN_S

    def _replace_dead(self) -> None:
        while not self._stopping and (missing := self._missing()):
            pause_ends = time.monotonic() + self._backoff
            self._backoff = min(self._backoff * 2, BACKOFF_MAX_S)
            while (left := pause_ends - time.monotonic()) > 0:
                self._wait(left)
                if self._told_to_stop():
                    return
            worker = self._spawn(missing[0])
            logger.info("%s %d replaces one that ended", worker.role, worker.pid)

    def _told_to_stop(self) -> bool:
        return self._stopping

    def _reload(self) -> None:
        """Replace the workers one by one by ones with the settings as they are now."""
        self._hang_up = False
        try:
            settings = reload(self._settings)
            self._definitions = read_definitions(settings)
        except SettingError as error:
            logger.error("the settings stay as they were: %s", error)
            return
        self._settings = settings
        logs.configure(settings.log_level, "registry")
        _warn(settings)
        for old in list(self._workers):
            if old.role == KEEPER:
                self._end([old])  # there can be only one at a time; `_replace_dead` brings the next
                continue
            fresh = self._spawn(WORKER)
            while not self._stopping and not fresh.ready and fresh in self._workers:
                self._wait(timeout=None)
            if not self._stopping and fresh not in self._workers:
                logger.error("the new worker did not start; the old ones stay")
                return
            if not self._stopping and old in self._workers:
                self._end([old])
            if self._told_to_stop():
                return
        logger.info("the settings were read again")

    # Stopping

    def _stop(self, status: int) -> int:
        self._stopping = True
        self._end(list(self._workers))
        return status

    def _end(self, workers: list[Worker]) -> None:
        """Stop workers gracefully, and kill those that do not.

        Returns early when the registry is told to stop while it waits for a worker that was replaced:
        then all have the same time left.
        """
        stopping = self._stopping
        for worker in workers:
            worker.leaving = True
            os.kill(worker.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._settings.drain_timeout + STOP_MARGIN_S
        expected = set(workers)
        while expected and (left := deadline - time.monotonic()) > 0:
            expected.difference_update(self._wait(left))
            if self._stopping and not stopping:
                return
        for worker in expected:
            logger.warning("worker %d did not stop in time; killed", worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
            self._bury(worker)

    # Signals

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Handle signals between system calls: they only set flags, and wake the select."""
        before = {number: signal.signal(number, self._on_signal) for number in HANDLED}
        wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _on_signal(self, number: int, _: object) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stopping = True
        elif number == signal.SIGHUP:
            self._hang_up = True


def _warn(settings: Settings) -> None:
    for line in warning(settings):
        logger.warning("%s", line)


def _end_process(status: int) -> None:
    """End a forked process without running what its parent had registered for its own end."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
