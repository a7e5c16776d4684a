"""What is counted: every metric, declared once, here and nowhere else.

To add one, declare it below and count where it happens (``GUARD_TRIPS.inc()``); it then shows at
``/v1/agent/metrics`` whichever worker is asked. Import this module only in processes that count, after
`registry.observe.figures.prepare`, and never on the path of a cached lookup: counting takes two
microseconds.

Each process counts into files of its own under ``run/`` (the client library's multiprocess mode), which
any worker reads and adds up.

Loading the library takes two megabytes and 20 ms, so what seldom counts loads this only when it does.

Rules
    - Labels have few values, all known in advance: every combination is a line for good.
    - A gauge is one of the ``live`` modes: its value goes with the process that set it. Counters and
      histograms stay when their process is replaced, and begin anew when the registry is started anew.
    - What can be seen in the catalog is no metric here: `registry.api.agent.metrics` reads it there
      when it is asked.
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

PROBES_RUN = Counter(
    "registry_probes",
    "Runs of checks; for a ttl check, looks for its heartbeats; for an alias, changes of what it follows",
    ["kind"],
    registry=None,
)
PROBES_FAILED = Counter(
    "registry_probes_failed", "Runs that were not passing, by result", ["kind", "result"], registry=None
)
PROBES_LATE = Counter(
    "registry_probes_late",
    "Runs that began later than check_late_after after they were due",
    ["kind"],
    registry=None,
)
PROBE_SECONDS = Histogram(
    "registry_probe_duration_seconds",
    "How long runs took, without the time that they waited for their turn",
    ["kind"],
    buckets=LATENCY_BUCKETS_S,
    registry=None,
)
SERVICES_REAPED = Counter(
    "registry_services_reaped",
    "Services deregistered for having been critical longer than DeregisterCriticalServiceAfter",
    registry=None,
)
CHECKS_RUNNING = Gauge(
    "registry_checks_running",
    "Checks that the keeper runs",
    ["kind"],
    multiprocess_mode="livesum",
    registry=None,
)
