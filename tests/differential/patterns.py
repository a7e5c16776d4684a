"""Judges numbers that two servers choose for themselves by their order and equality."""

from bisect import bisect_left, insort
from typing import Any

from harness.compare import Gap


class Order:
    """Pairs of indexes seen in bodies: equal where equal, smaller where smaller, over a whole sequence.

    Consul's agent brings a change to its catalog in several writes, in no particular order, where one
    would do (a service, then each of its checks). Indexes that were first seen after the same agent
    write may therefore have any order among themselves; `new_step` tells when a write was made.
    """

    def __init__(self) -> None:
        self._pairs: list[tuple[int, int]] = []
        self._seen: dict[tuple[int, int], int] = {}
        self._step = 0
        self._agent_steps: set[int] = set()

    def new_step(self, agent: bool) -> None:
        """Note that a write was made, and whether through the agent."""
        self._step += 1
        if agent:
            self._agent_steps.add(self._step)

    def judge(self, where: str, theirs: Any, ours: Any) -> Gap | None:
        """Take in a pair of indexes and say whether it contradicts one that was seen before."""
        if type(theirs) is not int or type(ours) is not int or (theirs == 0) != (ours == 0):
            return Gap(where, theirs, ours)
        pair = theirs, ours
        if theirs == 0 or pair in self._seen:
            return None
        at = bisect_left(self._pairs, pair)
        for other in self._pairs[max(at - 2, 0) : at + 2]:
            if _agree(pair, other) or self._one_write(other):
                continue
            return Gap(where, f"{theirs} beside {other[0]}", f"{ours} beside {other[1]}")
        insort(self._pairs, pair)
        self._seen[pair] = self._step
        return None

    def _one_write(self, other: tuple[int, int]) -> bool:
        return self._seen[other] == self._step and self._step in self._agent_steps


class Names:
    """Pairs of opaque values, such as hashes: equal on one side exactly when equal on the other."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}
        self._theirs: dict[str, str] = {}

    def judge(self, where: str, theirs: Any, ours: Any) -> Gap | None:
        """Take in a pair of values and say whether it contradicts one that was seen before."""
        if not isinstance(theirs, str) or not isinstance(ours, str):
            return Gap(where, theirs, ours)
        expected = self._ours.setdefault(theirs, ours), self._theirs.setdefault(ours, theirs)
        if expected == (ours, theirs):
            return None
        return Gap(where, f"{theirs} (as {expected[1]}'s)", f"{ours} (before: {expected[0]})")


def _agree(left: tuple[int, int], right: tuple[int, int]) -> bool:
    return _sign(left[0] - right[0]) == _sign(left[1] - right[1])


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
