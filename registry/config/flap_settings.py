"""The settings of flap damping, and the bounds that a check's own definition has to keep too."""

from dataclasses import dataclass
from typing import Annotated

from registry.config.kinds import duration, integer
from registry.config.setting import Setting

MOST_FLAPS = 1000
LEAST_FLAP_S, MOST_FLAP_S = 1, 86400

_GROUP = "Checks that flap"


# Without slots: of several bases only one may have them.
@dataclass(frozen=True, kw_only=True)
class FlapSettings:
    """When a check is held for changing too often."""

    flap_threshold: Annotated[
        int,
        Setting(
            _GROUP,
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
            _GROUP,
            "1m",
            duration(LEAST_FLAP_S, MOST_FLAP_S),
            "The time within which the changes of a check are counted; FlapWindow in its definition.",
        ),
    ]
    flap_calm: Annotated[
        float,
        Setting(
            _GROUP,
            "1m",
            duration(LEAST_FLAP_S, MOST_FLAP_S),
            "How long a held check has to stay as it is to be let go; FlapCalm in its definition.",
        ),
    ]
