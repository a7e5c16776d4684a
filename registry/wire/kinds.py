"""The kinds of values that a request body may hold.

A kind turns a parsed JSON value into the value handlers use, or refuses it as Go's encoding/json
does. Where Consul's error text names only the outermost field, this one has the whole path:
``json: cannot unmarshal number into Go struct field .Checks[1].HTTP of type string``.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

from registry.wire.duration import DurationError, parse_duration

RAW_DEPTH: Final = 128
"""Deepest nesting of a `RAW` value; the JSON encoder stops at 254, with what is around it."""

_GO_WORDS: Final = {
    type(None): "null",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


class Misfit(Exception):
    """A value was refused; the containers around it add where it stood while this passes them.

    ``before`` and ``after`` are what the error text says on either side of the place.
    """

    def __init__(self, before: str, after: str = "") -> None:
        super().__init__(before, after)
        self.before = before
        self.after = after
        self.path: list[str] = []  # steps such as ".Checks" and "[1]", innermost first

    def text(self) -> str:
        """Return the whole error text."""
        place = f"Go struct field {''.join(reversed(self.path))}" if self.path else "Go value"
        return f"{self.before}{place}{self.after}"


class Kind(ABC):
    """A kind of value.

    ``go_type`` names it in error texts. A value of exactly the type ``plain`` needs no conversion.
    """

    go_type: str
    plain: type | None = None

    @abstractmethod
    def convert(self, value: object) -> Any:
        """Return the value to use for a parsed JSON value other than null, or raise `Misfit`."""

    @abstractmethod
    def zero(self) -> Any:
        """Return what null stands for as an item of a list or map: Go's zero value."""

    def misfit(self, value: object, shown: str = "") -> Misfit:
        """Return the refusal of ``value``; ``shown`` is added to the word for what was found."""
        return Misfit(
            f"json: cannot unmarshal {_GO_WORDS[type(value)]}{shown} into ", f" of type {self.go_type}"
        )


class _Plain(Kind):
    """Strings and booleans: one type, taken as it is."""

    def __init__(self, go_type: str, plain: type) -> None:
        self.go_type = go_type
        self.plain: type = plain

    def convert(self, value: object) -> Any:
        if type(value) is not self.plain:
            raise self.misfit(value)
        return value

    def zero(self) -> Any:
        return self.plain()


class _Integer(Kind):
    """Whole numbers of a range, spelled without point and exponent: 80.0 and 8e1 are refused."""

    def __init__(self, go_type: str, least: int, most: int) -> None:
        self.go_type = go_type
        self._least = least
        self._most = most

    def convert(self, value: object) -> int:
        if type(value) is int and self._least <= value <= self._most:
            return value
        raise self.misfit(value, f" {value!r}" if type(value) in (int, float) else "")

    def zero(self) -> int:
        return 0


class _Number(Kind):
    go_type = "float64"
    plain = float

    def convert(self, value: object) -> float:
        if type(value) in (int, float):
            return float(value)  # type: ignore[arg-type]
        raise self.misfit(value)

    def zero(self) -> float:
        return 0.0


class _Duration(Kind):
    """A string in Go's notation, or a number of nanoseconds whose fraction is cut off.

    Consul takes ``1e9`` and ``1.5``, too; what it silently drops (true, lists, objects, numbers
    beyond 64 bits) is refused here.
    """

    go_type = "time.Duration"

    def convert(self, value: object) -> int:
        if type(value) is str:
            try:
                return parse_duration(value)
            except DurationError as error:
                raise Misfit(f"{error} in ") from None
        if type(value) is int or type(value) is float:
            nanoseconds = int(value)
            if -(1 << 63) <= nanoseconds < 1 << 63:
                return nanoseconds
            raise self.misfit(value, f" {value!r}")
        raise self.misfit(value)

    def zero(self) -> int:
        return 0


class _Raw(Kind):
    """Any JSON value, as it was parsed, nested at most `RAW_DEPTH` levels."""

    go_type = "interface {}"

    def convert(self, value: object) -> Any:
        level = [value] if type(value) in _CONTAINERS else []
        for _ in range(RAW_DEPTH):
            if not level:
                return value
            level = [child for parent in level for child in _items(parent) if type(child) in _CONTAINERS]
        if level:
            raise Misfit(f"json: value nested deeper than {RAW_DEPTH} levels in ")
        return value

    def zero(self) -> None:
        return None


_CONTAINERS: Final = (dict, list)


def _items(container: Any) -> Iterable[Any]:
    return container.values() if type(container) is dict else container


STRING: Final[Kind] = _Plain("string", str)
BOOLEAN: Final[Kind] = _Plain("bool", bool)
INTEGER: Final[Kind] = _Integer("int", -(1 << 63), (1 << 63) - 1)
UNSIGNED: Final[Kind] = _Integer("uint64", 0, (1 << 64) - 1)
NUMBER: Final[Kind] = _Number()
DURATION: Final[Kind] = _Duration()
RAW: Final[Kind] = _Raw()


class ListOf(Kind):
    """A list of values of one kind, ``item``."""

    def __init__(self, item: Kind) -> None:
        self.go_type = "[]" + item.go_type
        self.item = item

    def convert(self, value: object) -> list[Any]:
        """Return the converted items of the list ``value``, or raise `Misfit`."""
        if type(value) is not list:
            raise self.misfit(value)
        item, convert = self.item, self.item.convert
        if set(map(type, value)) == {item.plain}:
            return value
        converted: list[Any] = []
        try:
            for each in value:
                converted.append(item.zero() if each is None else convert(each))
        except Misfit as misfit:
            misfit.path.append(f"[{len(converted)}]")
            raise
        return converted

    def zero(self) -> list[Any]:
        """Return an empty list."""
        return []


class MapOf(Kind):
    """An object with arbitrary keys and values of one kind, ``item``."""

    def __init__(self, item: Kind) -> None:
        self.go_type = "map[string]" + item.go_type
        self.item = item

    def convert(self, value: object) -> dict[str, Any]:
        """Return the object ``value`` with converted values, or raise `Misfit`."""
        if type(value) is not dict:
            raise self.misfit(value)
        item, convert = self.item, self.item.convert
        if set(map(type, value.values())) == {item.plain}:
            return value
        converted: dict[str, Any] = {}
        key = ""
        try:
            for key, each in value.items():
                converted[key] = item.zero() if each is None else convert(each)
        except Misfit as misfit:
            misfit.path.append(f".{key}")
            raise
        return converted

    def zero(self) -> dict[str, Any]:
        """Return an empty map."""
        return {}
