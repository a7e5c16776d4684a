"""The parsed form of a filter expression."""

from dataclasses import dataclass
from enum import Enum


class Operator(Enum):
    """What a comparison asks; the values are the names Consul uses in its error texts."""

    EQUAL = "Equal"
    NOT_EQUAL = "Not Equal"
    IN = "In"
    NOT_IN = "Not In"
    IS_EMPTY = "Is Empty"
    IS_NOT_EMPTY = "Is Not Empty"
    MATCHES = "Matches"
    NOT_MATCHES = "Not Matches"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One selector, one operator and, unless the operator asks for emptiness, one value.

    ``contains`` is ``Operator.IN`` with the operands exchanged, as in Consul.
    """

    selector: tuple[str, ...]
    operator: Operator
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of ``operand``, which is never itself a ``Not``."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """True when every one of two or more ``operands`` is, asked from left to right."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one of two or more ``operands`` is, asked from left to right."""

    operands: tuple["Expression", ...]


Expression = Comparison | Not | And | Or
