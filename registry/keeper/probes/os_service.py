"""Checks of the operating system's services, where systemd runs them."""

from registry.keeper.probes.definition import PROGRAM_TIMEOUT_NS, Definition, output_limit, timeout_ns
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.script import timed_out
from registry.keeper.probes.tail import Tail
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import PASSING
from registry.wire.duration import SECOND


class OsServiceProbe:
    """Asks systemd whether a unit is active."""

    place = "systemd"

    def __init__(self, definition: Definition, tools: Tools) -> None:
        self._tools = tools
        self._name: str = definition["OSService"]
        self._timeout_ns = timeout_ns(definition, PROGRAM_TIMEOUT_NS)
        self._limit = output_limit(definition, tools.options)
        self._systemctl = tools.options.systemctl
        self._present = tools.options.systemd_folder

    async def once(self) -> Outcome:
        """Ask once."""
        if not self._present.is_dir():
            return failed(
                f'The state of the service "{self._name}" is unknown: OSService checks need systemd, '
                f"which does not run here (there is no {self._present})"
            )
        output = Tail(self._limit)
        deadline = self._tools.deadline(self._timeout_ns / SECOND)
        try:
            args = [self._systemctl, "is-active", "--", self._name]
            code = await self._tools.programs.run(args, output, deadline)
        except TimeoutError:
            return failed(timed_out(self._timeout_ns, deadline, output))
        except ProbeFailed as failure:
            return failed(failure)
        if code != 0:
            return failed(f'OS Service unhealthy: "{self._name}" is {output.kept.strip() or "unknown"}')
        return Outcome(PASSING, f'Service "{self._name}" is healthy')
