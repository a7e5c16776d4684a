"""What the log still knows of changes that no keeper wrote down: it was starting, stopped or killed then."""

from collections.abc import Iterator, Mapping

from registry.catalog.history import Transition, transition
from registry.catalog.rows import CHECKS
from registry.store.change import LogEntry
from registry.store.protocol import Store

READ_AT_ONCE = 1000
"""Log entries read in one transaction."""

Missed = dict[bytes, tuple[bool, list[Transition]]]
"""By key: whether the check was removed in between, then its changes in order."""


def missed(store: Store, last: Mapping[bytes, Transition | None], until: int) -> Missed:
    """Return the changes of checks since their last lines, as far as the log reaches back.

    It goes through the whole log, some 5 microseconds an entry, for the checks that need it.

    Args:
        store: has the log.
        last: the last line of each check's history by key, None where it has none. The first state found
            of such a check is no change, unless the log has its registration.
        until: index of the last entry to look at.
    """
    status = {key: line.after if line else None for key, line in last.items()}
    found: Missed = {key: (False, []) for key in last}
    for entry in _log(store, until):
        for table, key in entry.deletes:
            if table == CHECKS and key in found and _is_later(entry, last[key]):
                found[key] = (True, [])
                status[key] = ""
        for table, key, create, packed in entry.puts:
            if table != CHECKS or key not in found or not _is_later(entry, last[key]):
                continue
            before = status[key]
            if before is None and create == entry.index:
                before = ""
            line = transition(entry.index, entry.time_ms, before or "", packed)
            status[key] = line.after
            if before is not None and line.after != before:
                found[key][1].append(line)
    return found


def _is_later(entry: LogEntry, last: Transition | None) -> bool:
    return last is None or entry.index > last.index


def _log(store: Store, until: int) -> Iterator[LogEntry]:
    facts = store.facts()
    index = int(facts["index"]) - int(facts["log_entries"])
    while entries := store.changes_since(index, READ_AT_ONCE):
        for entry in entries:
            if entry.index > until:
                return
            yield entry
        index = entries[-1].index
