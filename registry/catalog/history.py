"""The history of a check: its last changes of status, kept beside the catalog.

A row of the history table has the key of its check's row and holds the changes as msgpack arrays, the
oldest first. No process has the table in memory: the keeper writes it, and whoever is asked reads it.
"""

from collections.abc import Iterable

import msgspec

from registry.catalog.rows import unpack_check

HISTORY = "history"
"""The table. It is not loaded into catalogs, and what is written to it is no entry of the log."""

REASON_CHARS = 200
"""How much of the check's output is kept with a change."""


REGISTERED = "registered"
"""The reason of a new check's status, unless it comes with an output."""


class Transition(msgspec.Struct, array_like=True, frozen=True):
    """A change of a check's status.

    Attributes:
        time_ms: when it was committed, in milliseconds since the epoch.
        before: the status until then, "" for a check that was new.
        after: the status from then on.
        reason: the beginning of the check's output as of then.
        index: of the change.
    """

    time_ms: int
    before: str
    after: str
    reason: str = ""
    index: int = 0


pack_history = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Transition]).decode


def unpack_history(packed: bytes | None) -> list[Transition]:
    """Return the changes in a row, the oldest first; none for a row that is not there.

    Raises:
        msgspec.MsgspecError: it is no history.
    """
    return _decode(packed) if packed else []


def lengthened(packed: bytes | None, added: Iterable[Transition], most: int) -> bytes:
    """Return a row with changes added at its end, and only the newest ``most`` of all kept."""
    return pack_history([*unpack_history(packed), *added][-most:])


def transition(index: int, time_ms: int, before: str, packed: bytes, remark: str = "") -> Transition:
    """Return the change that a check's row makes, from its status before; "" for none.

    The reason is the row's output behind the remark; a new check without output has been registered.
    """
    row = unpack_check(packed)
    text = remark + (row.output or ("" if before else REGISTERED))
    return Transition(time_ms, before, row.status, text[:REASON_CHARS], index)
