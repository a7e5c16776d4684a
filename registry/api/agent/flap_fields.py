"""When a check is held for changing too often: the fields of its definition, and what is wrong with them."""

from typing import Any

from registry.config.check_settings import LEAST_FLAP_S, MOST_FLAP_S, MOST_FLAPS
from registry.wire.decode import DURATION, INTEGER, Field
from registry.wire.duration import SECOND, format_duration

FLAP_FIELDS = (
    Field("FlapThreshold", INTEGER, ("flap_threshold",)),
    Field("FlapWindow", DURATION, ("flap_window",)),
    Field("FlapCalm", DURATION, ("flap_calm",)),
)
"""Consul has nothing of the kind."""


def flapping_problem(given: dict[str, Any]) -> str:
    """Return what is wrong with when a check is held for changing too often, "" for nothing."""
    if given.get("TTL", 0) > 0 and any(given.get(field.name) for field in FLAP_FIELDS):
        return (
            "FlapThreshold, FlapWindow and FlapCalm do not apply to TTL checks, "
            "whose status is always the one that was set last; leave them out"
        )
    threshold = given.get("FlapThreshold", 0)
    if not -1 <= threshold <= MOST_FLAPS:
        return (
            f"FlapThreshold must be from 1 to {MOST_FLAPS}, -1 to never hold the check, "
            f"or 0 for the server's flap_threshold, found {threshold}"
        )
    for name in ("FlapWindow", "FlapCalm"):
        span = given.get(name, 0)
        if span and not LEAST_FLAP_S * SECOND <= span <= MOST_FLAP_S * SECOND:
            least, most = format_duration(LEAST_FLAP_S * SECOND), format_duration(MOST_FLAP_S * SECOND)
            return f"{name} must be from {least} to {most}, found {format_duration(span)}"
    return ""
