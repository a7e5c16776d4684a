"""What a guard against mass failures does to an answer: who counts as healthy, and the header."""

from datetime import UTC, datetime
from urllib.parse import quote

from registry.api.world import World
from registry.catalog import select, topics
from registry.catalog.bitmaps import EMPTY, SlotSet
from registry.catalog.entities import Group
from registry.catalog.guards import Guard
from registry.http.errors import HttpError
from registry.http.request import Read

HEADER = b"x-registry-guard"

NAME_MAX = 300
"""Characters of a service's name in the header; more than `max_name_bytes` allows unless many are escaped."""

_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""Besides letters and digits, what a header may hold as it is; a percent sign would be ambiguous."""


def wants_guard(read: Read[World]) -> bool:
    """Say whether a read takes part in guards; ``guard=off`` asks for the truth.

    Raises:
        HttpError: 400 for any other value than on and off.
    """
    value = read.first("guard")
    if value not in ("", "on", "off"):
        raise HttpError(400, "Invalid value for ?guard, expected on or off")
    return value != "off"


def guarded(read: Read[World], group: Group | None) -> tuple[SlotSet, tuple[tuple[bytes, bytes], ...]]:
    """Return the slots of the instances of a group that are held, and the headers that say so."""
    catalog = read.world.catalog
    if not wants_guard(read) or group is None or not group.members or not catalog.guards:
        return EMPTY, ()
    keys = {member.groups[0].key for member in group.members} if group.connect else {group.key}
    guards = [catalog.guards[key] for key in sorted(keys & catalog.guards.keys())]
    guards = [guard for guard in guards if not guard.row.released]
    if not guards:
        return EMPTY, ()
    held = select.held(catalog, group)
    return held, ((HEADER, header(group, len(held), guards)),)


def header(group: Group, held: int, guards: list[Guard]) -> bytes:
    """Return the header's text: how many are held, why, until when, and how to see the truth.

    Where several guards meet, in the answer about a service's proxies, it tells of the first.
    """
    row = guards[0].row
    name = group.key if group.connect else row.name
    whose = "proxies of" if group.connect else "instances of"
    more = f" (and {len(guards) - 1} more)" if len(guards) > 1 else ""
    text = (
        f"holding {held} of {len(group.members)} {whose} {quote(name, safe=_SAFE)[:NAME_MAX]}: "
        f"{row.reason}{more}; ends at {shown_time(row.ends_ms)} at the latest; "
        "add ?guard=off for the unguarded answer"
    )
    return text.encode("ascii", "replace")


def shown_time(ms: int) -> str:
    """Return a time as RFC 3339 shows it, in UTC and whole seconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def topics_of(group: Group | None) -> tuple[str, ...]:
    """Return what an answer about a service's proxies depends on besides them: the guards of their own."""
    if group is None:
        return ()
    return tuple(topics.guard(key) for key in sorted({member.groups[0].key for member in group.members}))
