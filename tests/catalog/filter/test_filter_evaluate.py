"""What expressions are true of: operators by type, missing parts, lists, and errors of meaning."""

from typing import Any

import pytest

from registry.catalog.filter import (
    CHECK_SERVICE_NODE,
    HEALTH_CHECK,
    NODE,
    NODE_SERVICE,
    SERVICE_NODE,
    FilterError,
    FilterSyntaxError,
    Schema,
    compile_filter,
)

SERVICE: dict[str, Any] = {
    "ID": "n-id",
    "Node": "node-a",
    "Address": "10.0.0.5",
    "Datacenter": "dc1",
    "TaggedAddresses": {"lan": "10.0.0.5"},
    "NodeMeta": {"os": "linux"},
    "ServiceID": "web-1",
    "ServiceName": "web-frontend",
    "ServiceTags": ["v1", "primary", "fw.x"],
    "ServiceAddress": "",
    "ServiceTaggedAddresses": {"lan_ipv4": {"Address": "10.0.0.5", "Port": 8080}},
    "ServiceWeights": {"Passing": 1, "Warning": 3},
    "ServiceMeta": {"version": "1.2.3", "k-1": "x", "empty": ""},
    "ServicePort": 8080,
    "ServiceEnableTagOverride": True,
    "ServiceProxy": {"Upstreams": [{"DestinationName": "db", "LocalBindPort": 5}]},
    "ServiceConnect": {},
}
INSTANCE: dict[str, Any] = {
    "Node": {"Node": "node-a", "Datacenter": "dc1", "Meta": None},
    "Service": {"ID": "web-1", "Service": "web", "Tags": ["v1"], "Meta": {"traefik.enable": "true"}},
    "Checks": [
        {"CheckID": "serfHealth", "Status": "passing", "ServiceTags": []},
        {"CheckID": "c", "Status": "warning", "ServiceTags": ["v1"]},
    ],
}


def holds(expression: str, subject: dict[str, Any], schema: Schema) -> bool:
    return compile_filter(expression, schema)(subject)


@pytest.mark.parametrize(
    "expression",
    [
        'ServiceTags contains "primary"',
        '"primary" in ServiceTags and ServiceMeta.version == "1.2.3"',
        'ServiceName matches "^(?i)WEB-.*"',
        '"rack" not in NodeMeta',
        "ServiceMeta is not empty",
        "ServicePort == 8080",
        'ServicePort == "0x1F90"',
        "ServicePort != 80",
        'ServiceKind != "connect-proxy"',
        'ServiceKind == ""',
        "ServiceTags contains fw.x",
        "ServiceTags not contains prim",
        "ServiceName contains front",
        '"" in ServiceName',
        "back not in ServiceName",
        "ServiceName matches `front`",
        "ServiceName not matches `^front`",
        "version in ServiceMeta",
        'ServiceMeta["k-1"] == x',
        'ServiceMeta.empty == ""',
        "ServiceMeta.version matches `^1\\.`",
        "ServiceEnableTagOverride == true",
        "ServiceEnableTagOverride != 0",
        "ServiceConnect.Native == false",
        "ServiceTaggedAddresses.lan_ipv4.Port == 8080",
        "ServiceWeights.Warning == 3",
        "ServiceProxy.Upstreams is not empty",
        "ServiceProxy.Upstreams.DestinationName == db",
        "ServiceProxy.Expose.Paths is empty",
        "ServiceProxy.MeshGateway.Mode == ``",
        'PeerName == ""',
    ],
)
def test_is_true_of_a_service(expression: str) -> None:
    assert holds(expression, SERVICE, SERVICE_NODE) is True
    assert holds(f"not ({expression})", SERVICE, SERVICE_NODE) is False


@pytest.mark.parametrize(
    "expression",
    [
        "ServiceName == WEB-frontend or ServiceTags contains V1",
        "ServiceTags contains `prim`",
        "NodeMeta is empty",
        "linux in NodeMeta",
        "ServiceAddress contains 10",
        "ServicePort == 8080 and ServicePort == 80",
        "ServiceName matches `(?s)^.$`",
    ],
)
def test_is_false_of_a_service(expression: str) -> None:
    assert holds(expression.replace("WEB-frontend", '"WEB-frontend"'), SERVICE, SERVICE_NODE) is False


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ServiceMeta.x == y", False),
        ("ServiceMeta.x != y", True),
        ("y in ServiceMeta.x", False),
        ("y not in ServiceMeta.x", True),
        ("ServiceMeta.x matches y", True),
        ("ServiceMeta.x not matches y", True),
        ("not ServiceMeta.x matches y", False),
        ("ServiceTaggedAddresses.nope.Port == 80", False),
        ("ServiceTaggedAddresses.nope.Port != 80", True),
    ],
)
def test_missing_keys_follow_consul(expression: str, expected: bool) -> None:
    assert holds(expression, SERVICE, SERVICE_NODE) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Checks.Status == passing", True),
        ("Checks.Status == critical", False),
        ("Checks.Status != critical", True),
        ("Checks.Status != passing", True),
        ("not (Checks.Status == passing)", False),
        ("Checks.Status not matches `^p`", True),
        ("v1 in Checks.ServiceTags", True),
        ("Checks.ServiceTags is empty", True),
        ("Checks.ServiceTags is not empty", True),
        ("Checks is not empty", True),
        ("Node.Meta is empty", True),
        ('Service.Meta["traefik.enable"] == "true"', True),
        ('Node.Datacenter == "dc1" and not (Service.Tags contains canary)', True),
    ],
)
def test_any_item_of_a_list_answers(expression: str, expected: bool) -> None:
    assert holds(expression, INSTANCE, CHECK_SERVICE_NODE) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "Checks.Status == passing",
        "Checks.Status != passing",
        "Checks.Status matches p",
        "Checks.Status not matches p",
        "v1 in Checks.ServiceTags",
        "v1 not in Checks.ServiceTags",
        "Checks.ServiceTags is empty",
        "Checks is not empty",
    ],
)
@pytest.mark.parametrize("subject", [{"Checks": []}, {"Checks": None}, {}])
def test_nothing_holds_of_the_items_of_an_empty_list(expression: str, subject: dict[str, Any]) -> None:
    assert holds(expression, subject, CHECK_SERVICE_NODE) is False
    assert holds("Checks is empty", subject, CHECK_SERVICE_NODE) is True


@pytest.mark.parametrize("subject", [{}, {"Proxy": None, "Connect": None, "Weights": None, "Port": None}])
@pytest.mark.parametrize(
    "expression",
    [
        'Proxy.DestinationServiceName == ""',
        "Proxy.Upstreams is empty",
        "Connect.Native == false",
        "Weights.Passing == 0",
        "Port == 0",
        "Tags is empty",
        "Meta is empty",
        "a not in TaggedAddresses",
        'SocketPath == ""',
    ],
)
def test_what_is_missing_counts_as_zero(expression: str, subject: dict[str, Any]) -> None:
    assert holds(expression, subject, NODE_SERVICE) is True


def test_or_and_and_stop_at_the_first_answer() -> None:
    class Refusing(dict[str, Any]):
        def get(self, key: str, default: object = None) -> Any:
            assert key == "Node", "asked for more than it takes to answer"
            return "a"

    assert compile_filter("Node == a or Address == b", NODE)(Refusing()) is True
    assert compile_filter("Node == b and Address == b", NODE)(Refusing()) is False


@pytest.mark.parametrize(
    ("expression", "schema", "complaint"),
    [
        ("Foo == a", NODE, 'Selector "Foo" is not valid'),
        ("node == a", NODE, 'Selector "node" is not valid'),
        ("ModifyIndex == 1", NODE, 'Selector "ModifyIndex" is not valid'),
        ("Meta.a.b == c", NODE, 'Selector "Meta.a.b" is not valid'),
        ('Node["a\\tb"].c == d', NODE, 'Selector "Node.a\\tb" is not valid'),
        ("Meta.env in prod", NODE, 'Selector "prod" is not valid'),
        ("Definition.HTTP == a", HEALTH_CHECK, 'Selector "Definition" is not valid'),
        ("ServiceTags.x == a", SERVICE_NODE, 'Selector "ServiceTags.x" is not valid'),
        ("Checks.Foo == a", CHECK_SERVICE_NODE, 'Selector "Checks.Foo" is not valid'),
        ("Kind is empty", NODE_SERVICE, 'Invalid match operator "Is Empty" for selector "Kind"'),
        ("Meta.x is not empty", NODE, 'Invalid match operator "Is Not Empty" for selector "Meta.x"'),
        ("Meta == a", NODE, 'Invalid match operator "Equal" for selector "Meta"'),
        ("Tags != a", NODE_SERVICE, 'Invalid match operator "Not Equal" for selector "Tags"'),
        ("Tags matches a", NODE_SERVICE, 'Invalid match operator "Matches" for selector "Tags"'),
        ("Port not matches a", NODE_SERVICE, 'Invalid match operator "Not Matches" for selector "Port"'),
        ("8 in Port", NODE_SERVICE, 'Invalid match operator "In" for selector "Port"'),
        ("a not in Checks", CHECK_SERVICE_NODE, 'Invalid match operator "Not In" for selector "Checks"'),
        ("Weights == 1", NODE_SERVICE, 'Invalid match operator "Equal" for selector "Weights"'),
        ("Service is empty", CHECK_SERVICE_NODE, 'Invalid match operator "Is Empty" for selector "Service"'),
        (
            "ServicePort == abc",
            SERVICE_NODE,
            'Failed to coerce value "abc" for selector "ServicePort": '
            'strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        (
            'Port == "99999999999999999999"',
            NODE_SERVICE,
            'Failed to coerce value "99999999999999999999" for selector "Port": '
            'strconv.ParseInt: parsing "99999999999999999999": value out of range',
        ),
        (
            "Connect.Native == yes",
            NODE_SERVICE,
            'Failed to coerce value "yes" for selector "Connect.Native": '
            'strconv.ParseBool: parsing "yes": invalid syntax',
        ),
        (
            'Node matches "("',
            NODE,
            'Failed to compile regular expression "(": error parsing regexp: missing closing ): `(`',
        ),
        ("Foo == a and Bar == b", NODE, 'Selector "Foo" is not valid'),
        ("not (Node == a or Bar == b)", NODE, 'Selector "Bar" is not valid'),
    ],
)
def test_says_what_does_not_fit(expression: str, schema: Schema, complaint: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(expression, schema)
    assert not isinstance(caught.value, FilterSyntaxError)
    assert caught.value.detail == complaint
    assert str(caught.value) == f"Failed to create boolean expression evaluator: {complaint}"
