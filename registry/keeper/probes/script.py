"""Script checks: a program's exit status decides, its output is shown."""

from registry.catalog.rows import FROM_FILE
from registry.config.scripts import DISABLED_IN_FILES, DISABLED_OVER_API
from registry.keeper.probes.deadline import Deadline
from registry.keeper.probes.definition import PROGRAM_TIMEOUT_NS, Definition, output_limit, timeout_ns
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.tail import Tail
from registry.keeper.probes.tools import Options, Tools
from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.wire.duration import SECOND, format_duration

_STATUSES = {0: PASSING, 1: WARNING}


class ScriptProbe:
    """Runs a program.

    Raises:
        ProbeFailed: checks from where this one comes may not run programs now, whatever they might when
            it was registered.
    """

    place = "script"

    def __init__(self, definition: Definition, tools: Tools) -> None:
        refuse_scripts(definition, tools.options)
        self._tools = tools
        self._args: list[str] = definition["ScriptArgs"]
        self._timeout_ns = timeout_ns(definition, PROGRAM_TIMEOUT_NS)
        self._limit = output_limit(definition, tools.options)

    async def once(self) -> Outcome:
        """Run it once."""
        output = Tail(self._limit)
        deadline = self._tools.deadline(self._timeout_ns / SECOND)
        try:
            code = await self._tools.programs.run(self._args, output, deadline)
        except TimeoutError:
            return failed(timed_out(self._timeout_ns, deadline, output))
        except ProbeFailed as failure:
            return failed(failure)
        return Outcome(status_of(code), output.announced)


def status_of(code: int) -> str:
    """Return the status that an exit status means: 0 passing, 1 warning, any other critical."""
    return _STATUSES.get(code, CRITICAL)


def timed_out(timeout_ns: int, deadline: Deadline, output: Tail) -> str:
    """Return Consul's text of a program that took too long, with what it had to say until then."""
    text = f"Timed out ({format_duration(timeout_ns)}) running check{deadline.remark}"
    return f"{text}\n\n{output.announced}" if output.kept else text


def refuse_scripts(definition: Definition, options: Options) -> None:
    """Raise ProbeFailed, with the setting that forbids it, unless this check may run programs."""
    if FROM_FILE in definition:
        if not options.allow_file_scripts:
            raise ProbeFailed(DISABLED_IN_FILES)
    elif not options.allow_scripts:
        raise ProbeFailed(DISABLED_OVER_API)
