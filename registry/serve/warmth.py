"""Warm starts: the busiest answers are made again before the first request comes in.

What is worth it is what was asked for: a worker that stops, and every few minutes one that runs, notes
the requests behind its cached answers. The file is a hint and nothing more; a bad one is ignored.
"""

import asyncio
import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING

import msgspec

from registry.store.layout import DataFolder

if TYPE_CHECKING:
    from registry.asgi import App

logger = logging.getLogger(__name__)

REQUESTS_MAX = 1000
SAVE_EVERY_S = 300.0
SLICE_S = 0.001
BUDGET_S = 1.0
"""What warming may add to a start."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode


class Warmth:
    """Keeps and restores the list of busy requests in the data folder."""

    def __init__(self, folder: DataFolder, app: "App") -> None:
        self._path = folder.root / "warm"
        self._app = app

    def save(self) -> None:
        """Write down the requests whose answers were asked for most recently."""
        answers = self._app.answers.answers
        keys = [key for key, answer in answers.items() if answer.used][-REQUESTS_MAX:]
        if not keys:
            return
        draft = self._path.with_name(f"warm.{os.getpid()}")
        with contextlib.suppress(OSError):
            draft.write_bytes(_encode(keys))
            draft.chmod(0o600)
            draft.replace(self._path)

    async def keep(self) -> None:
        """Save again and again."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            self.save()

    async def restore(self) -> None:
        """Make the noted answers; a list that can't be read is no reason not to start."""
        try:
            keys = _decode(self._path.read_bytes())[:REQUESTS_MAX]
        except (OSError, msgspec.MsgspecError):
            return
        end = time.monotonic() + BUDGET_S
        slice_end = time.monotonic() + SLICE_S
        for path, query in keys:
            try:
                self._app.warm(path, query)
            except Exception:
                # What would be one client's error must not keep a worker from starting, again and again.
                logger.exception("the answer to %r could not be made in advance", path)
            now = time.monotonic()
            if now > end:
                return
            if now > slice_end:
                await asyncio.sleep(0)
                slice_end = time.monotonic() + SLICE_S
