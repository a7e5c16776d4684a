"""What is wrong with a registration, in Consul's words; a refused one changes nothing."""

from typing import Any

import pytest
from harness.client import Client

from agent.calls import HTTP, REGISTER, TTL, everything, refused

META = "Couldn't load metadata pair"
CHECK = "Invalid check: "
SCRIPTS = (
    "Scripts are disabled on this agent from remote calls; "
    "to enable, configure 'enable_script_checks' to true"
)
INTERVAL = "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"
ADDRESS = "Invalid service address"
STATUS = "Status for checks must 'passing', 'warning', 'critical'"

DEFINITIONS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "Missing service name"),
    ({"ID": "x"}, 400, "Missing service name"),
    ({"Name": ""}, 400, "Missing service name"),
    ({"Address": "0.0.0.0"}, 400, ADDRESS),
    ({"Address": "::"}, 400, ADDRESS),
    ({"Address": "[::]"}, 400, ADDRESS),
    ({"Weights": {}}, 400, "Invalid Weights: Passing must be greater than 0"),
    ({"Weights": {"Warning": 1}}, 400, "Invalid Weights: Passing must be greater than 0"),
    (
        {"Weights": {"Passing": 1, "Warning": -1}},
        400,
        "Invalid Weights: Warning must be greater or equal than 0",
    ),
    ({"Weights": {"Passing": 65536}}, 400, "Invalid Weights: DNS Weight must be between 0 and 65535"),
    (
        {"Weights": {"Passing": 1, "Warning": 65536}},
        400,
        "Invalid Weights: DNS Weight must be between 0 and 65535",
    ),
    ({"Meta": {"": "v"}}, 400, f"Invalid Service Meta: {META} ('', 'v'): Key cannot be blank"),
    (
        {"Meta": {"a b": "v"}},
        400,
        f"Invalid Service Meta: {META} ('a b', 'v'): Key contains invalid characters",
    ),
    (
        {"Meta": {"k" * 129: "v"}},
        400,
        f"Invalid Service Meta: {META} ('{'k' * 129}', 'v'): Key is too long (limit: 128 characters)",
    ),
    (
        {"Meta": {"k": "v" * 513}},
        400,
        f"Invalid Service Meta: {META} ('k', '{'v' * 513}'): Value is too long (limit: 512 characters)",
    ),
    (
        {"Meta": {"consul-x": "v"}},
        400,
        f"Invalid Service Meta: {META} ('consul-x', 'v'): Key prefix 'consul-' is reserved for internal use",
    ),
    (
        {"Meta": {f"k{number}": "" for number in range(65)}},
        400,
        "Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs",
    ),
    ({"Check": {"Name": "n"}}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Check": {"Header": {}}}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Check": {"Interval": "10s"}}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Check": {"TTL": "-5s"}}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Check": {"DockerContainerID": "c"}}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Checks": [{}]}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Checks": [None]}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    ({"Check": TTL, "Checks": [TTL, {"Notes": "n"}]}, 400, f"{CHECK}TTL must be > 0 for TTL checks"),
    *[
        ({"Check": {field: "x"}}, 400, CHECK + INTERVAL)
        for field in ("HTTP", "TCP", "UDP", "GRPC", "H2PING", "OSService")
    ],
    ({"Check": {"Args": ["true"]}}, 400, CHECK + INTERVAL),
    ({"Check": {"HTTP": "http://h", "TTL": "1m"}}, 400, CHECK + INTERVAL),
    ({"Check": {**HTTP, "TTL": "1m"}}, 400, f"{CHECK}Interval and TTL cannot both be specified"),
    ({"Check": {**HTTP, "AliasService": "x"}}, 400, f"{CHECK}Interval cannot be set for Alias checks"),
    ({"Check": {"AliasNode": "x", "TTL": "1m"}}, 400, f"{CHECK}TTL must be not be set for Alias checks"),
    ({"Check": {**TTL, "OutputMaxSize": -1}}, 400, f"{CHECK}MaxOutputMaxSize must be positive"),
    (
        {"Check": {**HTTP, "FailuresBeforeWarning": 2, "FailuresBeforeCritical": 1}},
        400,
        f"{CHECK}FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
    ),
    ({"Check": {**TTL, "Status": "fine"}}, 400, STATUS),
    ({"Checks": [TTL, {**TTL, "Status": "PASSING"}]}, 400, STATUS),
    ({"Check": {"Args": ["true"], "Interval": "1s"}}, 500, SCRIPTS),
    ({"Checks": [TTL, {"script_args": ["true"], "Interval": "1s"}]}, 500, SCRIPTS),
    ({"Check": {"ScriptArgs": ["x"], "DockerContainerID": "c", "Interval": "1s"}}, 500, SCRIPTS),
    *[
        (
            {"TaggedAddresses": {label: {"Address": address}}},
            500,
            f'Service tagged address "{label}" must be a valid {family} address',
        )
        for label, family, address in (
            ("lan_ipv4", "ipv4", "x"),
            ("lan_ipv4", "ipv4", ""),
            ("wan_ipv4", "ipv4", "::1"),
            ("lan_ipv6", "ipv6", "1.1.1.1"),
            ("lan_ipv6", "ipv6", "::ffff:1.1.1.1"),
            ("lan_ipv6", "ipv6", "fe80::1%eth0"),
        )
    ],
    (
        {"Namespace": "team"},
        400,
        'Invalid field: "Namespace" - Namespaces are a Consul Enterprise feature, expected "default"',
    ),
    (
        {"Check": {**TTL, "Partition": "p"}},
        400,
        'Invalid field: "Partition" - Partitions are a Consul Enterprise feature, expected "default"',
    ),
    ({"ID": "consul"}, 400, 'ID "consul" is that of the registry\'s own service, use another ID'),
    ({"Name": "Consul"}, 400, 'ID "consul" is that of the registry\'s own service, use another ID'),
    (
        {"Check": {**TTL, "CheckID": "serfhealth"}},
        400,
        'Check.CheckID "serfHealth" is that of the node\'s own check, use another ID',
    ),
    ({"Address": "::", "Weights": {}, "Check": {"Name": "n"}}, 400, ADDRESS),
    ({"Weights": {}, "Meta": {"": ""}}, 400, "Invalid Weights: Passing must be greater than 0"),
    ({"Check": {"Args": ["x"], "Status": "fine", "Interval": "1s"}}, 400, STATUS),
]


@pytest.mark.parametrize(("definition", "status", "text"), DEFINITIONS)
def test_a_wrong_definition(agent: Client, definition: dict[str, Any], status: int, text: str) -> None:
    named = (
        definition
        if not definition or "Name" in definition or definition == {"ID": "x"}
        else {
            "Name": "web",
            **definition,
        }
    )
    before = everything(agent)
    refused(agent.put(REGISTER, named), status, text)
    assert everything(agent) == before


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "EOF"),
        ("{", "unexpected EOF"),
        ("hello", "invalid character 'h' looking for beginning of value"),
        ('{"Name":"web"', "unexpected EOF"),
        ("[]", "json: cannot unmarshal array into Go value of type structs.ServiceDefinition"),
        ('"x"', "json: cannot unmarshal string into Go value of type structs.ServiceDefinition"),
        ('{"Name":5}', "json: cannot unmarshal number into Go struct field .Name of type string"),
        (
            '{"Name":"web","Port":80.5}',
            "json: cannot unmarshal number 80.5 into Go struct field .Port of type int",
        ),
        (
            '{"Name":"web","Port":1e999}',
            None,
        ),
        ('{"Name":"web","Check":{"TTL":"abc"}}', 'time: invalid duration "abc"'),
        ('{"Name":"web","Check":{"TTL":"10"}}', 'time: missing unit in duration "10"'),
        (
            '{"Name":"web","Checks":[{"TTL":"1s"},{"HTTP":1}]}',
            "json: cannot unmarshal number into Go struct field .Checks[1].HTTP of type string",
        ),
        (
            '{"Name":"web","Meta":{"k":1}}',
            "json: cannot unmarshal number into Go struct field .Meta.k of type string",
        ),
        (
            '{"Name":"web","Tags":"a"}',
            "json: cannot unmarshal string into Go struct field .Tags of type []string",
        ),
        (
            '{"Name":"web","Connect":{"SidecarService":{"Port":"x"}}}',
            "json: cannot unmarshal string into Go struct field .Connect.SidecarService.Port of type int",
        ),
        ("[" * 10_000 + "]" * 10_000, None),
        ('{"Name":"web","Proxy":{"Config":{"a":' + "[" * 200 + "]" * 200 + "}}}", None),
        (b'{"Name":"\xff"}', None),
        (b'{"Name":"\\ud800"}', None),
        (b"\x00", None),
    ],
)
def test_a_wrong_body(agent: Client, body: bytes | str, text: str | None) -> None:
    before = everything(agent)
    reply = agent.put(REGISTER, body)
    assert reply.status == 400
    assert reply.text.startswith("Request decode failed: ")
    if text is not None:
        assert reply.text.removeprefix("Request decode failed: ").startswith(text)
    assert everything(agent) == before


def test_a_body_that_is_null_names_no_service(agent: Client) -> None:
    refused(agent.put(REGISTER, "null"), 400, "Missing service name")


@pytest.mark.parametrize("char", ["\x00", "\n", "\x1b", "\x7f"])
@pytest.mark.parametrize(
    "field", ["Name", "ID", "Check.CheckID", "Check.Name", "Proxy.DestinationServiceName"]
)
def test_control_characters_in_names(agent: Client, field: str, char: str) -> None:
    definition: dict[str, Any] = {"Name": "web", "ID": "w"}
    if "." in field:
        outer, inner = field.split(".")
        base = TTL if outer == "Check" else {}
        definition[outer] = {**base, inner: f"a{char}b"}
    else:
        definition[field] = f"a{char}b"
    before = everything(agent)
    refused(
        agent.put(REGISTER, definition),
        400,
        f"{field} must not contain control characters, found {char!r} at 1",
    )
    assert everything(agent) == before
