"""What a rule about a known difference covers: conditions on one place of one exchange, and their joints."""

import re
from collections.abc import Callable
from typing import Any

from harness.compare import MISSING

from differential.pair import INDEX_HEADER, WOKE_IN_VAIN, Difference

Covers = Callable[[Difference], bool]


def added_header(name: str, value: str) -> Covers:
    """Cover a header that only we send, always with this value."""
    return lambda it: it.where == f"header {name}" and it.theirs is None and it.ours == value


def added_field(name: str, *values: Any) -> Covers:
    """Cover a field that only we show, with one of these values."""
    return lambda it: it.where.endswith(f".{name}") and it.theirs is MISSING and it.ours in values


def added_text_field(name: str) -> Covers:
    """Cover a field that only we show, with any text."""
    return lambda it: it.where.endswith(f".{name}") and it.theirs is MISSING and isinstance(it.ours, str)


def answers(theirs: int, ours: int, *paths: str) -> Covers:
    """Cover whole answers with these two statuses, to requests whose path begins with one of these."""
    return lambda it: (
        (it.exchange.theirs.status, it.exchange.ours.status) == (theirs, ours)
        and it.exchange.path.startswith(paths)
    )


def both_begin(text: str) -> Covers:
    """Cover the bodies of two errors of the same status that begin alike."""
    return lambda it: (
        it.where == "$"
        and it.exchange.theirs.status == it.exchange.ours.status >= 400
        and str(it.theirs).startswith(text)
        and str(it.ours).startswith(text)
    )


def quieter_index(it: Difference) -> bool:
    """Cover an index of ours that stands still where theirs rose over the same body."""
    return (
        it.where == f"header {INDEX_HEADER}"
        and (it.theirs, it.ours) == ("rose", "stood still")
        and not it.exchange.their_body_moved
        and not it.exchange.our_body_moved
    )


def quieter_index_with(it: Difference) -> bool:
    """Cover an index of ours that stands still where theirs rose over a body with other indexes only."""
    previous = it.exchange.previous
    return (
        it.where == f"header {INDEX_HEADER}"
        and (it.theirs, it.ours) == ("rose", "stood still")
        and previous is not None
        and without_indexes(it.exchange.theirs.body) == without_indexes(previous.theirs.body)
    )


def without_indexes(value: Any, *names: str) -> Any:
    """Return a JSON value without the indexes of its objects, and without the fields of these names."""
    if isinstance(value, dict):
        return {
            key: without_indexes(item, *names)
            for key, item in value.items()
            if not key.endswith("Index") and key not in names
        }
    return [without_indexes(item, *names) for item in value] if isinstance(value, list) else value


def text_alone_moved(it: Difference) -> bool:
    """Cover what comes of a reference's answer in which only outputs of checks and indexes are others."""
    if it.exchange.previous is None:
        return False
    before, after = it.exchange.previous.theirs.body, it.exchange.theirs.body
    return bool(
        without_indexes(before, "Output") == without_indexes(after, "Output")
        and without_indexes(before) != without_indexes(after)
    )


def left_behind(it: Difference) -> bool:
    """Cover the index of a check that moved on at theirs and not at ours."""
    if not re.search(r"\[[^]]*/[^]]*\]\.ModifyIndex$", it.where):
        return False
    (theirs, other), (ours, ours_other) = (
        [int(number) for number in re.findall(r"\d+", str(side))] for side in (it.theirs, it.ours)
    )
    return theirs > other and ours <= ours_other


def flapped(it: Difference) -> bool:
    """Cover the same of a check of the agent."""
    return "[node-a/" in it.where and left_behind(it)


def louder_index(it: Difference) -> bool:
    """Cover an index of ours that rose where theirs stood still."""
    return changed(f"header {INDEX_HEADER}", "stood still", "rose")(it)


def quieter_watcher(it: Difference) -> bool:
    """Cover a watcher of ours that slept where theirs woke to the same body."""
    return it.where == "watcher" and (it.theirs, it.ours) == (WOKE_IN_VAIN, "slept")


def at(covers: Covers, *paths: str) -> Covers:
    """Narrow a rule to requests whose path begins with one of these."""
    return lambda it: it.exchange.path.startswith(paths) and covers(it)


def body_order(it: Difference) -> bool:
    """Cover another order of the elements of the same list."""
    return it.where == "$ (order)"


def their_text(text: str) -> Covers:
    """Cover whole answers to requests that they refuse with a text that begins so, and we don't."""
    return lambda it: str(it.exchange.theirs.body).startswith(text)


def slashed(target: str) -> str:
    """Return a target with a slash at the end of its path."""
    path, question, query = target.partition("?")
    return f"{path}/{question}{query}"


def method(name: str) -> Covers:
    """Cover whole answers to requests of this method."""
    return lambda it: it.exchange.method == name


def has(query: str) -> Covers:
    """Cover requests with this in their query string."""
    return lambda it: query in it.exchange.target.partition("?")[2]


def both(*conditions: Covers) -> Covers:
    """Cover what all of these cover."""
    return lambda it: all(condition(it) for condition in conditions)


def either(*conditions: Covers) -> Covers:
    """Cover what one of these covers."""
    return lambda it: any(condition(it) for condition in conditions)


def after(*paths: str) -> Covers:
    """Cover reads with a write to one of these since the same read before."""
    return lambda it: any(write.startswith(paths) for write in it.exchange.writes)


def changed(where: str, theirs: Any, ours: Any) -> Covers:
    """Cover a place whose path ends so, with exactly these two values."""
    return lambda it: it.where.endswith(where) and it.theirs == theirs and it.ours == ours
