"""The comparison itself: what it must find, and what it must not."""

from typing import Any

import pytest

from harness.compare import MISSING, Gap, compare

CHECK = {"Node": "n", "CheckID": "c", "Status": "passing"}


def gaps(theirs: Any, ours: Any) -> list[tuple[str, Any, Any]]:
    return [(gap.where, gap.theirs, gap.ours) for gap in compare(theirs, ours, {})]


@pytest.mark.parametrize(
    ("theirs", "ours", "found"),
    [
        ({"a": 1, "b": [1, {"c": None}]}, {"a": 1, "b": [1, {"c": None}]}, []),
        ({"a": 1}, {"a": 2}, [("$.a", 1, 2)]),
        ({"a": 1}, {"a": True}, [("$.a", 1, True)]),
        ({"a": 1}, {"a": 1.0}, [("$.a", 1, 1.0)]),
        ({"a": 1}, {}, [("$.a", 1, MISSING)]),
        ({}, {"a": None}, [("$.a", MISSING, None)]),
        ([], None, [("$", [], None)]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, [("$ (order of keys)", ["a", "b"], ["b", "a"])]),
        (
            [CHECK, CHECK | {"CheckID": "d"}],
            [CHECK | {"Node": "N"}, CHECK | {"CheckID": "D"}],
            [("$[n/c].Node", "n", "N"), ("$[n/d].CheckID", "d", "D")],
        ),
        (["a"], ["a", "b"], [("$", ["a"], ["a", "b"])]),
        ([CHECK], [CHECK | {"Status": "critical"}], [("$[n/c].Status", "passing", "critical")]),
        ([CHECK], [], [("$[n/c]", CHECK, MISSING)]),
        (
            [CHECK, CHECK | {"CheckID": "d"}],
            [CHECK | {"CheckID": "d"}, CHECK],
            [("$ (order)", ["n/c", "n/d"], ["n/d", "n/c"])],
        ),
        ([CHECK, CHECK], [CHECK, CHECK | {"Status": "x"}], [("$[1].Status", "passing", "x")]),
    ],
)
def test_gaps(theirs: Any, ours: Any, found: list[tuple[str, Any, Any]]) -> None:
    assert gaps(theirs, ours) == found


def test_judged_fields_are_not_compared_by_value() -> None:
    asked = []

    def judge(where: str, theirs: Any, ours: Any) -> Gap | None:
        asked.append((where, theirs, ours))
        return Gap(where, theirs, ours) if ours == 9 else None

    theirs = [{"Node": "own", "I": 1}, {"Node": "a", "I": 2}, {"Node": "b", "I": 3}]
    ours = [{"Node": "own", "I": 7}, {"Node": "a", "I": 8}, {"Node": "b", "I": 9}]
    found = list(compare(theirs, ours, {"I": judge}, lambda item: item["Node"] == "own"))
    assert asked == [("$[a/].I", 2, 8), ("$[b/].I", 3, 9)]
    assert found == [Gap("$[b/].I", 3, 9)]
