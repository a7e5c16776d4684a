import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.wire.decode import MAX_DEPTH, DecodeError, parse_json
from registry.wire.scan import MAX_STEPS, end_of_value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(-1e300, 1e300) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
SPACED = st.sampled_from([None, 1])
FRAGMENTS = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", ".5", "e", "tru", "null", "\\u1", " ", "é"]
    )
)


def failure(body: bytes) -> str:
    with pytest.raises(DecodeError) as refused:
        parse_json(body)
    return str(refused.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' {"a": [1, 2.5, "x", null, true]}\n', {"a": [1, 2.5, "x", None, True]}),
        (b"null", None),
        (b'{"Flags":18446744073709551615}', {"Flags": (1 << 64) - 1}),
        (b"123456789012345678901234567890", 123456789012345678901234567890.0),
        (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
        (b'"a\\u0000b"', "a\0b"),
    ],
)
def test_a_value_is_read(body: bytes, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize("rest", [b"", b"x"])
def test_a_value_may_nest_to_the_limit(rest: bytes) -> None:
    value = parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + rest)
    levels = 1
    while value:
        (value,) = value
        levels += 1
    assert levels == MAX_DEPTH


@pytest.mark.parametrize(
    "rest", [b" trailing", b",,,,", b"{}", b"}", b"\x00", b" \xff", b'"', b"[" * 100_000]
)
def test_what_follows_the_first_value_is_ignored_by_consul(rest: bytes) -> None:
    assert parse_json(b'{"Name":"y"}' + rest) == {"Name": "y"}


@pytest.mark.parametrize(("body", "value"), [(b"1x", 1), (b"truex", True), (b'"a"b', "a"), (b"0.5.", 0.5)])
def test_a_scalar_ends_where_it_can_not_go_on(body: bytes, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "EOF"),
        (" \r\n\t", "EOF"),
        ("{", "unexpected EOF"),
        ('{"Name"', "unexpected EOF"),
        ('{"Name":', "unexpected EOF"),
        ('{"Name":"x', "unexpected EOF"),
        ('{"Name":"x"', "unexpected EOF"),
        ("[", "unexpected EOF"),
        ("nul", "unexpected EOF"),
        ("-", "unexpected EOF"),
        ("1.", "unexpected EOF"),
        ("1e", "unexpected EOF"),
        ('"', "unexpected EOF"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("+1", "invalid character '+' looking for beginning of value"),
        ("}", "invalid character '}' looking for beginning of value"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("{x", "invalid character 'x' looking for beginning of object key string"),
        ("{,}", "invalid character ',' looking for beginning of object key string"),
        ('{"Name":"x",}', "invalid character '}' looking for beginning of object key string"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"Name" 1', "invalid character '1' after object key"),
        ('{"a",}', "invalid character ',' after object key"),
        ('{"a":1 "b"', "invalid character '\"' after object key:value pair"),
        ('{"a":01}', "invalid character '1' after object key:value pair"),
        ('{"Name":"a"b}', "invalid character 'b' after object key:value pair"),
        ('{"a":1]', "invalid character ']' after object key:value pair"),
        ("[1 2", "invalid character '2' after array element"),
        ("[1}", "invalid character '}' after array element"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1ex", "invalid character 'x' in exponent of numeric literal"),
        ("trux", "invalid character 'x' in literal true (expecting 'e')"),
        ("nulL", "invalid character 'L' in literal null (expecting 'l')"),
        ('"\n"', "invalid character '\\n' in string literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"),
        ('"\\u12"', "invalid character '\"' in \\u hexadecimal character escape"),
        ("\x00", "invalid character '\\x00' looking for beginning of value"),
        ("é", "invalid character 'Ã' looking for beginning of value"),
        ("\ufeff{}", "invalid character 'ï' looking for beginning of value"),
        ('{"Name":NaN}', "invalid character 'N' looking for beginning of value"),
        ("Infinity", "invalid character 'I' looking for beginning of value"),
    ],
)
def test_a_malformed_body_gets_the_text_of_consul(body: str, error: str) -> None:
    assert failure(body.encode()) == error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"a":[1,{"b":fals}]}', "invalid character '}' in literal false (expecting 'e')"),
        (b'[{"a":1.5e}]', "invalid character '}' in exponent of numeric literal"),
        (b"[0e1.5]", "invalid character '.' after array element"),
        (b'[1, "a", {"b": [], "c": {}}, tx]', "invalid character 'x' in literal true (expecting 'r')"),
        (b'{"a":{},"b":[[]],"c"', "unexpected EOF"),
        (b'{"a":"b","c\n":1}', "invalid character '\\n' in string literal"),
        (b"\x7f", "invalid character '\\x7f' looking for beginning of value"),
    ],
)
def test_a_malformed_body_gets_the_text_of_go(body: bytes, error: str) -> None:
    assert failure(body) == error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"Name":"a\xffb"}', "json: byte 10 of the body (0xff) is not UTF-8"),
        (b'"\xed\xa0\x80"', "json: byte 1 of the body (0xed) is not UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'"\\ude00x"', "surrogate"),
        (b'{"Foo":1e999}', "infinity"),
        (b"[" + b"1" * 400 + b"]", "infinity"),
    ],
)
def test_content_that_can_not_be_kept_is_refused(body: bytes, error: str) -> None:
    assert error in failure(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 10_000 + b"]" * 10_000,
        b"[" * 5_000_000,
        b'{"a":' * MAX_DEPTH + b"[]",
    ],
)
def test_deep_nesting_is_refused_as_consul_does_deeper_down(body: bytes) -> None:
    assert failure(body) == "invalid character '[' exceeded max depth"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"[" + b"1," * 1_000_000, "unexpected EOF"),
        (
            b"{" + b'"a":"b",' * 300_000 + b"1",
            "invalid character '1' looking for beginning of object key string",
        ),
        (b'"' + b"\\n" * 1_000_000, "unexpected EOF"),
        (b" " * 1_000_000, "EOF"),
        (b"[" + b"[]," * 500_000, "malformed JSON, or something after it"),
    ],
)
def test_megabytes_are_refused_in_bounded_work(body: bytes, error: str) -> None:
    assert failure(body).startswith(error)


def test_the_scanner_passes_as_many_lists_as_it_promises() -> None:
    lists = MAX_STEPS // 2 - 1
    assert parse_json(b"[" + b",".join([b"[0]"] * lists) + b"]x") == [[0]] * lists


@given(JSON, SPACED, st.sampled_from(["", " ", "x", "]", "}", ",", '"', "{"]))
def test_the_end_of_a_value_is_found_whatever_follows(value: Any, indent: int | None, rest: str) -> None:
    text = json.dumps([value], indent=indent, ensure_ascii=False).encode()
    assert end_of_value(text + rest.encode()) == len(text)
    assert parse_json(text + rest.encode()) == json.loads(text)


@given(JSON, SPACED, st.data())
def test_a_value_cut_short_is_an_unexpected_end(value: Any, indent: int | None, data: st.DataObject) -> None:
    text = json.dumps([value], indent=indent).encode()
    assert failure(text[: data.draw(st.integers(1, len(text) - 1))]) == "unexpected EOF"


@given(st.one_of(st.binary(), FRAGMENTS.map(lambda parts: "".join(parts).encode())))
def test_any_body_is_a_value_or_a_decode_error(body: bytes) -> None:
    error = ""
    try:
        value = parse_json(body)
    except DecodeError as refused:
        error = str(refused)
    if error:
        assert error.startswith(("EOF", "unexpected EOF", "invalid character ", "json: "))
    else:
        assert json.loads(body[: end_of_value(body)]) == value
