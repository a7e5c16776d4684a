"""A clock finer than the event loop's timers, which know whole milliseconds only."""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable
from types import TracebackType

TICK_NS = 250_000

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


class Ticker:
    """Calls back every quarter of a millisecond while it is entered (timerfd_create(2))."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tick: Callable[[], None]) -> None:
        self._loop = loop
        self._tick = tick

    def __enter__(self) -> "Ticker":
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        every = _Itimerspec(_Timespec(0, TICK_NS), _Timespec(0, TICK_NS))
        if self._fd < 0 or libc.timerfd_settime(self._fd, 0, ctypes.byref(every), None) != 0:
            raise OSError(ctypes.get_errno(), "a timer could not be made")
        self._loop.add_reader(self._fd, self._on_expiry)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _on_expiry(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._tick()
