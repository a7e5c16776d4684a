"""Connections to addresses that have been checked, and to no others.

The name is resolved once, each address that it has is checked, and one of those that passed is
connected to by its number. A name that changes its address between the check and the connection
(DNS rebinding) gains nothing, as it isn't looked at again.
"""

import asyncio
import contextlib
import socket

from registry.keeper.probes.address import AddressPolicy
from registry.keeper.probes.failure import ProbeFailed, reason
from registry.keeper.probes.resolver import Address, Resolver
from registry.keeper.probes.target import Target, join

NEXT_AFTER_S = 0.3
"""How long one address of several may take before the next is tried beside it, as in Go (RFC 8305)."""


class Dialer:
    """Connects probes to their targets."""

    def __init__(self, resolver: Resolver, policy: AddressPolicy) -> None:
        self._resolver = resolver
        self._policy = policy

    async def addresses(self, target: Target, network: str) -> list[Address]:
        """Return the addresses of a target that may be connected to, in order, at least one.

        Args:
            target: what is to be connected to; its port is for the text of a failure.
            network: ``tcp`` or ``udp``, also for the text.

        Raises:
            ProbeFailed: the name has no addresses, or none that is allowed.
        """
        try:
            found = await self._resolver.lookup(target.host)
        except ProbeFailed as failure:
            raise ProbeFailed(f"dial {network}: {failure}") from None
        refusals = {address: self._policy.refusal(address.text) for address in found}
        allowed = [address for address, refusal in refusals.items() if not refusal]
        if not allowed:
            raise ProbeFailed(f"dial {network} {join(found[0].text, target.port)}: {refusals[found[0]]}")
        return allowed

    async def connect(self, target: Target) -> tuple[socket.socket, str]:
        """Connect over TCP; return the socket, the caller's from then on, and ``address:port``.

        Raises:
            ProbeFailed: there is no address to connect to, or no connection:
                ``dial tcp 127.0.0.1:1: connect: connection refused``.
        """
        addresses = await self.addresses(target, "tcp")
        if len(addresses) == 1:
            return await _connect(addresses[0], target.port)
        return await _race(addresses, target.port)


async def _connect(address: Address, port: int) -> tuple[socket.socket, str]:
    where = join(address.text, port)
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        raise ProbeFailed(f"dial tcp {where}: socket: {reason(error)}") from None
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address.at(port))
    except OSError as error:
        sock.close()
        raise ProbeFailed(f"dial tcp {where}: connect: {reason(error)}") from None
    except BaseException:
        sock.close()
        raise
    return sock, where


async def _race(addresses: list[Address], port: int) -> tuple[socket.socket, str]:
    """Connect to whichever address answers first, starting with the first."""
    waiting = list(addresses)
    running: set[asyncio.Task[tuple[socket.socket, str]]] = set()
    failures: list[BaseException] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(waiting.pop(0), port)))
            done, _ = await asyncio.wait(
                running, timeout=NEXT_AFTER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                running.discard(task)
                error = task.exception()
                if error is None:
                    return task.result()
                failures.append(error)
        raise failures[0]
    finally:
        for task in running:
            _give_up(task)


def _give_up(task: asyncio.Task[tuple[socket.socket, str]]) -> None:
    """Cancel a connection that came second; it may have succeeded in the same moment."""

    def close(done: asyncio.Task[tuple[socket.socket, str]]) -> None:
        with contextlib.suppress(asyncio.CancelledError, ProbeFailed):
            done.result()[0].close()

    task.cancel()
    task.add_done_callback(close)
