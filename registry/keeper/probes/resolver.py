"""Names to addresses, off the event loop.

The system's resolver blocks, for tens of seconds when a name server does not answer, and can't be
interrupted. So it is called in threads of our own: few, started when needed, and daemons, since a
process that stops must not wait for a lookup. The default executor would be shared with everything
else, and is joined at exit.

Lookups of one name at the same time are one lookup: a name whose server hangs holds one thread,
however many checks ask for it. Nothing is remembered afterwards, as in Consul.
"""

import asyncio
import contextlib
import functools
import queue
import re
import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from registry.keeper.probes.failure import ProbeFailed

MAX_THREADS = 32

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


class Address(NamedTuple):
    """One address of a host; ``scope`` is the index of its zone, 0 for none."""

    family: socket.AddressFamily
    text: str
    scope: int

    def at(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Return the socket address of a port there."""
        return (self.text, port) if self.family == socket.AF_INET else (self.text, port, 0, self.scope)


_LOCAL = (Address(socket.AF_INET, "127.0.0.1", 0), Address(socket.AF_INET6, "::1", 0))
"""What an empty host means in Go."""


class Resolver:
    """Looks names up; `close` it in the end."""

    def __init__(self) -> None:
        self._names: queue.SimpleQueue[tuple[str, asyncio.Future[tuple[Address, ...]]] | None] = (
            queue.SimpleQueue()
        )
        self._under_way: dict[str, asyncio.Future[tuple[Address, ...]]] = {}
        self._threads = 0

    async def lookup(self, host: str) -> tuple[Address, ...]:
        """Return the addresses of a host in the order to try them, at least one.

        An address in its usual form stands for itself. Other spellings of numbers (``2130706433``,
        ``0x7f.1``, ``127.1``) are names that do not exist, as they are to Go.

        Raises:
            ProbeFailed: there are none: ``lookup x: no such host``.
        """
        literal = parse_address(host)
        if literal is not None:
            return (literal,)
        if not host:
            return _LOCAL
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            raise ProbeFailed(f"lookup {host}: no such host")
        key = host.lower()
        found = self._under_way.get(key)
        if found is None:
            found = self._under_way[key] = self._ask(key)
        try:
            return await asyncio.shield(found)
        except ProbeFailed as failure:
            raise ProbeFailed(f"lookup {host}: {failure}") from None

    def close(self) -> None:
        """Let the threads end; lookups under way are given up."""
        for _ in range(self._threads):
            self._names.put(None)
        for future in self._under_way.values():
            future.cancel()

    def _ask(self, key: str) -> asyncio.Future[tuple[Address, ...]]:
        future: asyncio.Future[tuple[Address, ...]] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: self._forget(key, done))
        if self._threads < min(len(self._under_way) + 1, MAX_THREADS):
            self._threads += 1
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
        self._names.put((key, future))
        return future

    def _forget(self, key: str, done: asyncio.Future[tuple[Address, ...]]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever asked may have given up by now, which is no error

    def _work(self) -> None:
        while (job := self._names.get()) is not None:
            host, future = job
            found = _resolve(host)
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                future.get_loop().call_soon_threadsafe(_settle, future, found)


def parse_address(host: str) -> Address | None:
    """Return the address that a text is, None if it is none; a zone may follow a ``%``.

    An IPv4 address that is written as an IPv6 one is taken as what it is.
    """
    text, _, zone = host.partition("%")
    address = _parse(text)
    if not zone or address is None:
        return address
    if address.family == socket.AF_INET:
        return None
    try:
        return address._replace(scope=int(zone) if zone.isdecimal() else socket.if_nametoindex(zone))
    except OSError:
        return None


@functools.lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    return Address(family, str(address), 0)


def _resolve(host: str) -> tuple[Address, ...] | ProbeFailed:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        gone = error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
        return ProbeFailed("no such host" if gone else "server misbehaving")
    except (OSError, ValueError):  # what can't be a name is not even asked for
        return ProbeFailed("no such host")
    addresses = [
        parse_address(f"{where[0]}%{where[3]}" if len(where) == 4 else str(where[0])) for *_, where in found
    ]
    return tuple(dict.fromkeys(filter(None, addresses))) or ProbeFailed("no such host")


def _settle(future: asyncio.Future[tuple[Address, ...]], found: tuple[Address, ...] | ProbeFailed) -> None:
    if future.done():
        return
    if isinstance(found, ProbeFailed):
        future.set_exception(found)
    else:
        future.set_result(found)
