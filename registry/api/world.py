"""What handlers work on: the catalog as this process knows it, and the way to change it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from registry.api.text_pace import TextPace
from registry.catalog.entities import Node
from registry.catalog.rows import fold
from registry.catalog.state import Catalog
from registry.catalog.views import Views
from registry.config import Settings
from registry.config.release import CONSUL_RELEASE
from registry.replica import Replica
from registry.store.beats import Beats
from registry.store.change import Change
from registry.store.layout import DataFolder
from registry.store.live import LiveReader
from registry.store.protocol import Store

API_VERSION = CONSUL_RELEASE
"""The Consul release whose API is followed."""


@dataclass(slots=True)
class World:
    """The surroundings of every handler of one worker.

    Attributes:
        settings: as the process was started with.
        store: for figures about the data; writes go through `write`.
        replica: holds the catalog.
        views: renders it.
        started_s: wall clock at start, seconds since the epoch.
        now_s: the wall clock, seconds since the epoch.
        beat: tells the keeper of a heartbeat of the check with this folded ID.
        leave: stops the registry gracefully.
        reload: has the settings read again. Raises SettingError, and then nothing has changed.
        steady_s: a clock that only goes forward, in seconds.
        text_pace: how often the text of a check is written.
        run: the folder of what the processes of this registry share in memory.
        live: what the keeper last saw of the checks that it runs.
        beats: heartbeats through all workers, for reading.
    """

    settings: Settings
    store: Store
    replica: Replica
    views: Views
    started_s: float
    now_s: Callable[[], float]
    beat: Callable[[str], None]
    leave: Callable[[], None]
    reload: Callable[[], None]
    steady_s: Callable[[], float] = time.monotonic
    store_id: str = field(init=False)
    text_pace: TextPace = field(init=False)
    run: Path = field(init=False)
    live: LiveReader = field(init=False)
    beats: Beats = field(init=False)

    def __post_init__(self) -> None:
        self.store_id = self.store.store_id
        self.text_pace = TextPace(self.settings.check_output_interval)
        self.run = DataFolder(self.settings.data_dir).run
        self.live = LiveReader(self.run)
        self.beats = Beats(self.run)

    @property
    def catalog(self) -> Catalog:
        """The catalog as of now; do not keep it across an await."""
        return self.replica.catalog

    @property
    def datacenter(self) -> str:
        """Name of our datacenter."""
        return self.settings.datacenter

    @property
    def own_node(self) -> Node | None:
        """The node that stands for this registry, None in the moment after it has been deregistered."""
        return self.catalog.nodes.get(fold(self.settings.node_name))

    def topic_index(self, topic: str) -> int:
        """Return the index that an answer made from this topic alone reports."""
        return self.replica.catalog.topic_index(topic)

    async def write(self, draft: Callable[[Catalog], Change | None]) -> int:
        """Commit what ``draft`` makes of the current catalog; see `Replica.write`."""
        return await self.replica.write(draft)
