"""Compares two JSON documents and names every place where they differ.

Numbers that two servers choose for themselves (indexes, hashes) are not compared by value: the caller
names the fields and judges the pairs. Lists of objects that have an identity (a check, an instance, a
node) are matched by it, so that one missing element is one difference and not a hundred.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Missing:
    """Stands for a value that one side does not have."""

    def __repr__(self) -> str:
        return "(missing)"


MISSING = Missing()


@dataclass(frozen=True)
class Gap:
    """One place where two documents differ: a path such as ``$[node-a/web-1].Service.Port``."""

    where: str
    theirs: Any
    ours: Any


Judge = Callable[[str, Any, Any], Gap | None]
"""Says whether two values of a field chosen by the servers fit together: (path, theirs, ours)."""


def compare(
    theirs: Any,
    ours: Any,
    judges: Mapping[str, Judge],
    exempt: Callable[[Mapping[str, Any]], bool] = lambda _: False,
    where: str = "$",
) -> Iterator[Gap]:
    """Yield the differences between two documents.

    Args:
        theirs: the document of the reference.
        ours: the document of the server under test.
        judges: for field names whose values are not comparable as they are, what to ask instead.
        exempt: says of an object that its judged fields are not to be looked at.
        where: path of the two documents.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict):
        yield from _compare_objects(theirs, ours, judges, exempt, where)
    elif isinstance(theirs, list) and isinstance(ours, list):
        yield from _compare_lists(theirs, ours, judges, exempt, where)
    elif theirs != ours or type(theirs) is not type(ours):
        yield Gap(where, theirs, ours)


def _compare_objects(
    theirs: dict[str, Any], ours: dict[str, Any], judges: Mapping[str, Judge], exempt: Any, where: str
) -> Iterator[Gap]:
    spared = exempt(theirs)
    for key in sorted(theirs.keys() | ours.keys()):
        path = f"{where}.{key}"
        left, right = theirs.get(key, MISSING), ours.get(key, MISSING)
        judge = judges.get(key)
        if judge is None or left is MISSING or right is MISSING:
            yield from compare(left, right, judges, exempt, path)
        elif not spared and (gap := judge(path, left, right)):
            yield gap
    order = [key for key in theirs if key in ours], [key for key in ours if key in theirs]
    if order[0] != order[1]:
        yield Gap(f"{where} (order of keys)", *order)


def _compare_lists(
    theirs: list[Any], ours: list[Any], judges: Mapping[str, Judge], exempt: Any, where: str
) -> Iterator[Gap]:
    left, right = _by_identity(theirs), _by_identity(ours)
    if left is None or right is None:
        if len(theirs) != len(ours):
            yield Gap(where, theirs, ours)
            return
        for number, pair in enumerate(zip(theirs, ours, strict=True)):
            yield from compare(*pair, judges, exempt, f"{where}[{number}]")
        return
    for key in [*left, *(key for key in right if key not in left)]:
        pair = left.get(key, MISSING), right.get(key, MISSING)
        yield from compare(*pair, judges, exempt, f"{where}[{key}]")
    order = [key for key in left if key in right], [key for key in right if key in left]
    if order[0] != order[1]:
        yield Gap(f"{where} (order)", *order)


def _by_identity(items: list[Any]) -> dict[str, Any] | None:
    """Return the elements by identity, or None if one has none or two share one."""
    found = {}
    for item in items:
        key = identity(item)
        if key is None or key in found:
            return None
        found[key] = item
    return found


def identity(item: Any) -> str | None:
    """Return what an element of a catalog, health or agent list is known by, or None.

    Names that differ in case alone name the same object in a catalog.
    """
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("Service"), dict):
        node = item["Node"]["Node"] if isinstance(item.get("Node"), dict) else ""
        return f"{node}/{item['Service']['ID']}".lower()
    if isinstance(item.get("Node"), str):
        return f"{item['Node']}/{item.get('CheckID') or item.get('ServiceID') or ''}".lower()
    for field in ("ID", "Name"):
        if item.get(field):
            return str(item[field]).lower()
    return None
