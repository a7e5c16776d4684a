"""The types of which selectable objects are made, and what may be asked of each.

An object is described by a ``Schema`` of named members, each of which is a scalar, a list, a map or
another ``Schema``. The operators each type takes are those of Consul's go-bexpr; asking anything
else is an error, not false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from registry.catalog.filter.expression import Operator
from registry.catalog.filter.gotext import parse_bool, parse_int

_EQUALITY = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
_MEMBERSHIP = frozenset({Operator.IN, Operator.NOT_IN})
_EMPTINESS = frozenset({Operator.IS_EMPTY, Operator.IS_NOT_EMPTY})
_PATTERNS = frozenset({Operator.MATCHES, Operator.NOT_MATCHES})
_NOTHING: frozenset[Operator] = frozenset()

Value = str | int | bool


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A single value.

    Attributes:
        operators: What may be asked of it.
        convert: Makes such a value of the text of a literal, or raises ``ValueError`` with Go's text.
        zero: What a missing value counts as.
    """

    operators: frozenset[Operator]
    convert: Callable[[str], Value]
    zero: Value


@dataclass(frozen=True, slots=True, eq=False)
class ListOf:
    """A list. Asking a member of its items asks for any item of which the answer is true."""

    item: "Scalar | Schema"

    @property
    def operators(self) -> frozenset[Operator]:
        """Emptiness, and membership if the items are scalars."""
        return _EMPTINESS if isinstance(self.item, Schema) else _EMPTINESS | _MEMBERSHIP

    @property
    def zero(self) -> tuple[()]:
        """An empty list, which is what a missing one counts as."""
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class MapOf:
    """A map from any text to one type. Membership is that of its keys."""

    value: "Selectable"

    @property
    def operators(self) -> frozenset[Operator]:
        """Emptiness and membership."""
        return _EMPTINESS | _MEMBERSHIP

    @property
    def zero(self) -> dict[str, object]:
        """An empty map, which is what a missing one counts as."""
        return {}


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """An object with named members."""

    members: Mapping[str, "Selectable"]

    @property
    def operators(self) -> frozenset[Operator]:
        """Nothing can be asked of an object, only of its members."""
        return _NOTHING

    @property
    def zero(self) -> dict[str, object]:
        """An object all of whose members are missing."""
        return {}


Selectable = Scalar | ListOf | MapOf | Schema

TEXT = Scalar(_EQUALITY | _MEMBERSHIP | _PATTERNS, str, "")
NUMBER = Scalar(_EQUALITY, parse_int, 0)
FLAG = Scalar(_EQUALITY, parse_bool, False)


def member_of(selectable: Selectable, name: str) -> Selectable | None:
    """Return the type of the member ``name``, or ``None`` if there is no such member.

    A map has a member of every name; the members of a list are those of its items.
    """
    if isinstance(selectable, MapOf):
        return selectable.value
    if isinstance(selectable, ListOf):
        return member_of(selectable.item, name)
    return selectable.members.get(name) if isinstance(selectable, Schema) else None
