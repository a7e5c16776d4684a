"""Writing down when each check changed its status, and why.

The keeper sees every change of every check in the log, whoever made it and on whatever node, so it is
the one writer of the history table.

Guarantees
    - A change of status never waits for its line in the history: that follows in a commit of its own,
      many of them together, and has no index, wakes nobody and is in no answer but that about it.
    - Lines are in the order of the log, and no change is written down twice.
    - What happened while no keeper ran (or was cut off between a change and its line) is written down by
      the next one, as far as the log reaches back; beyond that it shows as one line that says so. Since
      when a check has its status is unknown only if that is older than log and history.

Cost
    Forty microseconds of processor time for a change, and up to 250 bytes for each line kept.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from itertools import islice

import msgspec

from registry.catalog.entities import Check
from registry.catalog.history import HISTORY, Transition, lengthened, transition, unpack_history
from registry.catalog.rows import member_key, split_key, unpack_check_head
from registry.catalog.state import Catalog
from registry.keeper.missed import missed
from registry.replica import CheckWritten
from registry.store.change import Change, Delete, Put
from registry.store.errors import StoreDamaged, StoreError
from registry.store.protocol import Store

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 200
"""Rows written in one change; they hold up the other writers for about 5 ms."""

GATHER_S = 0.25
"""How long lines may wait for others to share a commit with."""

WRITE_AGAIN_AFTER_S = 1.0
"""Pause before lines that could not be written are tried again."""

CLOSE_WITHIN_S = 1.0
"""How long a stop waits for what is still to be written."""

UNSEEN = "changed while no keeper ran; its output now: "


class _Pending(msgspec.Struct):
    """What is still to be written about a check: whether to begin anew, then the lines to add."""

    anew: bool = False
    added: list[Transition] = msgspec.field(default_factory=list)


class Recorder:
    """Writes the history of checks.

    Args:
        most: lines kept for each check; 0 keeps none, and removes those there are.
        now_ms: the wall clock, in milliseconds since the epoch.
    """

    def __init__(
        self, store: Store, most: int, now_ms: Callable[[], int], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._store = store
        self._most = most
        self._now_ms = now_ms
        self._loop = loop
        self._pending: dict[bytes, _Pending] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def take(self, written: list[CheckWritten]) -> None:
        """Note what the log says about checks, in its order."""
        if not self._most:
            return
        for key, before, packed, index, time_ms in written:
            if packed is None:
                self._pending[key] = _Pending(anew=True)
                continue
            if not before:
                # A new one has nothing to do with one of that name before, and no row that need be read.
                self._pending[key] = _Pending(anew=True)
            after = unpack_check_head(packed).status
            if after != before:
                self._add(key, transition(index, time_ms, before, packed))
        self._begin()

    def reconcile(self, catalog: Catalog) -> None:
        """Bring the table in line with checks that came, changed or went while nobody watched the log."""
        behind: dict[bytes, Transition | None] = {}
        has_row = bytearray(len(catalog.check_slots.items))
        for row in self._store.scan(HISTORY):
            check = _check(catalog, row.key)
            if check is None or not self._most:
                self._pending[row.key] = _Pending(anew=True)
                continue
            has_row[check.slot] = True
            known = _unpack(row.key, row.value)
            if row.key not in self._pending and (not known or known[-1].after != check.status):
                behind[row.key] = known[-1] if known else None
        if self._most:
            for check in catalog.check_slots.items:
                if check is not None and not has_row[check.slot]:
                    behind.setdefault(member_key(check.node_key, check.key), None)
        if behind:
            self._catch_up(catalog, behind)
        self._begin()

    def _catch_up(self, catalog: Catalog, behind: dict[bytes, Transition | None]) -> None:
        for key, (anew, lines) in missed(self._store, behind, catalog.index).items():
            check, last = _check(catalog, key), behind[key]
            if anew:
                self._pending[key] = _Pending(anew=True)
                last = None
            for line in lines:
                self._add(key, line)
                last = line
            if check is not None and last is not None and last.after != check.status:
                line = transition(catalog.index, self._now_ms(), last.after, check.packed, UNSEEN)
                self._add(key, line)

    async def close(self) -> None:
        """Write what is still to be written, if that can be done soon."""
        self._closing.set()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=CLOSE_WITHIN_S)
            self._writing.cancel()

    def _add(self, key: bytes, transition: Transition) -> None:
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending()
        pending.added.append(transition)
        del pending.added[: -self._most]

    def _begin(self) -> None:
        if self._pending and (self._writing is None or self._writing.done()):
            self._writing = self._loop.create_task(self._write())

    async def _write(self) -> None:
        failing = False
        while self._pending:
            if len(self._pending) < ROWS_AT_ONCE:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), GATHER_S)
            batch = {key: self._pending[key] for key in islice(self._pending, ROWS_AT_ONCE)}
            for key in batch:
                del self._pending[key]
            try:
                await self._store.commit(self._change(batch))
                failing = False
            except StoreError as error:
                if not failing:
                    logger.warning("the history of %d checks can't be written yet: %s", len(batch), error)
                failing = True
                self._put_back(batch)
                await asyncio.sleep(WRITE_AGAIN_AFTER_S)

    def _change(self, batch: dict[bytes, _Pending]) -> Change:
        puts, deletes = [], []
        for key, pending in batch.items():
            if pending.added:
                packed = None if pending.anew else self._read(key)
                puts.append(Put(HISTORY, key, lengthened(packed, pending.added, self._most)))
            else:
                deletes.append(Delete(HISTORY, key))
        return Change(tuple(puts), tuple(deletes), shrinks=not puts)

    def _read(self, key: bytes) -> bytes | None:
        try:
            packed = self._store.read(HISTORY, key)
        except StoreDamaged as error:
            logger.warning("the history of check %r begins anew: %s", key, error)
            return None
        return packed if packed is None or _unpack(key, packed) else None

    def _put_back(self, batch: dict[bytes, _Pending]) -> None:
        """Take up again what could not be written, in front of what has come meanwhile."""
        for key, earlier in batch.items():
            later = self._pending.get(key)
            if later is None:
                self._pending[key] = earlier
            elif not later.anew:
                earlier.added += later.added
                del earlier.added[: -self._most]
                self._pending[key] = earlier


def _check(catalog: Catalog, key: bytes) -> Check | None:
    node_key, check_key = split_key(key)
    node = catalog.nodes.get(node_key)
    return node.checks.get(check_key) if node else None


def _unpack(key: bytes, packed: bytes) -> list[Transition]:
    try:
        return unpack_history(packed)
    except msgspec.MsgspecError as error:
        logger.warning("the history of check %r can't be read, so it begins anew: %s", key, error)
        return []
