"""Turns a filter expression into a function that answers yes or no for one object.

Everything that can be decided about the expression alone is decided here, once: names, operators,
values and patterns. What is left is a chain of closures, one per step of a selector, so asking an
object costs a few dictionary look-ups.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import eq, ne, not_
from typing import Any

from registry.catalog.filter.errors import FilterError
from registry.catalog.filter.expression import Comparison, Expression, Not, Operator, Or
from registry.catalog.filter.gotext import quote
from registry.catalog.filter.parser import parse
from registry.catalog.filter.pattern import compile_pattern
from registry.catalog.filter.schema import ListOf, MapOf, Scalar, Schema, Selectable, Value, member_of

MAX_LENGTH = 8192
"""How many characters an expression may have unless the caller says otherwise."""

# All patterns of one expression together. One pattern of this size takes about 20 ms to compile;
# ordinary ones have fewer than a hundred instructions.
_MAX_PATTERN_SIZE = 30_000

Predicate = Callable[[Mapping[str, Any]], bool]
_Test = Callable[[Any], bool]


def compile_filter(expression: str, schema: Schema, *, max_length: int = MAX_LENGTH) -> Predicate:
    """Compile a filter expression for objects of one kind.

    Args:
        expression: The expression, not empty, in the language of Consul's ``?filter=``.
        schema: What can be selected in the objects.
        max_length: The number of characters the expression may have.

    Returns:
        A function that tells whether the expression is true of an object, given as the mapping its
        JSON stands for. Members that are missing or ``None`` count as the zero value of their type.
        The function holds nothing of the objects it was asked about but a few texts it matched.

    Raises:
        FilterSyntaxError: The expression cannot be parsed.
        FilterError: It does not fit the schema, or a value or pattern in it is not valid.
    """
    return _Compiler(schema).test(parse(expression, max_length))


class _Compiler:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._pattern_size = 0

    def test(self, expression: Expression) -> _Test:
        if isinstance(expression, Comparison):
            return self._comparison(expression)
        if isinstance(expression, Not):
            operand = self.test(expression.operand)
            return lambda subject: not operand(subject)
        return _first(isinstance(expression, Or), tuple(map(self.test, expression.operands)))

    def _comparison(self, comparison: Comparison) -> _Test:
        selected = self._selected(comparison.selector)
        if comparison.operator not in selected.operators:
            raise FilterError(
                f"Invalid match operator {quote(comparison.operator.value)} "
                f"for selector {_shown(comparison.selector)}"
            )
        # A missing key of a map is unequal to everything, contained in nothing, and empty. That both
        # "matches" and "not matches" hold for it is Consul's own slip, on which clients may rely.
        absent = comparison.operator not in {Operator.EQUAL, Operator.IN, Operator.IS_NOT_EMPTY}
        return _reach(self._schema, comparison.selector, self._question(comparison, selected), absent)

    def _selected(self, selector: tuple[str, ...]) -> Selectable:
        selected: Selectable = self._schema
        for depth, name in enumerate(selector, 1):
            member = member_of(selected, name)
            if member is None:
                raise FilterError(f"Selector {_shown(selector[:depth])} is not valid")
            selected = member
        return selected

    def _question(self, comparison: Comparison, selected: Selectable) -> _Test:
        if comparison.value is None:
            return not_ if comparison.operator is Operator.IS_EMPTY else bool
        value = _converted(comparison.value, comparison.selector, selected)
        match comparison.operator:
            case Operator.EQUAL:
                return partial(eq, value)
            case Operator.NOT_EQUAL:
                return partial(ne, value)
            case Operator.IN:
                return lambda container: value in container
            case Operator.NOT_IN:
                return lambda container: value not in container
        found_in = self._pattern(comparison.value)
        return found_in if comparison.operator is Operator.MATCHES else lambda text: not found_in(text)

    def _pattern(self, source: str) -> Callable[[str], bool]:
        pattern = compile_pattern(source)
        self._pattern_size += pattern.size
        if self._pattern_size > _MAX_PATTERN_SIZE:
            raise FilterError(
                f"Regular expressions compile to more than {_MAX_PATTERN_SIZE} instructions together; "
                "write fewer or simpler ones"
            )
        return pattern.found_in


def _shown(selector: tuple[str, ...]) -> str:
    return quote(".".join(selector))


def _converted(text: str, selector: tuple[str, ...], selected: Selectable) -> Value:
    if not isinstance(selected, Scalar):
        return text  # of a list or map of texts: an item or a key
    try:
        return selected.convert(text)
    except ValueError as wrong:
        raise FilterError(
            f"Failed to coerce value {quote(text)} for selector {_shown(selector)}: {wrong}"
        ) from None


def _reach(start: Selectable, selector: tuple[str, ...], question: _Test, absent: bool) -> _Test:
    """Return a function that walks from ``start`` along ``selector`` and asks what it finds there."""
    if not selector:
        return question
    if isinstance(start, ListOf):
        return _of_any_item(_reach(start.item, selector, question, absent))
    name, *rest = selector
    following = member_of(start, name)
    assert following is not None, "a selector is checked before it is compiled"
    inner = _reach(following, tuple(rest), question, absent)
    return (
        _of_key(name, absent, inner) if isinstance(start, MapOf) else _of_member(name, following.zero, inner)
    )


def _of_member(name: str, zero: object, inner: _Test) -> _Test:
    return lambda subject: inner(subject.get(name) or zero)


def _of_key(key: str, absent: bool, inner: _Test) -> _Test:
    def test(subject: Mapping[str, Any]) -> bool:
        value = subject.get(key)
        return absent if value is None else inner(value)

    return test


def _of_any_item(inner: _Test) -> _Test:
    return lambda items: any(map(inner, items))


def _first(answer: bool, operands: tuple[_Test, ...]) -> _Test:
    """Return a function that gives ``answer`` as soon as one of ``operands`` does."""

    def test(subject: Any) -> bool:
        for operand in operands:
            if operand(subject) is answer:
                return answer
        return not answer

    return test
