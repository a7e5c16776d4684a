from typing import Any

import pytest

from registry.wire.decode import BOOLEAN, DURATION, INTEGER, NUMBER, RAW, STRING, Field, ListOf, MapOf, Struct
from registry.wire.documents import DocumentError, read_document

PART = Struct("part", [Field("Port", INTEGER), Field("TLSSkipVerify", BOOLEAN), Field("Wait", DURATION)])
SHAPE = Struct(
    "shape",
    [
        Field("Name", STRING),
        Field("ScriptArgs", ListOf(STRING), ("Args",)),
        Field("DockerContainerID", STRING),
        Field("Part", PART),
        Field("Parts", ListOf(PART)),
        Field("Meta", MapOf(STRING)),
        Field("Config", MapOf(RAW)),
        Field("Share", NUMBER),
    ],
)


@pytest.mark.parametrize(
    ("value", "given"),
    [
        ({}, {}),
        ({"name": "a", "part": {"port": 1}}, {"Name": "a", "Part": {"Port": 1}}),
        ({"docker_container_id": "x"}, {"DockerContainerID": "x"}),
        ({"DockerContainerID": "x"}, {"DockerContainerID": "x"}),
        ({"args": ["a"]}, {"ScriptArgs": ["a"]}),
        ({"script_args": ["a"]}, {"ScriptArgs": ["a"]}),
        ({"parts": [{"tls_skip_verify": True}, {}]}, {"Parts": [{"TLSSkipVerify": True}, {}]}),
        ({"part": {"wait": "1m"}}, {"Part": {"Wait": 60_000_000_000}}),
        ({"meta": {"Some_Key": "v"}}, {"Meta": {"Some_Key": "v"}}),
        ({"config": {"a_b": {"c_d": [1, None]}}}, {"Config": {"a_b": {"c_d": [1, None]}}}),
        ({"name": None}, {}),
        ({"token": "secret", "name": "a"}, {"Name": "a"}),
        ({"share": 1}, {"Share": 1.0}),
    ],
)
def test_keys_are_understood_in_both_spellings(value: Any, given: Any) -> None:
    assert read_document(value, SHAPE, ("token",)) == given


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "expected an object, found []"),
        ({"nmae": "a"}, "there is no key 'nmae'; did you mean name?"),
        (
            {"dockr_container_id": "a"},
            "there is no key 'dockr_container_id'; did you mean docker_container_id?",
        ),
        ({"part": {"x": 1}}, "part: there is no key 'x', expected one of port, tls_skip_verify, wait"),
        ({"name": "a", "Name": "b"}, "the keys 'name' and 'Name' mean the same"),
        ({"args": ["a"], "script_args": ["b"]}, "the keys 'args' and 'script_args' mean the same"),
        ({"name": 5}, "name: expected a string, found 5"),
        ({"part": {"port": "80"}}, "part.port: expected a whole number, found '80'"),
        ({"part": {"port": 1.5}}, "part.port: expected a whole number, found 1.5"),
        ({"parts": [{}, {"Port": True}]}, "parts[1].Port: expected a whole number, found true"),
        ({"parts": {}}, "parts: expected a list, found {}"),
        ({"parts": [None]}, "parts[0]: expected an object, found null"),
        ({"args": [None]}, "args[0]: expected a string, found null"),
        ({"part": {"wait": "3x"}}, "part.wait: expected a duration such as \"30s\", found '3x'"),
        ({"part": {"tls_skip_verify": "yes"}}, "part.tls_skip_verify: expected true or false, found 'yes'"),
        ({"meta": {"a": 1}}, "meta.a: expected a string, found 1"),
        ({"meta": [1]}, "meta: expected an object, found [1]"),
        ({"share": "x" * 100}, f"share: expected a number, found '{'x' * 59}..."),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value: Any, problem: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_document(value, SHAPE)
    assert str(caught.value) == problem


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    with pytest.raises(DocumentError, match=r"^config\.a: expected a value nested less deep"):
        read_document({"config": {"a": deep}}, SHAPE)
