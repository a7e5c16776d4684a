"""How a check's definition is kept for whoever runs it."""

import pytest

from registry.api.agent.check_rows import probe_of
from registry.api.agent.check_types import is_empty, problem, type_of
from registry.api.agent.definitions import CHECK, PROBE_FIELDS
from registry.api.agent.local import local_check, local_checks, local_service, local_services, own_node
from registry.catalog.state import Catalog
from registry.config import load
from registry.http.errors import HttpError
from registry.wire.decode import decode, parse_json

SECOND = 1_000_000_000


def test_a_probe_has_canonical_names_and_nanoseconds() -> None:
    given = decode(
        parse_json(
            b'{"http":"http://h","interval":"10s","timeout":2,"tls_skip_verify":true,"Name":"n","Status":"x",'
            b'"deregister_critical_service_after":"1m","header":{"b":["2"],"a":["1"]},"method":"","notes":"n",'
            b'"SuccessBeforePassing":3,"tls_server_name":"s","service_id":"x","CheckID":"c"}'
        ),
        CHECK,
    )
    probe = probe_of(given)
    assert probe == {
        "HTTP": "http://h",
        "Header": {"a": ["1"], "b": ["2"]},
        "Interval": 10 * SECOND,
        "TLSServerName": "s",
        "TLSSkipVerify": True,
        "Timeout": 2,
        "SuccessBeforePassing": 3,
        "DeregisterCriticalServiceAfter": 60 * SECOND,
    }
    assert list(probe["Header"]) == ["a", "b"]
    order = [field.name for field in PROBE_FIELDS]
    assert [order.index(name) for name in probe] == sorted(order.index(name) for name in probe)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"H2PING":"h:1"}', {"H2PING": "h:1"}),
        (b'{"H2PING":"h:1","H2PingUseTLS":false}', {"H2PING": "h:1", "H2PingUseTLS": False}),
        (b'{"TLSSkipVerify":false,"TTL":"1s"}', {"TTL": SECOND}),
    ],
)
def test_empty_values_are_left_out_but_for_one(body: bytes, expected: dict[str, object]) -> None:
    assert probe_of(decode(parse_json(body), CHECK)) == expected


@pytest.mark.parametrize(
    ("given", "empty"),
    [
        ({}, True),
        ({"HTTP": "", "Interval": 0, "TLSSkipVerify": False, "ScriptArgs": []}, True),
        ({"ServiceID": "x", "Namespace": "default"}, True),
        ({"Header": {}}, False),
        ({"Name": "n"}, False),
        ({"Status": "passing"}, False),
    ],
)
def test_what_counts_as_no_check(given: dict[str, object], empty: bool) -> None:
    assert is_empty(given) is empty


def test_nothing_is_wrong_with_an_alias_that_has_an_interval() -> None:
    given = {"AliasService": "x", "Interval": SECOND}
    assert (problem(given), type_of(given)) == ("", "alias")


def test_a_docker_check_is_one_with_a_program() -> None:
    given = {"DockerContainerID": "c", "ScriptArgs": ["x"], "Interval": SECOND}
    assert type_of(given) == "docker"
    assert type_of({"ScriptArgs": ["x"], "Interval": SECOND}) == "script"
    assert type_of({}) == ""


def test_without_the_own_node_nothing_is_local_and_writes_are_refused() -> None:
    assert (local_services(None), local_checks(None)) == ([], [])
    assert (local_service(None, "x"), local_check(None, "x")) == (None, None)
    with pytest.raises(HttpError, match="own node 'me' is being registered again") as refused:
        own_node(Catalog(), load({"node_name": "me"}))
    assert refused.value.status == 500
