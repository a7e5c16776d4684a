"""Guards against mass failures: instances that answers keep showing although they have turned critical.

A guard is a row, so that every process holds the same instances and a restart forgets none. It names
the whole set that was healthy before, not only what had turned by then: whoever follows is held from the
first moment on, without another write.
"""

from registry.catalog.entities import Instance
from registry.catalog.maintenance import is_maintenance
from registry.catalog.rows import GuardRow

TRIPS_KEY = b"guard_trips"
"""Where the meta table counts the guards there have been, as a decimal number."""

HOLD_OFF_KEY = b"guard_hold_off"
"""Where it says until when no guard begins, in wall-clock milliseconds, while a released one is there."""


class Guard:
    """A guard in memory.

    Attributes:
        row: what is known of it.
        packed: the row as it is stored.
        create, modify: its indexes.
    """

    __slots__ = ("_held", "create", "modify", "packed", "row")

    def __init__(self, row: GuardRow, packed: bytes, create: int, modify: int) -> None:
        self.row = row
        self.packed = packed
        self.create = create
        self.modify = modify
        self._held = {node: frozenset(members) for node, members in row.held.items()}

    def knows(self, instance: Instance) -> bool:
        """Say whether an instance is one of those that were healthy before.

        One that has been deregistered is not, even if another was registered in its place.
        """
        return instance.key in self._held.get(instance.node.key, ()) and instance.create < self.create

    def holds(self, instance: Instance) -> bool:
        """Say whether an instance counts as healthy whatever its checks: maintenance is the exception."""
        return (
            not self.row.released
            and self.knows(instance)
            and not any(is_maintenance(check.id) for check in (*instance.checks, *instance.node.level_checks))
        )
