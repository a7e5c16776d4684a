"""Further settings of health checks: which connections are kept, and when a check flaps.

The bounds of the latter are those that a check's own definition has to keep too.
"""

from dataclasses import dataclass
from typing import Annotated

from registry.config.kinds import duration, integer
from registry.config.setting import Setting

MOST_FLAPS = 1000
LEAST_FLAP_S, MOST_FLAP_S = 1, 86400

CHECKS, _FLAPPING = "Health checks", "Checks that flap"


# Without slots: of several bases only one may have them.
@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """What `Settings` has about running checks besides its own."""

    max_kept_connections: Annotated[
        int,
        Setting(
            CHECKS,
            "256",
            integer(0, 100_000),
            "How many connections with TLS are kept between the runs of HTTPS checks, each for a minute at "
            "most; 0 to make a new one for each run, as Consul does. max_probes_per_target of them go to "
            "one host and port.",
        ),
    ]
    flap_threshold: Annotated[
        int,
        Setting(
            _FLAPPING,
            "0",
            integer(0, MOST_FLAPS),
            "How many changes of status within flap_window are too many. Such a check is held in the worst "
            "of the states it had until it calms, and its output says so. 0 for never; a check's own "
            "FlapThreshold goes before it. TTL checks are never held.",
        ),
    ]
    flap_window: Annotated[
        float,
        Setting(
            _FLAPPING,
            "1m",
            duration(LEAST_FLAP_S, MOST_FLAP_S),
            "The time within which the changes of a check are counted; FlapWindow in its definition.",
        ),
    ]
    flap_calm: Annotated[
        float,
        Setting(
            _FLAPPING,
            "1m",
            duration(LEAST_FLAP_S, MOST_FLAP_S),
            "How long a held check has to stay as it is to be let go; FlapCalm in its definition.",
        ),
    ]
