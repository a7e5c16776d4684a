"""Laws that hold for every expression and every object."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.catalog.filter import (
    CHECK_SERVICE_NODE,
    NODE,
    NODE_SERVICE,
    FilterError,
    FilterSyntaxError,
    compile_filter,
)
from registry.catalog.filter.expression import And, Comparison, Expression, Not, Operator, Or
from registry.catalog.filter.gotext import quote
from registry.catalog.filter.parser import parse

FRAGMENTS = [
    *'()[]."`=!-\\ \n05aé😀\x00\udcff',
    *["==", " != ", " in ", " not in ", " contains ", " matches ", " is empty", " is not empty"],
    *[" and ", " or ", "not ", "Node", "Meta", "Meta.a", 'Meta["a-b"]', '"x"', "`x`", "1.5", "(a", "a)"],
]
VALUES = ["", "a", "b", "ab", "passing", "canary"]
names = st.from_regex(r"\A[a-zA-Z][a-zA-Z0-9_]{0,5}\Z")
keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"'), max_size=5)
selectors = st.builds(lambda first, rest: (first, *rest), names, st.lists(keys, max_size=3))
comparisons: st.SearchStrategy[Expression] = st.one_of(
    st.builds(
        Comparison,
        selectors,
        st.sampled_from([op for op in Operator if op not in {Operator.IS_EMPTY, Operator.IS_NOT_EMPTY}]),
        keys,
    ),
    st.builds(Comparison, selectors, st.sampled_from([Operator.IS_EMPTY, Operator.IS_NOT_EMPTY])),
)


def _combined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    negated = inner.map(lambda operand: operand.operand if isinstance(operand, Not) else Not(operand))
    return st.one_of(st.builds(And, several), st.builds(Or, several), negated)


expressions = st.recursive(comparisons, _combined, max_leaves=12)


def printed(expression: Expression) -> str:
    """Write an expression down so that parsing it gives the same one again."""
    if isinstance(expression, Comparison):
        first, *rest = expression.selector
        selector = first + "".join(f"[{quote(key)}]" for key in rest)
        words = {"Equal": "==", "Not Equal": "!="}.get(
            expression.operator.value, expression.operator.value.lower()
        )
        if expression.value is None:
            return f"{selector} {words}"
        if expression.operator in {Operator.IN, Operator.NOT_IN}:
            return f"{quote(expression.value)} {words} {selector}"
        return f"{selector} {words} {quote(expression.value)}"
    if isinstance(expression, Not):
        return f"not ({printed(expression.operand)})"
    word = " and " if isinstance(expression, And) else " or "
    return word.join(f"({printed(operand)})" for operand in expression.operands)


texts = st.sampled_from(VALUES)
checks = st.fixed_dictionaries({}, optional={"Status": texts, "ServiceTags": st.lists(texts) | st.none()})
services = st.fixed_dictionaries(
    {},
    optional={
        "ID": texts,
        "Port": st.integers(0, 2),
        "EnableTagOverride": st.booleans(),
        "Tags": st.lists(texts) | st.none(),
        "Meta": st.dictionaries(texts, texts) | st.none(),
        "Weights": st.fixed_dictionaries({}, optional={"Passing": st.integers(0, 2)}),
    },
)
instances = st.fixed_dictionaries({"Service": services, "Checks": st.lists(checks) | st.none()})
questions = st.sampled_from(
    [
        "Service.ID == a",
        "Service.ID matches `^a`",
        "Service.ID contains b",
        "Service.Port == 1",
        "Service.EnableTagOverride == true",
        "Service.Tags contains canary",
        "Service.Tags is empty",
        "a in Service.Meta",
        'Service.Meta.a != ""',
        "Service.Meta.b not matches `a`",
        "Service.Weights.Passing != 1",
        "Checks.Status == passing",
        "Checks.Status != passing",
        "Checks.ServiceTags is empty",
        "Checks is not empty",
    ]
)
lawful = settings(deadline=None)


@lawful
@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("".join)))
def test_any_text_is_an_expression_or_a_filter_error(text: str) -> None:
    outcome: bool | str
    try:
        outcome = compile_filter(text, NODE)({})
    except FilterError as refusal:
        outcome = str(refusal)
    assert isinstance(outcome, bool) or outcome.encode()


@lawful
@given(expressions)
def test_printing_and_parsing_gives_the_same_expression(expression: Expression) -> None:
    assert parse(printed(expression), 100_000) == expression


@lawful
@given(expressions, st.integers(0), st.sampled_from(FRAGMENTS))
def test_a_damaged_expression_never_breaks_the_parser(expression: Expression, where: int, what: str) -> None:
    text = printed(expression)
    where %= len(text) + 1
    for damaged in (text[:where] + what + text[where:], text[:where] + text[where + 1 :]):
        try:
            parse(damaged, 100_000)
        except FilterSyntaxError as refusal:
            place, _, problem = refusal.detail.partition(": ")
            assert place.count(":") == 1
            assert problem


@lawful
@given(questions, questions, questions, instances)
def test_the_laws_of_logic(a: str, b: str, c: str, instance: dict[str, Any]) -> None:
    def holds(expression: str) -> bool:
        answer = compile_filter(expression, CHECK_SERVICE_NODE)(instance)
        assert isinstance(answer, bool)
        return answer

    assert holds(f"not {a}") is not holds(a)
    assert holds(f"not not {a}") is holds(a)
    assert holds(f"{a} and {b}") is (holds(a) and holds(b))
    assert holds(f"{a} or {b}") is (holds(a) or holds(b))
    assert holds(f"{a} or {b} and {c}") is holds(f"{a} or ({b} and {c})")
    assert holds(f"not ({a} and {b})") is holds(f"not {a} or not {b}")
    assert holds(f"not ({a} or {b})") is holds(f"not {a} and not {b}")


@lawful
@given(texts, services)
def test_negated_operators_are_opposites_of_what_is_always_there(value: str, service: dict[str, Any]) -> None:
    literal = quote(value)
    for plain, negated in [
        (f"ID == {literal}", f"ID != {literal}"),
        (f"{literal} in ID", f"{literal} not in ID"),
        (f"{literal} in Tags", f"{literal} not in Tags"),
        (f"{literal} in Meta", f"{literal} not in Meta"),
        (f"ID matches {literal}", f"ID not matches {literal}"),
        ("Tags is empty", "Tags is not empty"),
        ("Meta is empty", "Meta is not empty"),
        ("Port == 1", "Port != 1"),
    ]:
        assert compile_filter(plain, NODE_SERVICE)(service) is not compile_filter(negated, NODE_SERVICE)(
            service
        )


@lawful
@given(texts, services)
def test_contains_is_in_with_the_operands_exchanged(value: str, service: dict[str, Any]) -> None:
    literal = quote(value)
    for selector in ("ID", "Tags", "Meta", "Meta.a"):
        contains = compile_filter(f"{selector} contains {literal}", NODE_SERVICE)
        inside = compile_filter(f"{literal} in {selector}", NODE_SERVICE)
        assert contains(service) is inside(service)


@lawful
@given(questions, services)
def test_missing_none_and_zero_are_the_same(question: str, service: dict[str, Any]) -> None:
    zeros = {"ID": "", "Port": 0, "EnableTagOverride": False, "Tags": [], "Meta": {}, "Weights": {}}
    predicate = compile_filter(question, CHECK_SERVICE_NODE)
    written_out = {"Service": zeros | {key: value for key, value in service.items() if value is not None}}
    as_none = {"Service": dict.fromkeys(zeros) | service, "Checks": None}
    assert predicate({"Service": service}) is predicate(written_out) is predicate(as_none)
