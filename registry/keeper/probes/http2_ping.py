"""HTTP/2 ping checks."""

import os

import h2.events

from registry.keeper.probes.definition import Definition, timeout_s
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.http2 import Http2
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.stream import Stream, open_stream
from registry.keeper.probes.target import parse_target
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import PASSING

_OPAQUE_BYTES = 8


class Http2PingProbe:
    """Sends a PING frame and waits for it to come back.

    Raises:
        ProbeFailed: ``H2PING`` is not of the form ``host:port``.
    """

    def __init__(self, definition: Definition, tools: Tools) -> None:
        self._shown: str = definition["H2PING"]
        try:
            self._target = parse_target(self._shown)
        except ProbeFailed as failure:
            raise ProbeFailed(f"Failed to dial to {self._shown}: {failure}") from None
        self.place = self._target.key
        self._timeout_s = timeout_s(definition)
        self._tls = tools.tls.for_check(definition, "h2") if definition.get("H2PingUseTLS", True) else None
        self._dialer = tools.dialer
        self._tools = tools

    async def once(self) -> Outcome:
        """Ping once."""
        doing = f"Failed to dial to {self._shown}"
        deadline = self._tools.deadline(self._timeout_s)
        try:
            async with deadline:
                with await open_stream(self._dialer, self._target, self._tls) as stream:
                    doing = "HTTP2 ping failed"
                    await _ping(stream)
        except TimeoutError:
            return failed(f"{doing}: context deadline exceeded{deadline.remark}")
        except ProbeFailed as failure:
            return failed(f"{doing}: {failure}")
        return Outcome(PASSING, "HTTP2 ping was successful")


async def _ping(stream: Stream) -> None:
    link = Http2(stream)
    sent = os.urandom(_OPAQUE_BYTES)
    link.h2.ping(sent)
    while True:
        event = await link.next()
        if isinstance(event, h2.events.PingAckReceived) and event.ping_data == sent:
            return
