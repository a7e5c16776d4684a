"""Reading a check's definition: the parts that several kinds of checks have in common."""

from collections.abc import Mapping
from typing import Any

from registry.keeper.probes.tools import Options
from registry.wire.duration import SECOND

Definition = Mapping[str, Any]
"""A check's fields in Consul's canonical names, durations in nanoseconds; only those that were given."""

NETWORK_TIMEOUT_NS = 10 * SECOND
PROGRAM_TIMEOUT_NS = 30 * SECOND
"""Consul's defaults."""


def timeout_ns(definition: Definition, default_ns: int = NETWORK_TIMEOUT_NS) -> int:
    """Return how long one run may take, in nanoseconds."""
    given = int(definition.get("Timeout", 0))
    return given if given > 0 else default_ns


def timeout_s(definition: Definition, default_ns: int = NETWORK_TIMEOUT_NS) -> float:
    """Return how long one run may take, in seconds."""
    return timeout_ns(definition, default_ns) / SECOND


def output_limit(definition: Definition, options: Options) -> int:
    """Return how many bytes of output are kept."""
    given = int(definition.get("OutputMaxSize", 0))
    return min(given, options.max_output_bytes) if given > 0 else options.max_output_bytes
