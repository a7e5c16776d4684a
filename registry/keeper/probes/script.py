"""Script checks: a program's exit status decides, its output is shown."""

from registry.keeper.probes.definition import PROGRAM_TIMEOUT_NS, Definition, output_limit, timeout_ns
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.tail import Tail
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.wire.duration import SECOND, format_duration

SCRIPTS_DISABLED = (
    "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' "
    "or 'enable_local_script_checks' to true"
)

_STATUSES = {0: PASSING, 1: WARNING}


class ScriptProbe:
    """Runs a program.

    Raises:
        ProbeFailed: programs are not run here, whatever the catalog says; it may come from elsewhere.
    """

    place = "script"

    def __init__(self, definition: Definition, tools: Tools) -> None:
        refuse_scripts(tools)
        self._programs = tools.programs
        self._args: list[str] = definition["ScriptArgs"]
        self._timeout_ns = timeout_ns(definition, PROGRAM_TIMEOUT_NS)
        self._limit = output_limit(definition, tools.options)

    async def once(self) -> Outcome:
        """Run it once."""
        output = Tail(self._limit)
        try:
            code = await self._programs.run(self._args, output, self._timeout_ns / SECOND)
        except TimeoutError:
            return failed(timed_out(self._timeout_ns, output))
        except ProbeFailed as failure:
            return failed(failure)
        return Outcome(status_of(code), output.announced)


def status_of(code: int) -> str:
    """Return the status that an exit status means: 0 passing, 1 warning, any other critical."""
    return _STATUSES.get(code, CRITICAL)


def timed_out(timeout_ns: int, output: Tail) -> str:
    """Return Consul's text of a program that took too long, with what it had to say until then."""
    text = f"Timed out ({format_duration(timeout_ns)}) running check"
    return f"{text}\n\n{output.announced}" if output.kept else text


def refuse_scripts(tools: Tools) -> None:
    """Raise ProbeFailed unless programs may be run."""
    if not tools.options.allow_scripts:
        raise ProbeFailed(SCRIPTS_DISABLED)
