r"""Regular expressions for ``matches``: RE2, as in Consul, so matching takes linear time.

Python's RE2 is the C++ library and Consul uses Go's own, written after it. The two read the same
syntax (C++ also takes ``\C`` and ``(?<name>...)``) but word their complaints differently.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import re2

from registry.catalog.filter.errors import FilterError
from registry.catalog.filter.gotext import quote

# One pattern may take this many bytes for its program and its automaton. Half a megabyte holds
# 24,000 instructions, takes at most some 20 ms to compile, and leaves room for the automaton of any
# pattern that people write; RE2's own default of 8 MB lets one request hold a worker for longer.
_MEMORY = 512 * 1024
# Neighbouring objects often carry equal texts (service names, statuses), and remembering an answer
# is far cheaper than asking the library again.
_REMEMBERED = 256
_GO_CAUSES = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}


class Pattern(NamedTuple):
    """A compiled regular expression.

    Attributes:
        found_in: Tells whether the expression matches anywhere in a text.
        size: The instructions of its program, a measure of what it costs to compile and to run.
    """

    found_in: Callable[[str], bool]
    size: int


def compile_pattern(source: str) -> Pattern:
    """Compile the regular expression ``source``.

    Raises:
        FilterError: RE2 refuses it; the text is the one Consul gives.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(source.encode(errors="surrogateescape"), options)
    except re2.error as refusal:
        cause, _, where = refusal.args[0].decode(errors="replace").partition(": ")
        raise FilterError(
            f"Failed to compile regular expression {quote(source)}: "
            f"error parsing regexp: {_GO_CAUSES.get(cause, cause)}: `{where}`"
        ) from None
    search = compiled.search

    @lru_cache(_REMEMBERED)
    def found_in(text: str) -> bool:
        return search(text.encode()) is not None

    return Pattern(found_in, compiled.programsize)
