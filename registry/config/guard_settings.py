"""The settings of the guard against mass failures, which `registry.config.settings` takes in."""

from dataclasses import dataclass
from typing import Annotated

from registry.config.kinds import duration, integer, share
from registry.config.setting import Setting

_GUARD = "Guard against mass failures"


# Without slots: of several bases only one may have them.
@dataclass(frozen=True, kw_only=True)
class GuardSettings:
    """When the guard begins and ends; see `registry.keeper.guard`."""

    guard_share: Annotated[
        float,
        Setting(
            _GUARD,
            "0",
            share(),
            "The share of a service's instances, or of all checks, that may turn critical within "
            "guard_window. When more of them do, or all, the guard keeps the last healthy set in the "
            "answers, with a header that says so. 0 switches it off.",
            live=True,
        ),
    ]
    guard_window: Annotated[
        float,
        Setting(
            _GUARD,
            "10s",
            duration(0.1, 3600),
            "The time within which they turn critical. It should be a little longer than the interval of the "
            "checks times the failures that make them critical.",
            live=True,
        ),
    ]
    guard_limit: Annotated[
        float,
        Setting(
            _GUARD,
            "10m",
            duration(0.1, 7 * 86400),
            "How long a guard stays on at most. It ends before that when the share has fallen.",
            live=True,
        ),
    ]
    guard_min_instances: Annotated[
        int,
        Setting(
            _GUARD,
            "3",
            integer(1, 1_000_000),
            "How many instances a service has at least to be guarded: of fewer, chance alone takes a large "
            "share.",
            live=True,
        ),
    ]
