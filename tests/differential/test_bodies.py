"""Request bodies that are broken, odd or of the wrong types."""

import pytest

from differential import views
from differential.pair import Pair

TARGETS = {
    "/v1/agent/service/register": '"Name": "web"',
    "/v1/agent/check/register": '"Name": "beat", "TTL": "10m"',
    "/v1/agent/check/update/service:seed": '"Status": "passing"',
    "/v1/catalog/register": '"Node": "ext", "Address": "10.1.1.1"',
    "/v1/catalog/deregister": '"Node": "ext"',
}
READS = (*views.EVERYTHING, "/v1/catalog/node/ext")

BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "white space": "  \n",
    "half an object": "{",
    "half a string": '{"Name": "we',
    "no JSON": "web",
    "a word": "nul",
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

# What follows the fields that the endpoint needs.
ODD: dict[str, str] = {
    "trailing garbage": "} and more",
    "second document": '}{"Name": 5}',
    "white space around": "}\n\n ",
    "duplicate keys": ', "Name": "one", "name": "two"}',
    "numbers for text": ', "Name": 5, "Node": 5, "Status": 5}',
    "lists for text": ', "Name": [], "Node": ["x"], "Status": []}',
    "text for a list": ', "Tags": "a", "Checks": "b"}',
    "numbers in a list": ', "Tags": ["a", 1]}',
    "numbers in a map": ', "Meta": {"a": 1}, "NodeMeta": {"a": 1}}',
    "text for an object": ', "Check": "x", "Service": "y"}',
    "list for an object": ', "Check": [], "Service": []}',
    "fraction": ', "Port": 80.5}',
    "whole fraction": ', "Port": 80.0}',
    "exponent": ', "Port": 1e3}',
    "infinite": ', "Port": 1e999}',
    "too large": ', "Port": 9223372036854775808}',
    "largest": ', "Port": 9223372036854775807}',
    "text for a number": ', "Port": "80"}',
    "text for a boolean": ', "EnableTagOverride": "true", "SkipNodeUpdate": "true"}',
    "number for a boolean": ', "EnableTagOverride": 1, "SkipNodeUpdate": 1}',
    "wrong type deep inside": ', "Check": {"Header": {"A": "b"}, "Definition": {"Header": {"A": 1}}}}',
    "null everywhere": ', "Tags": null, "Check": null, "Meta": null, "Port": null, "Service": null}',
    "null in a list": ', "Tags": ["a", null]}',
    "null in a map": ', "Meta": {"a": null}, "NodeMeta": {"a": null}}',
    "escapes": ', "Notes": "\\u0041\\n\\u00e9\\ud83d\\ude00", "Output": "\\u003c&>"}',
    "lone surrogate": ', "Notes": "a\\ud800b", "Output": "\\udc00"}',
    "NUL by escape": ', "Notes": "a\\u0000b", "Output": "\\u0000"}',
    "bad duration": ', "TTL": "10 minutes", "Check": {"Interval": "x"}}',
    "boolean for a duration": ', "TTL": true, "Check": {"TTL": true}}',
    "list for a duration": ', "TTL": [], "Check": {"TTL": {}}}',
    "fraction for a duration": ', "TTL": 600000000000.5, "Check": {"TTL": 600000000000.5}}',
    "keys in other alphabets": ', "Ta\u017fk": 1, "\u212aind": "x"}',
    "Kelvin sign": ', "\u212aind": "x"}',
}


def prepare(pair: Pair) -> None:
    """Register what the bodies could damage."""
    pair.put("/v1/agent/service/register", {"Name": "seed", "Check": {"TTL": "10m"}})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "10.1.1.1", "Service": {"Service": "redis"}})


@pytest.mark.parametrize("target", TARGETS)
def test_broken(pair: Pair, target: str) -> None:
    prepare(pair)
    pair.read(*READS)
    for body in BROKEN.values():
        pair.put(target, body)
    pair.read(*READS)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd(pair: Pair, odd: str) -> None:
    for target, needed in TARGETS.items():
        prepare(pair)
        pair.put(target, f"{{{needed}{odd}")
        pair.read(*READS, "/v1/agent/service/web")


@pytest.mark.parametrize("target", TARGETS)
def test_bad_unicode(pair: Pair, target: str) -> None:
    prepare(pair)
    pair.put(target, b'{"Name": "a\xff\xc3b", "Node": "a\xff\xc3b", "Address": "x", "TTL": "10m"}')
    pair.put(target, b'{"N\xffame": "web"}')
    pair.read(*READS)


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "x"]
)
def test_content_type_is_not_looked_at(pair: Pair, content_type: str) -> None:
    pair.put("/v1/agent/service/register", {"Name": "web"}, {"Content-Type": content_type})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "x"}, {"Content-Type": content_type})
    pair.read(*READS)
