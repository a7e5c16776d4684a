"""Group commit: one thread a process that writes what has come in while the last sync was running.

Guarantees
    - A change is answered only after the transaction that holds it has been synced, or with the
      error that kept it out; never twice, and never not at all: closing finishes what was handed in.
    - Changes of one process are committed in the order in which they were handed in.

Gathering
    A commit costs a millisecond of processor time in all processes together, however few changes it has.
    A crowd of writers that ask again as soon as they are answered would come in by dribs and drabs: the
    first few of those just answered would be committed alone, and the others with the next commit.
    So after a commit the next one begins when as many changes have come in as there are writers known
    (those just answered and those already waiting), or when ten times as long has passed as the last
    commit took, or 20 ms. Who writes alone, one change after the other, is not made to wait.

Rejected
    - Committing on the event loop: 2,700 writes/s whatever the concurrency, and every sync stalls
      the reads. Waiting for a fixed time: a lone writer pays for it, and the time that suits one disk
      or one crowd suits no other.
    - The loop standing still while rows are put, so that it doesn't take the interpreter away from this
      thread at each of them: nothing gained with the 2 ms that lookups could bear.

Cost at worst
    A batch is bounded, so a change waits for at most the running commit, the batches before it, and the
    20 ms of gathering when it comes right after others.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

from registry.store.change import Change
from registry.store.engine import Engine
from registry.store.errors import StoreError, StoreFailed

CROWD = 2
"""How many writers are worth waiting for: with one, nobody else is known of."""

PATIENCE = 10.0
"""How long they are waited for, in times of the last commit."""

GATHER_MOST_S = 0.02
"""The same at most, whatever the last commit took."""

_Pending = tuple[Change, "asyncio.Future[int]"]


class GroupCommit:
    """The writer thread and what waits for it; all methods belong to the loop's thread."""

    def __init__(
        self,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        batch_max: int,
        committed: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._loop = loop
        self._batch_max = batch_max
        self._committed = committed
        self._waiting: list[_Pending] = []
        self._wanted = 1
        self._began_s: float | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._queue: SimpleQueue[list[_Pending] | None] = SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def commit(self, change: Change) -> int:
        """Hand a change in and wait until it is durable; see `Store.commit` for the errors."""
        if self._closing:
            raise StoreFailed("the registry is stopping; send the request again")
        future: asyncio.Future[int] = self._loop.create_future()
        self._waiting.append((change, future))
        if self._began_s is None and len(self._waiting) >= self._wanted:
            self._begin()
        return await future

    def close(self) -> None:
        """Commit what has been handed in, then end the thread."""
        self._closing = True
        while self._waiting:
            self._begin()
        self._queue.put(None)
        self._thread.join()

    def _begin(self) -> None:
        """Give the thread a batch of what waits."""
        self._lose_patience()
        batch, self._waiting = self._waiting[: self._batch_max], self._waiting[self._batch_max :]
        self._began_s = self._loop.time()
        self._queue.put(batch)

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._wanted = 1

    def _settle(self, batch: list[_Pending], results: list[int | StoreError]) -> None:
        """Answer for a batch, and see to the next."""
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, int):
                future.set_result(result)
            else:
                future.set_exception(result)
        began_s, self._began_s = self._began_s, None
        if self._closing:
            return
        writers = len(batch) + len(self._waiting)
        if began_s is not None and CROWD <= writers < self._batch_max:
            self._wanted = writers
            took_s = self._loop.time() - began_s
            self._patience = self._loop.call_later(min(PATIENCE * took_s, GATHER_MOST_S), self._come_what_may)
        elif self._waiting:
            self._begin()

    def _come_what_may(self) -> None:
        """Begin with whoever is there, as the others have not come in time."""
        self._lose_patience()
        if self._waiting:
            self._begin()

    # In the thread

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            self._commit(batch)

    def _commit(self, batch: list[_Pending]) -> None:
        results: list[int | StoreError]
        try:
            results = self._engine.commit_batch([change for change, _ in batch])
        except Exception as error:  # the thread must outlive whatever a change brings with it
            failure = StoreFailed(f"the store could not be written: {error!r}; nothing was changed")
            results = [failure] * len(batch)
        if any(isinstance(result, int) for result in results):
            self._committed()
        self._loop.call_soon_threadsafe(self._settle, batch, results)
