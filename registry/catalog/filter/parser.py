"""The grammar of filter expressions, that of Consul's go-bexpr 0.1.2.

Consul's parser is generated from a parsing expression grammar and tries alternatives over again,
which takes time exponential in the nesting. This one reads each part once and takes linear time,
yet notes the same failures at the same places, so that its errors read the same.
"""

import re

from registry.catalog.filter.errors import FilterSyntaxError
from registry.catalog.filter.expression import And, Comparison, Expression, Not, Operator, Or
from registry.catalog.filter.scanner import Scanner, place

MAX_DEPTH = 64
"""How many parentheses may be open at once; a level costs four Python frames."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_SIGNS = (("==", Operator.EQUAL), ("!=", Operator.NOT_EQUAL))
_BEFORE_VALUE = (
    (("contains",), Operator.IN),
    (("not", "contains"), Operator.NOT_IN),
    (("matches",), Operator.MATCHES),
    (("not", "matches"), Operator.NOT_MATCHES),
)
_WITHOUT_VALUE = (
    (("is", "empty"), Operator.IS_EMPTY),
    (("is", "not", "empty"), Operator.IS_NOT_EMPTY),
)
_BEFORE_SELECTOR = ((("in",), Operator.IN), (("not", "in"), Operator.NOT_IN))


def parse(text: str, max_length: int) -> Expression:
    """Parse a filter expression.

    Args:
        text: The expression; bytes that are not UTF-8 may be present as surrogate escapes.
        max_length: The number of characters it may have.

    Raises:
        FilterSyntaxError: It is too long, nested too deep, or not an expression.
    """
    if len(text) > max_length:
        raise FilterSyntaxError(
            f"Expression is {len(text)} characters long, expected at most {max_length}; shorten it"
        )
    broken = _SURROGATE.search(text)
    if broken:
        raise FilterSyntaxError(f"{place(text, broken.start())}: invalid encoding")
    return _Parser(text).parse()


class _Parser(Scanner):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def parse(self) -> Expression:
        self.blanks()
        expression = self._alternatives()
        self.blanks()
        ended = expression is not None and self.end()
        self.check()
        if expression is None or not ended:
            raise self.refusal()
        return expression

    def _alternatives(self) -> Expression | None:
        first = self._conjunction()
        if first is None:
            return None
        operands = [first]
        end = self.at
        while self._words("or") and (following := self._conjunction()) is not None:
            operands.append(following)
            end = self.at
        self.at = end
        return first if len(operands) == 1 else Or(tuple(operands))

    def _conjunction(self) -> Expression | None:
        first = self._negation()
        if first is None:
            return None
        operands = [first]
        end = self.at
        while self._words("and") and (following := self._negation()) is not None:
            operands.append(following)
            end = self.at
        self.at = end
        return first if len(operands) == 1 else And(tuple(operands))

    def _negation(self) -> Expression | None:
        starts = [self.at]
        while self.word("not") and self.blanks():
            starts.append(self.at)
        # The last words "not" may be something else where nothing fits after them: "not in Tags",
        # "not not in Tags". One before those cannot: two more would stand between it and its operator.
        for count in range(len(starts) - 1, max(len(starts) - 4, -1), -1):
            self.at = starts[count]
            operand = self._group()
            if operand is not None:
                return _negated(operand, count)
        return None

    def _group(self) -> Expression | None:
        start = self.at
        if not self.word("("):
            return self._comparison()
        if self._depth == MAX_DEPTH:
            raise FilterSyntaxError(
                f'{place(self.text, start)}: rule "grouping": Expected at most {MAX_DEPTH} open '
                "parentheses, found one more; write the expression with fewer"
            )
        self._depth += 1
        self.blanks()
        inner = self._alternatives()
        self._depth -= 1
        if inner is not None:
            self.blanks()
            if self.word(")"):
                return inner
            self.mistake('"grouping"', "Unmatched parentheses")
        self.at = start
        return None

    def _comparison(self) -> Comparison | None:
        start = self.at
        selector = self._selector()
        if selector is not None:
            end = self.at
            operator = self._sign() or self._operator(_BEFORE_VALUE)
            if operator is not None:
                value = self._value()
                if value is not None:
                    return Comparison(selector, operator, value)
                self.at = end
            operator = self._operator(_WITHOUT_VALUE)
            if operator is not None:
                return Comparison(selector, operator)
        self.at = start
        return self._membership()

    def _membership(self) -> Comparison | None:
        start = self.at
        value = self._value()
        if value is not None:
            operator = self._operator(_BEFORE_SELECTOR)
            if operator is not None:
                selector = self._selector()
                if selector is not None:
                    return Comparison(selector, operator, value)
                self.mistake('"match"', "Invalid selector")
        self.at = start
        return None

    def _sign(self) -> Operator | None:
        start = self.at
        for sign, operator in _SIGNS:
            self.blanks()
            if self.word(sign):
                self.blanks()
                return operator
            self.at = start
        return None

    def _operator(self, choices: tuple[tuple[tuple[str, ...], Operator], ...]) -> Operator | None:
        for words, operator in choices:
            if self._words(*words, closed=choices is not _WITHOUT_VALUE):
                return operator
        return None

    def _words(self, *words: str, closed: bool = True) -> bool:
        start = self.at
        if all(self.blanks() and self.word(word) for word in words) and (not closed or self.blanks()):
            return True
        self.at = start
        return False

    def _selector(self) -> tuple[str, ...] | None:
        first = self.identifier()
        if first is None:
            return None
        segments = [first]
        while (segment := self._member()) is not None or (segment := self._index()) is not None:
            segments.append(segment)
        return tuple(segments)

    def _member(self) -> str | None:
        start = self.at
        if self.word("."):
            name = self.identifier()
            if name is not None:
                return name
        self.at = start
        return None

    def _index(self) -> str | None:
        start = self.at
        if not self.word("["):
            return None
        self.blanks()
        key = self.string()
        if key is None:
            self.mistake('"index"', "Invalid index")
        else:
            self.blanks()
            if self.word("]"):
                return key
            self.mistake('"index"', "Unclosed index expression")
        self.at = start
        return None

    def _value(self) -> str | None:
        selector = self._selector()
        if selector is not None:
            return ".".join(selector)
        number = self.number()
        return number if number is not None else self.string()


def _negated(expression: Expression, times: int) -> Expression:
    if times % 2 == 0:
        return expression
    return expression.operand if isinstance(expression, Not) else Not(expression)
