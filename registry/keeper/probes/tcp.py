"""TCP checks: can the target be connected to, and does it speak TLS if it should?"""

from registry.keeper.probes.definition import Definition, timeout_s
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.stream import open_stream
from registry.keeper.probes.target import parse_target
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import PASSING


class TcpProbe:
    """Connects, and says nothing.

    Raises:
        ProbeFailed: ``TCP`` is not of the form ``host:port``.
    """

    def __init__(self, definition: Definition, tools: Tools) -> None:
        self._shown: str = definition["TCP"]
        self._target = parse_target(self._shown)
        self.place = self._target.key
        self._timeout_s = timeout_s(definition)
        self._tls = tools.tls.for_check(definition) if definition.get("TCPUseTLS") else None
        self._dialer = tools.dialer
        self._tools = tools

    async def once(self) -> Outcome:
        """Connect once."""
        deadline = self._tools.deadline(self._timeout_s)
        try:
            async with deadline:
                (await open_stream(self._dialer, self._target, self._tls)).close()
        except TimeoutError:
            return failed(f"dial tcp {self._shown}: i/o timeout{deadline.remark}")
        except ProbeFailed as failure:
            return failed(failure)
        return Outcome(PASSING, f"{'TCP+TLS' if self._tls else 'TCP'} connect {self._shown}: Success")
