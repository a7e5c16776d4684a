"""UDP checks: does anything say that nobody is there?

An empty datagram is sent. Any answer is a success, and so is silence until the timeout, since most
services do not answer what they do not understand; only an ICMP error is a failure.
"""

import asyncio
import socket

from registry.keeper.probes.definition import Definition, timeout_s
from registry.keeper.probes.failure import ProbeFailed, reason
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.resolver import Address
from registry.keeper.probes.target import join, parse_target
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import PASSING


class UdpProbe:
    """Sends a datagram and listens.

    Raises:
        ProbeFailed: ``UDP`` is not of the form ``host:port``.
    """

    def __init__(self, definition: Definition, tools: Tools) -> None:
        self._shown: str = definition["UDP"]
        self._target = parse_target(self._shown, "udp")
        self.place = f"udp {self._target.key}"
        self._timeout_s = timeout_s(definition)
        self._dialer = tools.dialer
        self._tools = tools

    async def once(self) -> Outcome:
        """Send one datagram."""
        looking_up = True
        deadline = self._tools.deadline(self._timeout_s)
        try:
            async with deadline:
                address = (await self._dialer.addresses(self._target, "udp"))[0]
                looking_up = False
                await _exchange(address, self._target.port)
        except TimeoutError:
            if looking_up:
                return failed(f"dial udp: lookup {self._target.host}: i/o timeout{deadline.remark}")
        except ProbeFailed as failure:
            return failed(failure)
        return Outcome(PASSING, f"UDP connect {self._shown}: Success")


async def _exchange(address: Address, port: int) -> None:
    where = join(address.text, port)
    doing = f"dial udp {where}: connect"
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(address.at(port))
            doing = f"write udp {where}: write"
            sock.send(b"")
            doing = f"read udp {where}: read"
            await asyncio.get_running_loop().sock_recv(sock, 1)
    except OSError as error:
        raise ProbeFailed(f"{doing}: {reason(error)}") from None
