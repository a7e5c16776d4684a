"""What parses, how it groups, and what is said of text that does not parse (captured from Consul 1.8.7)."""

import pytest

from registry.catalog.filter import NODE, FilterError, FilterSyntaxError, compile_filter
from registry.catalog.filter.expression import And, Comparison, Expression, Not, Operator, Or
from registry.catalog.filter.parser import MAX_DEPTH, parse


def _equal(name: str, value: str) -> Comparison:
    return Comparison((name,), Operator.EQUAL, value)


A = _equal("a", "1")
B = _equal("b", "2")
C = _equal("c", "3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a==1", A),
        (" a  ==\t1\r\n", A),
        ("((a == 1))", A),
        ("( a == 1 )", A),
        ("a != 1", Comparison(("a",), Operator.NOT_EQUAL, "1")),
        ("a contains 1", Comparison(("a",), Operator.IN, "1")),
        ("a not  contains 1", Comparison(("a",), Operator.NOT_IN, "1")),
        ("1 in a", Comparison(("a",), Operator.IN, "1")),
        ('"1" not in a', Comparison(("a",), Operator.NOT_IN, "1")),
        ("a matches `^x$`", Comparison(("a",), Operator.MATCHES, "^x$")),
        ("a not matches x", Comparison(("a",), Operator.NOT_MATCHES, "x")),
        ("a is empty", Comparison(("a",), Operator.IS_EMPTY)),
        ("a is not empty", Comparison(("a",), Operator.IS_NOT_EMPTY)),
        ('a.b_2["c-d"].e[ `f.g` ] == 1', Comparison(("a", "b_2", "c-d", "e", "f.g"), Operator.EQUAL, "1")),
        ('a == fw.x["y z"]', Comparison(("a",), Operator.EQUAL, "fw.x.y z")),
        ("a == -1.50", Comparison(("a",), Operator.EQUAL, "-1.50")),
        ('a == "\\t\\x41\\101\\u00e9\\U0001F600\\\\"', Comparison(("a",), Operator.EQUAL, "\tAAé😀\\")),
        ('a == `\\t"\r\n`', Comparison(("a",), Operator.EQUAL, '\\t"\n')),
    ],
)
def test_reads_a_comparison(text: str, expected: Expression) -> None:
    assert parse(text, 100) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a==1 or b==2 and c==3", Or((A, And((B, C))))),
        ("a==1 and b==2 or c==3", Or((And((A, B)), C))),
        ("(a==1 or b==2) and c==3", And((Or((A, B)), C))),
        ("not a==1 and b==2", And((Not(A), B))),
        ("not (a==1 and b==2)", Not(And((A, B)))),
        ("not not a==1", A),
        ("not not not not not a==1", Not(A)),
        ("not (not (not a==1))", Not(A)),
        ("a==1 or b==2 or c==3", Or((A, B, C))),
        ("(a==1) and (b==2)", And((A, B))),
    ],
)
def test_groups_not_before_and_before_or(text: str, expected: Expression) -> None:
    assert parse(text, 100) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not in a", Comparison(("a",), Operator.IN, "not")),
        ("not not not in a", Comparison(("a",), Operator.IN, "not")),
        ("not not contains in", Not(Comparison(("not",), Operator.IN, "in"))),
        ("not not in a", Not(Comparison(("a",), Operator.IN, "not"))),
        ("not == or", Comparison(("not",), Operator.EQUAL, "or")),
        ("in in in", Comparison(("in",), Operator.IN, "in")),
        ("and == or and not == in", And((_equal("and", "or"), _equal("not", "in")))),
    ],
)
def test_keywords_serve_as_names_where_nothing_else_fits(text: str, expected: Expression) -> None:
    assert parse(text, 100) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "  ",
            '1:3 (2): no match found, expected: "(", "-", "0", "\\"", "`", "not", '
            "[ \\t\\r\\n], [1-9] or [a-zA-Z]",
        ),
        (
            "ServiceID = w1",
            '1:11 (10): no match found, expected: "!=", "==", "contains", "in", "is", "matches", '
            '"not" or [ \\t\\r\\n]',
        ),
        (
            "Node == web-1",
            '1:12 (11): no match found, expected: ".", "[", [ \\t\\r\\n], [a-zA-Z0-9_] or EOF',
        ),
        ("Node == a b", '1:11 (10): no match found, expected: "and", "or", [ \\t\\r\\n] or EOF'),
        ("Node == a)", '1:10 (9): no match found, expected: ".", "[", [ \\t\\r\\n], [a-zA-Z0-9_] or EOF'),
        ("Node == a AND b == c", '1:11 (10): no match found, expected: "and", "or", [ \\t\\r\\n] or EOF'),
        ('"/ID" == a', '1:7 (6): no match found, expected: "in", "not" or [ \\t\\r\\n]'),
        ('"é" == a', '1:5 (5): no match found, expected: "in", "not" or [ \\t\\r\\n]'),
        (
            "Node == a or ",
            '1:14 (13): no match found, expected: "(", "-", "0", "\\"", "`", "not", '
            "[ \\t\\r\\n], [1-9] or [a-zA-Z]",
        ),
        (
            "Node == a and ",
            '1:15 (14): no match found, expected: "(", "-", "0", "\\"", "`", "not", '
            "[ \\t\\r\\n], [1-9] or [a-zA-Z]",
        ),
        ("(Node == a and )", '1:12 (11): rule "grouping": Unmatched parentheses'),
        ("Node == 0)", '1:10 (9): no match found, expected: ".", [ \\t\\r\\n] or EOF'),
        ("Node == 10)", '1:11 (10): no match found, expected: ".", [ \\t\\r\\n], [0-9] or EOF'),
        ("Node == 1.5)", "1:12 (11): no match found, expected: [ \\t\\r\\n], [0-9] or EOF"),
        ("Node == 1.", '1:10 (9): rule "number": Invalid number literal'),
        ("Node is", "1:8 (7): no match found, expected: [ \\t\\r\\n]"),
        ("Meta is notempty", "1:12 (11): no match found, expected: [ \\t\\r\\n]"),
        (
            "\nNode\n==\n é",
            '4:2 (10): no match found, expected: "-", "0", "\\"", "`", [ \\t\\r\\n], [1-9] or [a-zA-Z]',
        ),
        ("Meta.\nx == a", "2:0 (5): no match found, expected: [a-zA-Z]"),
        ("Node.", "1:6 (5): no match found, expected: [a-zA-Z]"),
        ("not", '1:4 (3): no match found, expected: "!=", ".", "==", "[", [ \\t\\r\\n] or [a-zA-Z0-9_]'),
        ("Node ==-", '1:9 (8): no match found, expected: "0" or [1-9]'),
        ("(Node == a", '1:11 (10): rule "grouping": Unmatched parentheses'),
        ("((Node == a)", '1:13 (12): rule "grouping": Unmatched parentheses'),
        ('Node == "abc', '1:13 (12): rule "string": Unterminated string literal'),
        ("5 in 6", '1:6 (5): rule "match": Invalid selector'),
        ("Node == 10.0.0.1", '1:13 (12): rule "number": Invalid number literal'),
        ("Node == 01", '1:10 (9): rule "number": Invalid number literal'),
        ("Meta[5] == a", '1:6 (5): rule "index": Invalid index'),
        ('Meta["a" == b', '1:10 (9): rule "index": Unclosed index expression'),
        ('Node == "f\\"w"', '1:9 (8): rule "string": invalid syntax'),
        ('Node == "a\nb"', '1:9 (8): rule "string": invalid syntax'),
        (
            'Foo == "a\\q" or Bar == "b\\q"',
            '1:8 (7): rule "string": invalid syntax\n1:24 (23): rule "string": invalid syntax',
        ),
        ("Node == a\udcff", "1:10 (9): invalid encoding"),
    ],
)
def test_says_where_and_why_it_does_not_parse(text: str, complaint: str) -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        compile_filter(text, NODE)
    assert caught.value.detail == complaint
    assert str(caught.value) == f"Failed to create boolean expression evaluator: {complaint}"


def test_takes_expressions_up_to_the_length_limit() -> None:
    text = "Node == " + "a" * 92
    assert compile_filter(text, NODE, max_length=100)({"Node": "a" * 92})
    with pytest.raises(FilterSyntaxError, match="is 101 characters long, expected at most 100"):
        compile_filter(text + "a", NODE, max_length=100)


def test_refuses_too_long_an_expression_by_default() -> None:
    with pytest.raises(FilterError, match="expected at most 8192"):
        compile_filter("Node == " + "a" * 8185, NODE)


def test_takes_parentheses_up_to_the_depth_limit() -> None:
    text = "(" * MAX_DEPTH + "Node == a" + ")" * MAX_DEPTH
    assert compile_filter(text, NODE)({"Node": "a"})


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1000, 4000])
def test_refuses_deeper_parentheses(depth: int) -> None:
    with pytest.raises(FilterSyntaxError, match=r'^[^:]*: 1:65 \(64\): rule "grouping": .* at most 64 open'):
        compile_filter("(" * depth + "Node == a" + ")" * depth, NODE)


def test_depth_counts_open_parentheses_only() -> None:
    text = " and ".join(["(Node == a)"] * (MAX_DEPTH + 1))
    assert compile_filter(text, NODE)({"Node": "a"})


def test_nested_negations_within_the_depth_limit_can_be_asked() -> None:
    text = "not (Node == b or " * MAX_DEPTH + "Node == a" + ")" * MAX_DEPTH
    predicate = compile_filter(text, NODE)
    assert predicate({"Node": "a"}) is True
    assert predicate({"Node": "c"}) is False


@pytest.mark.parametrize("text", ["not " * 2000 + "Node == a", "Node == a or " * 600 + "Node == a"])
def test_long_chains_need_no_depth(text: str) -> None:
    assert compile_filter(text, NODE)({"Node": "a"})
