"""Settings of what people see of the health checks."""

from dataclasses import dataclass
from typing import Annotated

from registry.config.kinds import duration, integer
from registry.config.setting import Setting

_INSIGHT = "What is seen of health checks"


@dataclass(frozen=True, kw_only=True)
class InsightSettings:
    """History, lists and metrics of checks. Without slots: only one base of a class may have some."""

    check_history: Annotated[
        int,
        Setting(
            _INSIGHT,
            "20",
            integer(0, 1000),
            "How many changes of its status are kept of each check, with time and reason. 0 keeps none and "
            "removes those there are; then nobody knows since when a check has its status.",
            live=True,
        ),
    ]
    check_late_after: Annotated[
        float,
        Setting(
            _INSIGHT,
            "500ms",
            duration(0.001, 3600),
            "How much later than due a check may begin to run without being counted as late.",
            live=True,
        ),
    ]
    max_checks_listed: Annotated[
        int,
        Setting(
            _INSIGHT,
            "1000",
            integer(1, 10_000),
            "How many checks one answer of the list of checks holds. A request may ask for fewer; what is "
            "left over comes with the next.",
            live=True,
        ),
    ]
