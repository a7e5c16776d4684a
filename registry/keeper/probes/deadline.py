"""The time that one run of a probe may take."""

import asyncio
from types import TracebackType
from typing import Self

from registry.keeper.lag import Lag
from registry.keeper.patience import Patience


class Deadline:
    """A timeout from now on, within which blocks can be entered one after the other.

    ``async with`` raises TimeoutError when the time is up, as `asyncio.timeout` does. The time in which
    this process itself was late is added (see `Patience`).

    Args:
        timeout_s: seconds.
        lag: of this process.
    """

    __slots__ = ("_loop", "_patience", "_timeout", "_timer")

    def __init__(self, timeout_s: float, lag: Lag) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(lag, timeout_s, lag.clock())
        self._timeout: asyncio.Timeout | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def remark(self) -> str:
        """What to add to the text of a failure for lack of time, "" if it is the target's fault alone."""
        remark = self._patience.remark("timeout")
        return f" ({remark})" if remark else ""

    async def __aenter__(self) -> Self:
        timeout = self._timeout = asyncio.timeout(None)
        await timeout.__aenter__()
        self._look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timeout, self._timeout = self._timeout, None
        if self._timer is not None:
            self._timer.cancel()
        if timeout is not None:
            await timeout.__aexit__(kind, error, trace)

    def _look(self) -> None:
        more = self._patience.more()
        if more:
            self._timer = self._loop.call_later(more, self._look)
        elif self._timeout is not None:
            self._timeout.reschedule(self._loop.time())
