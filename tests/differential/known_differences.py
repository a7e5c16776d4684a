"""Every difference from Consul 1.8.7 that is meant, each as a rule with its reason."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from differential.pair import Difference


@dataclass(frozen=True)
class Rule:
    """A named, meant difference.

    Attributes:
        name: short, unique.
        reason: why the two differ, and why ours is right.
        covers: says of a difference whether it is this one.
    """

    name: str
    reason: str
    covers: Callable[[Difference], bool]


RULES: tuple[Rule, ...] = ()


class KnownDifferences:
    """Explains differences by the first rule that covers them, and counts how often each did."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.fired: Counter[str] = Counter()

    def explains(self, difference: Difference) -> bool:
        """Say whether a rule covers the difference, and count it."""
        for rule in self.rules:
            if rule.covers(difference):
                self.fired[rule.name] += 1
                return True
        return False
