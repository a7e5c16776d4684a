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
    "list": ('"a"', "{}", "5", '["a", 1]', "null", "[[]]"),
    "map": ('"a"', "[]", '{"a": 1}', '{"a": null}', '{"a": {}}', "null", '{"a": "1", "a": "2"}'),
    "object": ('"x"', "[]", "5", "null"),
    "number": (
        *('"80"', "80.5", "80.0", "1e3", "1e999", "9223372036854775807", "9223372036854775808", "-1"),
        *("-0", "null", "true", "[]", "1" * 400),
    ),
    "flag": ('"true"', "1", "0", "[]", "null", "true"),
    "duration": (
        *('"10 minutes"', '"10"', '"1h1m1s1ms"', '"-1s"', '"1.5h"', '"1d"', '""'),
        *("5.5", "1e999", "1000000000", '"9999999999h"', "null"),
    ),
}

# Consul takes these, as 0s; they are refused here.
NO_DURATIONS = ("true", "[]", "{}")

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
        pair.put("/v1/agent/check/deregister/beat")
        pair.put("/v1/agent/check/deregister/service:seed")


@pytest.mark.parametrize("value", NO_DURATIONS)
def test_durations_of_a_wrong_type(pair: Pair, value: str) -> None:
    # Nothing is read: the catalogs differ afterwards.
    pair.put("/v1/agent/check/register", f'{{"Name": "beat", "TTL": "10m", "Timeout": {value}}}')
    pair.put(AGENT, f'{{"Name": "web", "Check": {{"TTL": {value}}}}}')
    pair.put(AGENT, f'{{"Name": "web", "Checks": [{{"Interval": {value}}}]}}')


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
    for check in ('{"Header": {"A": "b"}}', '{"Header": {"A": [1]}}', '{"Args": ["a", {}]}'):
        pair.put(AGENT, f'{{"Name": "web", "Check": {check}}}')
        pair.put(AGENT, f'{{"Name": "web", "Checks": [{check}]}}')
    for service in ('{"Tags": 1}', '{"TaggedAddresses": {"lan": "x"}}', '{"Weights": {"Passing": "1"}}'):
        pair.put("/v1/catalog/register", f'{{"Node": "ext", "Address": "x", "Service": {service}}}')
    pair.read(*READS)


def text_everywhere(text: str) -> str:
    """Return a registration with a text, as JSON spells it, wherever text can be."""
    check = f'{{"TTL": "10m", "Notes": "{text}"}}'
    return f'{{"Name": "{text}", "ID": "x", "Tags": ["{text}"], "Check": {check}}}'


@pytest.mark.parametrize(
    "text", [r"\u2028", r"\/", r"\ud83d\ude00", "\u00e9", "\U0001f600", "\ufeff", r"\ufffd"]
)
def test_odd_text(pair: Pair, text: str) -> None:
    pair.put(AGENT, text_everywhere(text))
    pair.read(*READS)


@pytest.mark.parametrize("text", [r"a\ud800b", r"\udc00", r"a\u0000b", "\u007f", r"\n"])
def test_text_that_is_refused(pair: Pair, text: str) -> None:
    # Nothing is read: what Consul takes is refused here.
    pair.put(AGENT, text_everywhere(text))


@pytest.mark.parametrize("key", [r"N\u0061me", "name", "NAME", "NaMe"])
def test_odd_keys(pair: Pair, key: str) -> None:
    pair.put(AGENT, f'{{"{key}": "other", "ID": "x"}}')
    pair.read(*READS)


def test_duplicate_keys(pair: Pair) -> None:
    pair.put(AGENT, '{"Name": "one", "name": "two", "Tags": ["a"], "tags": ["b"]}')
    pair.read(*READS)
    pair.put(AGENT, '{"name": "three", "Name": "four", "Meta": {"a": "1"}, "meta": {"b": "2"}}')
    pair.read(*READS)


@pytest.mark.parametrize("target", TARGETS)
def test_bytes_that_are_no_text(pair: Pair, target: str) -> None:
    # Nothing is read: Consul puts a replacement character in their place, here they are refused.
    prepare(pair)
    needed = TARGETS[target][0].encode()
    pair.put(target, b'{%s, "Name": "a\xff\xc3b"}' % needed)
    pair.put(target, b'{%s, "Nam\xe9": "x"}' % needed)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", "x"])
def test_content_type_is_not_looked_at(pair: Pair, content_type: str) -> None:
    pair.put(AGENT, {"Name": "web"}, {"Content-Type": content_type})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "x"}, {"Content-Type": content_type})
    pair.read(*READS)
