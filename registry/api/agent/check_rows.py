"""Rows of the agent's checks: from definitions, and the ones that mean maintenance."""

from collections.abc import Iterable
from typing import Any

import msgspec

from registry.api.agent.check_types import type_of
from registry.api.agent.definitions import PROBE_FIELDS
from registry.api.agent.flap_fields import FLAP_FIELDS
from registry.catalog.entities import Check
from registry.catalog.maintenance import NODE_MAINTENANCE, SERVICE_MAINTENANCE
from registry.catalog.rows import CheckHead, CheckRow, ServiceRow, unpack_check
from registry.wire.decode import DURATION
from registry.wire.duration import format_duration

_PROBE_ORDER = {field.name: place for place, field in enumerate(PROBE_FIELDS)}


class _Typed(CheckHead, array_like=True, frozen=True):
    """The beginning of a check row, up to its type."""

    name: str = ""
    notes: str = ""
    output: str = ""
    service_tags: tuple[str, ...] = ()
    type: str = ""


_unpack_typed = msgspec.msgpack.Decoder(_Typed).decode


def service_check(service: ServiceRow, check_id: str, given: dict[str, Any]) -> CheckRow:
    """Return the row of a check that was given with its service."""
    return CheckRow(
        service.node,
        check_id,
        given.get("Status") or "critical",
        service.id,
        service.name,
        True,
        name=given.get("Name") or f"Service '{service.name}' check",
        notes=given.get("Notes", ""),
        service_tags=service.tags,
        type=type_of(given),
        interval=_shown(given.get("Interval", 0)),
        timeout=_shown(given.get("Timeout", 0)),
        definition=_extensions(given),
        probe=probe_of(given),
    )


def _extensions(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a check's definition shows: Consul shows nothing, so only what it does not have."""
    fields = [field for field in FLAP_FIELDS if given.get(field.name)]
    return {
        field.name: format_duration(given[field.name]) if field.kind is DURATION else given[field.name]
        for field in fields
    }


def _shown(nanoseconds: int) -> str:
    return format_duration(nanoseconds) if nanoseconds else ""


def single_check(
    node: str, check_id: str, given: dict[str, Any], service: ServiceRow | None = None
) -> CheckRow:
    """Return the row of a check that was registered by itself, for a service or for the node.

    Consul shows unset durations of these as ``0s``, where those given with a service show nothing.
    """
    return CheckRow(
        node,
        check_id,
        given.get("Status") or "critical",
        service.id if service else "",
        service.name if service else "",
        True,
        name=given["Name"],
        notes=given.get("Notes", ""),
        service_tags=service.tags if service else (),
        type=type_of(given),
        interval=format_duration(given.get("Interval", 0)),
        timeout=format_duration(given.get("Timeout", 0)),
        definition=_extensions(given),
        probe=probe_of(given),
    )


def maintenance_check(node: str, reason: str, service: ServiceRow | None = None) -> CheckRow:
    """Return the check that puts a service, or without one the node, into maintenance."""
    what = "service" if service else "node"
    return CheckRow(
        node,
        SERVICE_MAINTENANCE + service.id if service else NODE_MAINTENANCE,
        "critical",
        service.id if service else "",
        service.name if service else "",
        True,
        name=f"{what.capitalize()} Maintenance Mode",
        notes=reason
        or f"Maintenance mode is enabled for this {what}, but no reason was provided. "
        "This is a default message.",
        service_tags=service.tags if service else (),
        type="maintenance",
    )


def kind_of(check: Check) -> str:
    """Return the type of a check, without decoding what stands behind it in its row."""
    return _unpack_typed(check.packed).type


def count_ttl(checks: Iterable[Check]) -> int:
    """Return how many checks wait for heartbeats."""
    return sum(kind_of(check) == "ttl" for check in checks)


def probe_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return how to run a check: the fields given, in a fixed order, durations in nanoseconds.

    Empty values are left out, except for ``H2PingUseTLS``, which is true unless it is given.
    """
    names = sorted(given.keys() & _PROBE_ORDER.keys(), key=_PROBE_ORDER.__getitem__)
    probe = {name: given[name] for name in names if given[name] or name == "H2PingUseTLS"}
    if "Header" in probe:
        probe["Header"] = dict(sorted(probe["Header"].items()))
    return probe


def keeping_state(row: CheckRow, old: Check | None) -> CheckRow:
    """Return a row with the status and output that the agent's check of this ID has.

    So a registration that is repeated does not lose a heartbeat; the status kept wins over one that is
    given, and stays even when the check's type changes (Consul's behaviour).
    """
    if old is None or not old.local:
        return row
    known = unpack_check(old.packed)
    return msgspec.structs.replace(row, status=known.status, output=known.output)
