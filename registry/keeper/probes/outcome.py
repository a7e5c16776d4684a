"""What a probe found, and what can be asked to find it."""

from dataclasses import dataclass, field
from typing import Protocol

from registry.keeper.rules import CRITICAL


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run of a check.

    Attributes:
        status: ``passing``, ``warning`` or ``critical``.
        output: what to show for it, in Consul's words where it has any. May hold any character but
            lone surrogates; whoever shows it escapes it.
        waited_s: seconds that the run waited for its turn before it began; how late it was.
        took_s: seconds from then until the result.
    """

    status: str
    output: str
    waited_s: float = field(default=0.0, compare=False)
    took_s: float = field(default=0.0, compare=False)


class Prober(Protocol):
    """One check, ready to be run again and again.

    Attributes:
        settled: whether the outcome is known without probing; it need not wait for its turn then.
    """

    settled: bool

    async def run(self) -> Outcome:
        """Probe once and return what was found; a target that fails in any way is a critical outcome.

        Takes no longer than the check's timeout from when its turn came. Cancelling it closes its
        connections and kills its processes.
        """


def failed(text: object) -> Outcome:
    """Return the critical outcome with this text."""
    return Outcome(CRITICAL, str(text))
