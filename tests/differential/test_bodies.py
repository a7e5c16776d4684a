"""Request bodies that are broken, odd or of the wrong types."""

import pytest

from differential import views
from differential.pair import Pair

AGENT = "/v1/agent/service/register"

# The fields that each endpoint needs, and one of its fields of each type.
TARGETS: dict[str, tuple[str, dict[str, str]]] = {
    AGENT: (
        '"Name": "web"',
        {
            "text": "ID",
            "list": "Tags",
            "map": "Meta",
            "object": "Check",
            "number": "Port",
            "flag": "EnableTagOverride",
        },
    ),
    "/v1/agent/check/register": (
        '"Name": "beat", "TTL": "10m"',
        {"text": "Notes", "number": "OutputMaxSize", "flag": "TLSSkipVerify", "duration": "Timeout"},
    ),
    "/v1/agent/check/update/service:seed": ('"Status": "passing"', {"text": "Output"}),
    "/v1/catalog/register": (
        '"Node": "ext", "Address": "10.1.1.1"',
        {
            "text": "Datacenter",
            "list": "Checks",
            "map": "NodeMeta",
            "object": "Service",
            "flag": "SkipNodeUpdate",
        },
    ),
    "/v1/catalog/deregister": ('"Node": "ext"', {"text": "ServiceID"}),
}
READS = (*views.EVERYTHING, "/v1/catalog/node/ext")

BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "white space": "  \n",
    "half an object": "{",
    "half a string": '{"Name": "we',
    "no JSON": "web",
    "half a word": "nul",
    "a number": "5",
    "a string": '"web"',
    "a list": "[]",
    "true": "true",
    "null": "null",
    "nothing in it": "{}",
    "single quotes": "{'Name': 'web'}",
    "no quotes": "{Name: 1}",
    "comma at the end": '{"Name": "web",}',
    "comment": '{/* */"Name": "web"}',
    "NaN": '{"Name": NaN}',
    "raw line end in a string": '{"Name": "a\nb"}',
    "raw NUL": '{"Name": "a\0b"}',
    "bad escape": '{"Name": "\\x"}',
    "byte order mark": b'\xef\xbb\xbf{"Name": "web"}',
    "UTF-16": '{"Name": "web"}'.encode("utf-16"),
    "leading zero": '{"Port": 01}',
    "plus": '{"Port": +1}',
}

# What a field of a type is set to.
ODD: dict[str, tuple[str, ...]] = {
    "text": (
        *("5", "[]", "{}", "true", "null", '["x"]', "1e999", r'"\u0041\u00e9\ud83d\ude00"'),
        *(r'"\u003c&>"', '""'),
    ),
    "list": ('"a"', "{}", "5", '["a", 1]', "null", "[[]]", "[]"),
    "map": ('"a"', "[]", '{"a": 1}', '{"a": null}', '{"a": {}}', "null", '{"a": "1", "a": "2"}'),
    "object": ('"x"', "[]", "5", "null"),
    "number": (
        *('"80"', "80.5", "80.0", "1e3", "1e999", "9223372036854775807", "9223372036854775808", "-1"),
        *("-0", "null", "true", "[]", "1" * 400),
    ),
    "flag": ('"true"', "1", "0", "[]", "null", "true"),
    "duration": (
        *('"10 minutes"', '"10"', '"1h1m1s1ms"', '"-1s"', '"1.5h"', '"1d"', '""', "true", "[]", "{}"),
        *("5.5", "1e999", "1000000000", '"9999999999h"', "null"),
    ),
}

# What follows the fields that an endpoint needs.
ENDS = ("} and more", '}{"Name": 5}', "}\n\n ", "}}", "}\0")


def prepare(pair: Pair) -> None:
    """Register what the bodies could damage."""
    pair.put(AGENT, {"Name": "seed", "Check": {"TTL": "10m"}})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "10.1.1.1", "Service": {"Service": "redis"}})


@pytest.mark.parametrize("target", TARGETS)
def test_broken(pair: Pair, target: str) -> None:
    prepare(pair)
    pair.read(*READS)
    for body in BROKEN.values():
        pair.put(target, body)
    pair.read(*READS)


@pytest.mark.parametrize(
    ("target", "kind"), [(target, kind) for target, (_, fields) in TARGETS.items() for kind in fields]
)
def test_odd_values(pair: Pair, target: str, kind: str) -> None:
    needed, fields = TARGETS[target]
    for value in ODD[kind]:
        prepare(pair)
        pair.put(target, f'{{{needed}, "{fields[kind]}": {value}}}')
        pair.read(*READS, "/v1/agent/service/web")


@pytest.mark.parametrize("target", TARGETS)
def test_odd_ends(pair: Pair, target: str) -> None:
    prepare(pair)
    for end in ENDS:
        pair.put(target, f"{{{TARGETS[target][0]}{end}")


def test_nulls_in_lists(pair: Pair) -> None:
    pair.put(AGENT, {"Name": "web", "Tags": ["a", None]})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "x", "Checks": [None]})
    pair.read(*READS)
    pair.put(AGENT, {"Name": "other", "Checks": [None]})


def test_wrong_types_deep_inside(pair: Pair) -> None:
    prepare(pair)
    for check in ('{"Header": {"A": "b"}}', '{"TTL": [1]}', '{"Interval": {"a": 1}}', '{"Args": ["a", {}]}'):
        pair.put(AGENT, f'{{"Name": "web", "Check": {check}}}')
        pair.put(AGENT, f'{{"Name": "web", "Checks": [{check}]}}')
    for service in ('{"Tags": 1}', '{"TaggedAddresses": {"lan": "x"}}', '{"Weights": {"Passing": "1"}}'):
        pair.put("/v1/catalog/register", f'{{"Node": "ext", "Address": "x", "Service": {service}}}')
    pair.read(*READS)


@pytest.mark.parametrize(
    "text", [r"a\ud800b", r"\udc00", r"a\u0000b", r"\u2028", r"\/", "\u007f", "\u00e9", "\U0001f600"]
)
def test_odd_text(pair: Pair, text: str) -> None:
    check = f'{{"TTL": "10m", "Notes": "{text}"}}'
    pair.put(AGENT, f'{{"Name": "{text}", "ID": "x", "Tags": ["{text}"], "Check": {check}}}')
    pair.read(*READS)


@pytest.mark.parametrize("key", [r"N\u0061me", "name", "NAME", "NaMe"])
def test_odd_keys(pair: Pair, key: str) -> None:
    pair.put(AGENT, f'{{"Name": "web", "{key}": null}}')
    pair.put(AGENT, f'{{"{key}": "other", "ID": "x"}}')
    pair.read(*READS)


def test_keys_fold_as_in_go(pair: Pair) -> None:
    # The long s and the Kelvin sign are another spelling of s and k.
    pair.put(AGENT, '{"Name": "web", "tag\u017f": ["a"], "\u212aind": "b"}')
    pair.read(*READS)


def test_duplicate_keys(pair: Pair) -> None:
    pair.put(AGENT, '{"Name": "one", "name": "two", "Tags": ["a"], "tags": ["b"]}')
    pair.read(*READS)
    pair.put(AGENT, '{"name": "three", "Name": "four", "Meta": {"a": "1"}, "meta": {"b": "2"}}')
    pair.read(*READS)


@pytest.mark.parametrize("target", TARGETS)
def test_bad_unicode(pair: Pair, target: str) -> None:
    prepare(pair)
    name = b"Node" if "catalog" in target else b"Name"
    pair.put(target, b'{"%s": "a\xff\xc3b"}' % name)
    pair.put(target, b'{"N\xffame": "web"}')
    pair.read(*READS)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", "x"])
def test_content_type_is_not_looked_at(pair: Pair, content_type: str) -> None:
    pair.put(AGENT, {"Name": "web"}, {"Content-Type": content_type})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "x"}, {"Content-Type": content_type})
    pair.read(*READS)
