"""Bodies and requests that are wrong: each gets the contract's error, and nothing changes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import Client, Reply
from harness.server import RegistryServer
from served import DEREGISTER, REGISTER, TEXT, connect, head, last_index, refused, serving, to_the_end

from registry.api.routes import ROUTES

FAILED = "Request decode failed: "


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Nothing of what this file sends may have shown up in the log as a failure of ours."""
    with serving(tmp_path_factory) as server:
        yield server
        assert "Traceback" not in server.output()


@pytest.fixture(scope="module")
def api(server: RegistryServer) -> Client:
    return server.client


@pytest.fixture(autouse=True)
def nothing_changes(api: Client) -> Iterator[None]:
    """Whatever a test of this file sends, it ends with the data as they were."""
    before = last_index(api)
    yield
    assert last_index(api) == before


def sent(api: Client, body: bytes | str, path: str = REGISTER) -> Reply:
    return api.put(path, body)


# JSON


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "EOF"),
        (" \n\t", "EOF"),
        ("{", "unexpected EOF"),
        ('{"Node":"n"', "unexpected EOF"),
        ('{"Node":"n', "unexpected EOF"),
        ('{"Node":tr', "unexpected EOF"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("<script>", "invalid character '<' looking for beginning of value"),
        ("{Node:1}", "invalid character 'N' looking for beginning of object key string"),
        ("{'Node':1}", r"invalid character '\'' looking for beginning of object key string"),
        ('{"Node" "n"}', "invalid character '\"' after object key"),
        ('{"Node":"n",}', "invalid character '}' looking for beginning of object key string"),
        ('{"Node":"n"]', "invalid character ']' after object key:value pair"),
        ('{"Service":{"Tags":["a",]}}', "invalid character ']' looking for beginning of value"),
        ('{"Node":"a\nb"}', r"invalid character '\n' in string literal"),
        ('{"Node":"\\x41"}', "invalid character 'x' in string escape code"),
        ('{"Node":"\\u12g4"}', r"invalid character 'g' in \u hexadecimal character escape"),
        ('{"Node":01}', "invalid character '1' after object key:value pair"),
        ('{"Node":+1}', "invalid character '+' looking for beginning of value"),
        ('{"Node":.5}', "invalid character '.' looking for beginning of value"),
        ('{"Node":NaN}', "invalid character 'N' looking for beginning of value"),
        ('{"Node":nulL}', "invalid character 'L' in literal null (expecting 'l')"),
        ("\ufeff{}", "invalid character 'ï' looking for beginning of value"),
        ("// no comments\n{}", "invalid character '/' looking for beginning of value"),
    ],
)
def test_broken_json(api: Client, body: str, text: str) -> None:
    for path in (REGISTER, DEREGISTER):
        refused(sent(api, body, path), 400, FAILED + text)


@pytest.mark.parametrize("body", [([], "array"), ("text", "string"), (5, "number"), (True, "bool")])
def test_bodies_that_are_no_objects(api: Client, body: tuple[object, str]) -> None:
    for path, name in ((REGISTER, "RegisterRequest"), (DEREGISTER, "DeregisterRequest")):
        text = f"json: cannot unmarshal {body[1]} into Go value of type structs.{name}"
        refused(sent(api, json.dumps(body[0]), path), 400, FAILED + text)


@pytest.mark.parametrize(
    ("body", "found", "place", "kind"),
    [
        ({"Node": 1}, "number", ".Node", "string"),
        ({"nODE": {}}, "object", ".Node", "string"),
        ({"SkipNodeUpdate": "yes"}, "string", ".SkipNodeUpdate", "bool"),
        ({"NodeMeta": ["a"]}, "array", ".NodeMeta", "map[string]string"),
        ({"NodeMeta": {"a": 1}}, "number", ".NodeMeta.a", "string"),
        ({"Check": []}, "array", ".Check", "structs.HealthCheck"),
        ({"Checks": {}}, "object", ".Checks", "[]structs.HealthCheck"),
        ({"Checks": [{}, {"Status": 1}]}, "number", ".Checks[1].Status", "string"),
        (
            {"Check": {"Definition": {"Header": {"a": "b"}}}},
            *("string", ".Check.Definition.Header.a", "[]string"),
        ),
        ({"Service": "web"}, "string", ".Service", "structs.NodeService"),
        ({"Service": {"Port": "80"}}, "string", ".Service.Port", "int"),
        ({"Service": {"Port": 80.5}}, "number 80.5", ".Service.Port", "int"),
        ({"Service": {"Port": 1 << 63}}, f"number {1 << 63}", ".Service.Port", "int"),
        ({"Service": {"Port": True}}, "bool", ".Service.Port", "int"),
        ({"Service": {"Tags": "a"}}, "string", ".Service.Tags", "[]string"),
        ({"Service": {"Tags": ["a", 1]}}, "number", ".Service.Tags[1]", "string"),
        ({"Service": {"Weights": {"Passing": "1"}}}, "string", ".Service.Weights.Passing", "int"),
        (
            {"Service": {"TaggedAddresses": {"lan": "x"}}},
            *("string", ".Service.TaggedAddresses.lan", "structs.ServiceAddress"),
        ),
    ],
)
def test_wrong_types(api: Client, body: dict[str, Any], found: str, place: str, kind: str) -> None:
    reply = api.put(REGISTER, {"Node": "n", "Address": "1", **body})
    text = f"json: cannot unmarshal {found} into Go struct field {place} of type {kind}"
    refused(reply, 400, FAILED + text)


def test_wrong_durations(api: Client) -> None:
    check = {"Name": "c", "Definition": {"Interval": "10"}}
    reply = api.put(REGISTER, {"Node": "n", "Address": "1", "Checks": [{"Name": "a"}, check]})
    place = "Go struct field .Checks[1].Definition.Interval"
    refused(reply, 400, f'{FAILED}time: missing unit in duration "10" in {place}')


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "1" + "0" * 400, "1e1000000", "0." + "1" * 5000 + "e99999"]
)
def test_numbers_beyond_all_bounds(api: Client, number: str) -> None:
    for body in (
        '{"Node":"n","Address":"1","Service":{"Service":"s","Port":%s}}',
        '{"Node":"n","Ignored":[%s]}',
    ):
        reply = sent(api, body % number)
        assert (reply.status, reply.headers["content-type"]) == (400, TEXT)
        assert reply.text.startswith(FAILED)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"Node":"\xff"}', "json: byte 9 of the body (0xff) is not UTF-8"),
        (b'{"Node":"a\xc0\xaf"}', "json: byte 10 of the body (0xc0) is not UTF-8"),
        (b'{"Node":"\xed\xa0\x80"}', "json: byte 9 of the body (0xed) is not UTF-8"),
        (b'{"\xe2\x82":1}', "json: byte 2 of the body (0xe2) is not UTF-8"),
    ],
)
def test_text_that_is_not_utf_8(api: Client, body: bytes, text: str) -> None:
    refused(sent(api, body), 400, FAILED + text)


@pytest.mark.parametrize("name", [r"\ud800", r"a\udfff", r"\udc00\ud800", r"\uD83D\u0041"])
def test_lone_surrogates(api: Client, name: str) -> None:
    for body in (
        '{"Node":"%s","Address":"1"}',
        '{"Node":"n","Address":"1","Service":{"Service":"s","Tags":["%s"]}}',
    ):
        reply = sent(api, body % name)
        assert (reply.status, reply.text.startswith(f"{FAILED}json: ")) == (400, True)


@pytest.mark.parametrize("depth", [1025, 10_000, 400_000])
def test_deep_json(api: Client, depth: int) -> None:
    for opening in ("[", '{"a":'):
        body = opening * depth
        assert len(body) < 1 << 22
        reply = sent(api, body[: 1 << 20])
        assert (reply.status, "exceeded max depth" in reply.text) == (400, True)
        body = f'{{"Node":"n","Address":"1","Ignored":{opening * min(depth, 10_000)}}}'
        assert sent(api, body).status == 400


def test_many_brackets_take_no_time(api: Client) -> None:
    """Not deep, but a million tokens: whatever the answer is, it comes while others are served."""
    for body in (
        "[" + "[]," * 340_000 + "x",
        "[" + "{}," * 340_000,
        '{"Node":"n","a":[' + "0," * 500_000 + "]}",
    ):
        reply = sent(api, body)
        assert (reply.status, reply.text.startswith(FAILED)) == (400, True)
        assert reply.seconds < 5


# Names and other values


@pytest.mark.parametrize("char", ["\0", "\n", "\r", "\x1b", "\x7f", "\x01"])
def test_control_characters_in_names(api: Client, char: str) -> None:
    name = f"a{char}b"
    for body, where in named(name).items():
        text = f"{where} must not contain control characters, found {char!r} at 1"
        refused(sent(api, body), 400, text)


def named(name: str) -> dict[str, str]:
    """Requests that use a name in each place that is a key."""
    common: dict[str, Any] = {"Node": "n", "Address": "1"}
    return {
        json.dumps({**common, "Node": name}): "Node",
        json.dumps({**common, "Service": {"Service": name}}): "Service.Service",
        json.dumps({**common, "Service": {"Service": "s", "ID": name}}): "Service.ID",
        json.dumps({**common, "Check": {"CheckID": name}}): "Checks[0].CheckID",
        json.dumps({**common, "Checks": [{"Name": "c"}, {"Name": name}]}): "Checks[1].CheckID",
    }


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128, "x" * 512, "x" * 100_000, "İ" * 100])
def test_long_names(api: Client, name: str) -> None:
    size = len(name.lower().encode())
    for body, where in named(name).items():
        refused(sent(api, body), 400, f"{where} has {size} bytes, max allowed is 255 (max_name_bytes)")


def test_null_stands_for_nothing(api: Client) -> None:
    everything = dict.fromkeys(
        ("Node", "Address", "Service", "Check", "Checks", "SkipNodeUpdate", "NodeMeta", "ID")
    )
    refused(api.put(REGISTER, everything), 500, "Must provide node")
    refused(sent(api, "null"), 500, "Must provide node")


# Every write there is

HOSTILE = (
    *(b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 5000, b'"text"', b"5", b'{"a":1e999}', b"\x00" * 100),
    *(
        b"{}" * 1000,
        b'{"Name":{},"ID":[],"Check":7}',
        b'{"Name":"\\u0000"}',
        b"<?xml version='1.0'?>",
        b"a=b&c=d",
    ),
)
ENDING = ("/v1/agent/leave", "/v1/agent/reload", "/v1/agent/join", "/v1/agent/force-leave")
WRITES = [route.path for route in ROUTES if route.method == "PUT" and not route.path.startswith(ENDING)]


@pytest.mark.parametrize("path", WRITES)
def test_hostile_bodies_change_nothing_anywhere(api: Client, path: str) -> None:
    """Writes with an argument are sent an unknown one; a body they do not read makes no difference."""
    target = f"{path}unknown" if path.endswith("/") else path
    for body in HOSTILE:
        reply = sent(api, body, target)
        assert reply.status in (400, 404, 500), (target, body)
        assert "Internal error" not in reply.text
        assert "Traceback" not in reply.text
        if reply.status == 500:  # Consul's own refusals behind its HTTP layer
            assert reply.text.startswith(("Must provide node", "Unknown check ID", "CheckID")), reply.text


# Requests that are no proper HTTP


def answered(server: RegistryServer, data: bytes) -> bytes:
    """Send bytes on a new connection and return everything that comes back until it is closed."""
    with connect(server) as connection:
        connection.sendall(data)
        return to_the_end(connection)


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 2", "Content-Length: 3"],
        ["Content-Length: -1"],
        ["Content-Length: +2"],
        ["Content-Length: 2, 3"],
        ["Content-Length: 0x2"],
        ["Content-Length: 99999999999999999999999"],
        ["Content-Length: two"],
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: chunked, identity"],
        ["Bad Header: x"],
        ["No-Colon"],
        ["Nul: a\0b"],
        [" Folded: x"],
        ["Space : x"],
    ],
)
def test_heads_that_break_the_rules(server: RegistryServer, lines: list[str]) -> None:
    reply = answered(server, head("PUT", REGISTER, *lines) + b"{}")
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert reply.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "line", ["GET", "GET /", "GET / HTTP/9.9", "G(T / HTTP/1.1", "\x16\x03\x01\x02", "GET / HTTP/1.1 x"]
)
def test_request_lines_that_break_the_rules(server: RegistryServer, line: str) -> None:
    reply = answered(server, f"{line}\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert not reply or reply.startswith(b"HTTP/1.1 400 ")


CHUNKED = head("PUT", REGISTER, "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}xx\r\n0\r\n\r\n",
        b"2\r\n{}\r\nzz\r\n",
        b"ffffffffffffffffff\r\n{}",
        b"2 2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_chunks_that_break_the_rules(server: RegistryServer, chunks: bytes) -> None:
    reply = answered(server, CHUNKED + chunks)
    assert reply.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"cut short or wrongly chunked" in reply


def test_chunk_extensions(server: RegistryServer, api: Client) -> None:
    chunked = CHUNKED + b"2;a=b;" + b"x" * 1000 + b"\r\n{}\r\n0\r\n\r\n"
    refused(api.raw(chunked), 500, "Must provide node")
    reply = answered(server, CHUNKED + (b"1;" + b"x" * 4000 + b"\r\n \r\n") * 100 + b"0\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 400 ")


def test_a_length_and_chunks(server: RegistryServer) -> None:
    """The chunks count, and the connection ends: what follows may not be taken for a request."""
    smuggled = head("GET", "/v1/status/leader")
    chunks = b"2\r\n{}\r\n0\r\n\r\n"
    reply = answered(
        server, head("PUT", REGISTER, "Content-Length: 4", "Transfer-Encoding: chunked") + chunks + smuggled
    )
    assert reply.count(b"HTTP/1.1") == 1
    assert b"Must provide node" in reply


def test_a_body_longer_than_it_says(server: RegistryServer) -> None:
    reply = answered(server, head("PUT", REGISTER, "Content-Length: 2") + b'{}{"Node":"n","Address":"1"}')
    assert reply.count(b"HTTP/1.1") == 2
    assert b"500 Internal Server Error" in reply.partition(b"Must provide node")[0]
    assert b"HTTP/1.1 400 Bad Request" in reply.partition(b"Must provide node")[2]


def test_a_body_that_ends_early(server: RegistryServer) -> None:
    body = b'{"Node":"n","Address":"1"}'
    for length in (len(body) + 1, len(body) + 100_000):
        with connect(server) as connection:
            connection.sendall(head("PUT", REGISTER, f"Content-Length: {length}") + body)
