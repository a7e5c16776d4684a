"""Settings of health checks: what they may reach, how many run, and when one flaps.

The bounds of the last are those that a check's own definition has to keep too.
"""

from dataclasses import dataclass
from typing import Annotated

from registry.config.kinds import choice, duration, integer
from registry.config.setting import Setting

MOST_FLAPS = 1000
LEAST_FLAP_S, MOST_FLAP_S = 1, 86400

_CHECKS, _FLAPPING = "Health checks", "Checks that flap"


# Without slots: of several bases only one may have them.
@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """What `Settings` has about running checks."""

    check_output_interval: Annotated[
        float,
        Setting(
            _CHECKS,
            "5m",
            duration(1, 86400),
            "How often the output of a check is written anew while its status stays the same; a few changes "
            "of a TTL check's output after a quiet time are written at once. A new status is written at "
            "once, with its output. Output alone moves no index and wakes no watcher.",
        ),
    ]
    check_redirects: Annotated[
        str,
        Setting(
            _CHECKS,
            "refuse",
            choice("refuse", "follow"),
            "What an HTTP check makes of a redirect. Refused, it is critical; followed, every hop has to "
            "pass the rules on addresses too. Consul follows.",
        ),
    ]
    check_loopback: Annotated[
        str,
        Setting(
            _CHECKS,
            "allow",
            choice("allow", "refuse"),
            "Whether checks may connect to this machine itself.",
        ),
    ]
    check_private: Annotated[
        str,
        Setting(
            _CHECKS,
            "allow",
            choice("allow", "refuse"),
            "Whether checks may connect to private addresses (RFC 1918, RFC 6598, RFC 4193).",
        ),
    ]
    check_link_local: Annotated[
        str,
        Setting(
            _CHECKS,
            "refuse",
            choice("refuse", "allow"),
            "Whether checks may connect to link-local addresses, where clouds keep credentials.",
        ),
    ]
    max_probes: Annotated[
        int,
        Setting(
            _CHECKS,
            "4096",
            integer(1, 100_000),
            "How many checks run at the same time. It has to be more than the checks whose targets hang.",
        ),
    ]
    max_probes_per_target: Annotated[
        int,
        Setting(_CHECKS, "64", integer(1, 10_000), "How many of them go to one host and port."),
    ]
    max_kept_connections: Annotated[
        int,
        Setting(
            _CHECKS,
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
