"""What every worker looks after beside its requests, each in a task of its own."""

import asyncio
import logging
import random
from collections.abc import Callable, Container, Coroutine
from typing import Any

from registry.api.files import NO_DEFINITIONS, Definitions, draft_arrivals, draft_departures
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.http.errors import HttpError
from registry.replica import Draft, Replica
from registry.replica.own_node import Identity, draft_own_node
from registry.store.change import Change
from registry.store.errors import StoreError
from registry.store.local import LocalStore

logger = logging.getLogger(__name__)

FALLBACK_TICK_S = 0.05
"""How late a change of another process is seen when its wake-up was lost."""

OWN_NODE_EVERY_S = 2.0
READERS_EVERY_S = 30.0
SIZE_EVERY_S = 60.0
TOMBSTONES_EVERY_S = 60.0
TOMBSTONES_MAX = 10_000
"""Names without objects whose index is remembered one by one; past it the older half is forgotten."""


class Duties:
    """The recurring work of one worker.

    Args:
        identity: the own node.
        warn_size: bytes of data past which a warning is logged.
        fresh_id: draws the ID of a node that has none yet.
    """

    def __init__(
        self,
        store: LocalStore,
        replica: Replica,
        identity: Identity,
        warn_size: int,
        fresh_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._replica = replica
        self._identity = identity
        self._warn_size = warn_size
        self._fresh_id = fresh_id

    def all(self) -> list[Coroutine[Any, Any, None]]:
        """Return the work as coroutines that run until they are cancelled."""
        return [
            _every(FALLBACK_TICK_S, self._look_for_changes),
            _every(OWN_NODE_EVERY_S, self._restore_own_node),
            _every(READERS_EVERY_S, self._clear_readers),
            _every(SIZE_EVERY_S, self._watch_size),
            _every(TOMBSTONES_EVERY_S, self._prune_tombstones),
        ]

    async def ensure_own_node(self) -> None:
        """Register the own node, its check and the service consul, where they are not as they should be."""
        fresh_id = self._fresh_id()
        await self._replica.write(lambda catalog: draft_own_node(catalog, self._identity, fresh_id))

    async def _look_for_changes(self) -> None:
        self._replica.catch_up()

    async def _restore_own_node(self) -> None:
        """Undo what was done to the own node through the catalog, as Consul's agent does."""
        if draft_own_node(self._replica.catalog, self._identity, self._fresh_id()) is not None:
            # All workers see this at once; whoever comes later finds it done.
            await asyncio.sleep(random.uniform(0, 0.2))  # noqa: S311 (spreads load, hides nothing)
            await self.ensure_own_node()

    async def _clear_readers(self) -> None:
        self._store.clear_dead_readers()

    async def _watch_size(self) -> None:
        facts = self._store.facts()
        if int(facts["bytes_used"]) > self._warn_size:
            logger.warning(
                "the store holds %s bytes, more than warn_size (%s)", facts["bytes_used"], self._warn_size
            )

    async def _prune_tombstones(self) -> None:
        if len(dead_topics(self._replica.catalog)) > TOMBSTONES_MAX:
            await self._replica.write(draft_pruning)


async def register_definitions(replica: Replica, settings: Settings, definitions: Definitions | None) -> None:
    """Register what the definition files define, and deregister what they no longer do.

    What the catalog has no room for, or the disk refuses, is reported: the registry answers with what it
    has, and the next reading of the files tries again.
    """
    found = definitions or NO_DEFINITIONS
    try:
        await replica.write(lambda catalog: draft_arrivals(catalog, settings, found))
        await replica.write(lambda catalog: draft_departures(catalog, settings))
    except (HttpError, StoreError) as error:
        logger.error("the definition files could not be taken up: %s", error)


def dead_topics(catalog: Catalog) -> list[str]:
    """Return the topics that have a tombstone and no objects, the oldest first."""
    services = catalog.services.keys() | catalog.guards.keys()
    alive: dict[str, Container[str]] = {"service": services, "guard": services, "connect": catalog.connects}
    found = []
    for topic, index in catalog.tombstones.items():
        kind, _, key = topic.partition("/")
        if key and key not in alive.get(kind, catalog.nodes):
            found.append((index, topic))
    return [topic for _, topic in sorted(found)]


def draft_pruning(catalog: Catalog) -> Change | None:
    """Forget the older half of the dead topics; unknown names then report at least this change's index."""
    dead = dead_topics(catalog)
    if len(dead) <= TOMBSTONES_MAX:
        return None
    draft = Draft(catalog)
    for topic in dead[: len(dead) // 2]:
        draft.bury(topic)
    draft.raise_floor()
    return draft.change()


async def _every(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something again and again; a failure is logged and does not end it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except StoreError as error:
            logger.warning("%s: %s", work.__name__.strip("_"), error)
        except Exception:
            logger.exception("%s failed", work.__name__.strip("_"))
