import json
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.wire.encode import dumps, pretty

TEXT = st.text() | st.text(alphabet='<>&"\\{}[]:, \u2028\u2029\n')
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (None, b"null"),
        (True, b"true"),
        ([], b"[]"),
        ({"b": 1, "a": [1.5, "x"]}, b'{"b":1,"a":[1.5,"x"]}'),
        ((1 << 64) - 1, b"18446744073709551615"),
        ("é/\x7f", '"é/\x7f"'.encode()),
        # As consul writes them.
        ("<&>\u2028\x00", rb'"\u003c\u0026\u003e\u2028\u0000"'),
        ({"<\u2029": "\u2028"}, rb'{"\u003c\u2029":"\u2028"}'),
        ('a"b\\c\n\r\t', rb'"a\"b\\c\n\r\t"'),
    ],
)
def test_a_value_is_written_like_go(value: object, body: bytes) -> None:
    assert dumps(value) == body


@pytest.mark.parametrize("value", ["\ud800", 1 << 64, {1: 2}, object(), [b""]])
def test_what_is_no_json_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@given(JSON)
def test_what_is_written_is_the_same_value(value: Any) -> None:
    body = dumps(value)
    assert orjson.loads(body) == orjson.loads(orjson.dumps(value))
    assert not set("<>&\u2028\u2029") & set(body.decode())


def resident() -> int:
    """Return the memory of this process in KiB."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_kept_result_has_no_spare_room() -> None:
    before = resident()
    kept = [dumps({"n": number, "text": "<" * (number % 2)}) for number in range(20_000)]
    grown = resident() - before
    assert len(kept) == 20_000
    assert grown < 20_000  # KiB, a quarter of what results with a buffer of 4 KiB would take


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        # As consul answers with ?pretty.
        (b"null", b"null\n"),
        (b"[]", b"[]\n"),
        (b'"127.0.0.1:8300"', b'"127.0.0.1:8300"\n'),
        (b'{"a":{},"b":[],"c":[{}]}', b'{\n    "a": {},\n    "b": [],\n    "c": [\n        {}\n    ]\n}\n'),
        (b'[1,[2,"x"],true]', b'[\n    1,\n    [\n        2,\n        "x"\n    ],\n    true\n]\n'),
    ],
)
def test_pretty_looks_like_consul(body: bytes, shown: bytes) -> None:
    assert pretty(body) == shown


def test_pretty_keeps_order_escapes_and_spellings() -> None:
    body = rb'{"z":1.50,"a":1E+2,"n":12345678901234567890123,"z":"\u003c\/\" ,:{}[]\\"}'
    assert pretty(body) == (
        b'{\n    "z": 1.50,\n    "a": 1E+2,\n    "n": 12345678901234567890123,\n'
        rb'    "z": "\u003c\/\" ,:{}[]\\"' + b"\n}\n"
    )


@given(JSON)
def test_pretty_is_the_usual_indentation(value: Any) -> None:
    body = json.dumps(value, separators=(",", ":"))
    assert pretty(body.encode()).decode() == json.dumps(value, indent=4) + "\n"


@given(JSON)
def test_pretty_again_changes_nothing(value: Any) -> None:
    once = pretty(dumps(value))
    assert pretty(once) == once
