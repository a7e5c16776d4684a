from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.wire.decode import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    RAW,
    STRING,
    UNSIGNED,
    DecodeError,
    Field,
    Kind,
    ListOf,
    MapOf,
    Struct,
    decode,
    parse_json,
)
from registry.wire.kinds import RAW_DEPTH

WEIGHTS = Struct("structs.Weights", [Field("Passing", INTEGER), Field("Warning", INTEGER)])
ADDRESS = Struct("structs.ServiceAddress", [Field("Address", STRING), Field("Port", INTEGER)])
CHECK = Struct(
    "structs.CheckType",
    [
        Field("CheckID", STRING, ("ID",)),
        Field("HTTP", STRING),
        Field("TTL", DURATION),
        Field("Interval", DURATION),
        Field("Header", MapOf(ListOf(STRING))),
        Field("ScriptArgs", ListOf(STRING), ("Args", "args", "script_args")),
        Field("TLSSkipVerify", BOOLEAN, ("tls_skip_verify",)),
    ],
)
SERVICE = Struct(
    "structs.ServiceDefinition",
    [
        Field("Name", STRING),
        Field("Tags", ListOf(STRING)),
        Field("Meta", MapOf(STRING)),
        Field("Port", INTEGER),
        Field("Flags", UNSIGNED),
        Field("Share", NUMBER),
        Field("Check", CHECK),
        Field("Checks", ListOf(CHECK)),
        Field("Weights", WEIGHTS),
        Field("TaggedAddresses", MapOf(ADDRESS), ("tagged_addresses",)),
        Field("EnableTagOverride", BOOLEAN, ("enable_tag_override",)),
        Field("Config", RAW),
    ],
)


def given_by(body: str) -> dict[str, Any]:
    return decode(parse_json(body.encode()), SERVICE)


def failure(body: str) -> str:
    with pytest.raises(DecodeError) as refused:
        given_by(body)
    return str(refused.value)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("null", {}),
        ("{}", {}),
        ('{"Check":null,"Checks":null,"Port":null,"Foo":null}', {}),
        ('{"Name":"web","Port":0,"Tags":[],"Meta":{}}', {"Name": "web", "Port": 0, "Tags": [], "Meta": {}}),
        ('{"Name":"a\\u0000b"}', {"Name": "a\0b"}),
        ('{"Foo":{"Bar":[1]},"Na me":1,"Namé":2}', {}),
        (
            '{"Check":{"TTL":"10s","Interval":1500000000}}',
            {"Check": {"TTL": 10**10, "Interval": 1_500_000_000}},
        ),
        ('{"Weights":{"passing":5}}', {"Weights": {"Passing": 5}}),
        ('{"Checks":[{"http":"x"},{}]}', {"Checks": [{"HTTP": "x"}, {}]}),
        ('{"Check":{"Header":{"a":["b"]}}}', {"Check": {"Header": {"a": ["b"]}}}),
        ('{"Share":2}', {"Share": 2.0}),
        ('{"Share":-2.5}', {"Share": -2.5}),
        ('{"Flags":18446744073709551615}', {"Flags": (1 << 64) - 1}),
        ('{"Port":9223372036854775807}', {"Port": (1 << 63) - 1}),
        ('{"Port":-9223372036854775808}', {"Port": -(1 << 63)}),
        ('{"Port":-0}', {"Port": 0}),
        ('{"Config":{"a":[1,null,{"b":2.5}]}}', {"Config": {"a": [1, None, {"b": 2.5}]}}),
        ('{"Config":[]}', {"Config": []}),
        ('{"Config":false}', {"Config": False}),
    ],
)
def test_given_fields_are_returned_by_canonical_name(body: str, fields: dict[str, Any]) -> None:
    assert given_by(body) == fields


@pytest.mark.parametrize("key", ["TaggedAddresses", "taggedaddresses", "TAGGEDADDRESSES", "tagged_Addresses"])
def test_keys_and_aliases_match_whatever_their_case(key: str) -> None:
    assert given_by(f'{{"{key}":{{"lan":{{"PORT":1}}}}}}') == {"TaggedAddresses": {"lan": {"Port": 1}}}


@pytest.mark.parametrize("key", ["ScriptArgs", "scriptargs", "Args", "args", "ARGS", "script_args"])
def test_every_alias_is_known(key: str) -> None:
    assert given_by(f'{{"Check":{{"{key}":["x"]}}}}') == {"Check": {"ScriptArgs": ["x"]}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"Name":"n1","Name":"n2"}', {"Name": "n2"}),
        ('{"Name":"n1","name":"n2"}', {"Name": "n2"}),
        ('{"name":"n2","Name":"n1"}', {"Name": "n1"}),
        ('{"Port":5,"port":null,"PORT":6}', {"Port": 6}),
        ('{"Name":"n1","name":"n2","NAME":null}', {"Name": "n2"}),
    ],
)
def test_the_last_of_repeated_keys_counts_as_in_consul(body: str, fields: dict[str, Any]) -> None:
    assert given_by(body) == fields


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"Tags":["a",null]}', {"Tags": ["a", ""]}),
        ('{"Meta":{"v":null,"w":"x"}}', {"Meta": {"v": "", "w": "x"}}),
        ('{"TaggedAddresses":{"lan":null}}', {"TaggedAddresses": {"lan": {}}}),
    ],
)
def test_null_as_an_item_is_the_zero_value_as_in_consul(body: str, fields: dict[str, Any]) -> None:
    assert given_by(body) == fields


@pytest.mark.parametrize(
    ("kind", "zero"),
    [
        (STRING, ""),
        (BOOLEAN, False),
        (INTEGER, 0),
        (UNSIGNED, 0),
        (NUMBER, 0.0),
        (DURATION, 0),
        (RAW, None),
        (ListOf(RAW), []),
        (MapOf(RAW), {}),
        (WEIGHTS, {}),
    ],
)
def test_every_kind_has_a_zero_value(kind: Kind, zero: object) -> None:
    struct = Struct("T", [Field("List", ListOf(kind)), Field("Map", MapOf(kind))])
    body: dict[str, Any] = {"List": [None], "Map": {"a": None}}
    assert decode(body, struct) == {"List": [zero], "Map": {"a": zero}}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"Name":1}', "number into Go struct field .Name of type string"),
        ('{"Name":1.5}', "number into Go struct field .Name of type string"),
        ('{"NAME":true}', "bool into Go struct field .Name of type string"),
        ('{"Name":[]}', "array into Go struct field .Name of type string"),
        ('{"Name":{}}', "object into Go struct field .Name of type string"),
        ('{"Port":80.5}', "number 80.5 into Go struct field .Port of type int"),
        ('{"Port":80.0}', "number 80.0 into Go struct field .Port of type int"),
        ('{"Port":"80"}', "string into Go struct field .Port of type int"),
        ('{"Port":true}', "bool into Go struct field .Port of type int"),
        ('{"Port":9223372036854775808}', "number 9223372036854775808 into Go struct field .Port of type int"),
        ('{"Tags":"a"}', "string into Go struct field .Tags of type []string"),
        ('{"Tags":{}}', "object into Go struct field .Tags of type []string"),
        ('{"Meta":[]}', "array into Go struct field .Meta of type map[string]string"),
        ('{"Weights":[]}', "array into Go struct field .Weights of type structs.Weights"),
        (
            '{"TaggedAddresses":[]}',
            "array into Go struct field .TaggedAddresses of type map[string]structs.ServiceAddress",
        ),
        ('{"EnableTagOverride":"true"}', "string into Go struct field .EnableTagOverride of type bool"),
        ('{"enable_tag_override":1}', "number into Go struct field .enable_tag_override of type bool"),
        ('{"Port":"x","Name":2}', "string into Go struct field .Port of type int"),
    ],
)
def test_a_wrong_type_gets_the_text_of_consul(body: str, error: str) -> None:
    assert failure(body) == f"json: cannot unmarshal {error}"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"Tags":["a",1]}', "number into Go struct field .Tags[1] of type string"),
        ('{"Meta":{"a":"b","version":1}}', "number into Go struct field .Meta.version of type string"),
        ('{"Check":{"HTTP":5}}', "number into Go struct field .Check.HTTP of type string"),
        ('{"Checks":[{},{"http":5}]}', "number into Go struct field .Checks[1].HTTP of type string"),
        ('{"Checks":[1]}', "number into Go struct field .Checks[0] of type structs.CheckType"),
        ('{"Checks":{}}', "object into Go struct field .Checks of type []structs.CheckType"),
        (
            '{"Check":{"Header":{"a":["b",1]}}}',
            "number into Go struct field .Check.Header.a[1] of type string",
        ),
        ('{"Check":{"Header":{"a":"b"}}}', "string into Go struct field .Check.Header.a of type []string"),
        (
            '{"TaggedAddresses":{"lan":{"Port":"x"}}}',
            "string into Go struct field .TaggedAddresses.lan.Port of type int",
        ),
        ('{"Check":{"TTL":true}}', "bool into Go struct field .Check.TTL of type time.Duration"),
        ('{"Check":{"TTL":[]}}', "array into Go struct field .Check.TTL of type time.Duration"),
        ('{"Check":{"TTL":1e30}}', "number 1e+30 into Go struct field .Check.TTL of type time.Duration"),
        ('{"Flags":-1}', "number -1 into Go struct field .Flags of type uint64"),
        (
            '{"Flags":18446744073709551616}',
            "number 1.8446744073709552e+19 into Go struct field .Flags of type uint64",
        ),
        ('{"Share":"1"}', "string into Go struct field .Share of type float64"),
    ],
)
def test_an_error_has_the_whole_path(body: str, error: str) -> None:
    assert failure(body) == f"json: cannot unmarshal {error}"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("[]", "array"),
        ("1", "number"),
        ("1.5", "number"),
        ('"x"', "string"),
        ("true", "bool"),
        ("false", "bool"),
    ],
)
def test_a_body_that_is_no_object_gets_the_text_of_consul(body: str, found: str) -> None:
    assert failure(body) == f"json: cannot unmarshal {found} into Go value of type structs.ServiceDefinition"


@pytest.mark.parametrize(
    ("duration", "error"),
    [
        ("abc", 'time: invalid duration "abc"'),
        ("10", 'time: missing unit in duration "10"'),
        ("10x", 'time: unknown unit "x" in duration "10x"'),
        ("", 'time: invalid duration ""'),
    ],
)
def test_a_bad_duration_gets_the_text_of_consul_and_its_place(duration: str, error: str) -> None:
    body = f'{{"Checks":[{{"Interval":"{duration}"}}]}}'
    assert failure(body) == f"{error} in Go struct field .Checks[0].Interval"


@pytest.mark.parametrize(("number", "nanoseconds"), [("10", 10), ("1e9", 10**9), ("1.5", 1), ("-1.5", -1)])
def test_a_duration_in_numbers_is_nanoseconds_cut_as_by_consul(number: str, nanoseconds: int) -> None:
    assert given_by(f'{{"Check":{{"TTL":{number}}}}}') == {"Check": {"TTL": nanoseconds}}


@pytest.mark.parametrize("innermost", ["", "1", '{"a":1},[]'])
def test_a_raw_value_may_nest_to_its_limit(innermost: str) -> None:
    levels = RAW_DEPTH - (1 if "{" in innermost else 0)
    nested = "[" * levels + innermost + "]" * levels
    assert given_by(f'{{"Config":{nested}}}') == {"Config": parse_json(nested.encode())}
    expected = f"json: value nested deeper than {RAW_DEPTH} levels in Go struct field .Config"
    assert failure(f'{{"Config":[{nested}]}}') == expected


def test_fields_that_share_a_key_can_not_be_declared() -> None:
    with pytest.raises(ValueError, match="struct T: two fields answer to the key 'id'"):
        Struct("T", [Field("ID", STRING), Field("CheckID", STRING, ("id",))])


BODIES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3) | st.just("1s"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([f.name for s in (SERVICE, CHECK) for f in s.fields]), inner)
    ),
    max_leaves=20,
)


@given(BODIES)
def test_any_value_is_decoded_or_refused(value: Any) -> None:
    error = ""
    try:
        fields = decode(value, SERVICE)
    except DecodeError as refused:
        error = str(refused)
    if error:
        assert " Go value" in error or " Go struct field ." in error
    else:
        assert decode(fields, SERVICE) == fields


@given(st.dictionaries(st.text(), st.text()), st.lists(st.text()))
def test_strings_arrive_unchanged(meta: dict[str, str], tags: list[str]) -> None:
    assert decode({"Meta": meta, "Tags": tags}, SERVICE) == {"Meta": meta, "Tags": tags}
