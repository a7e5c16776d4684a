"""The filter language beside a real Consul: same expressions, same objects, same answers and complaints.

Consul filters its own objects. Ours filters what Consul answers without a filter, so nothing but the
language is compared here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from harness.client import Client
from harness.consul import ConsulServer, consul_binary
from harness.process import wait_until
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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
from registry.catalog.filter.schema import ListOf, MapOf, Selectable

REFUSED = 500
NODE_NAME = "node-a"
# Consul's parser takes time exponential in these.
MOST_PARENTHESES = 5


@dataclass(frozen=True)
class Endpoint:
    """An endpoint that filters, what it filters, and the beginnings of selectors not to compare there."""

    path: str
    schema: Schema
    skipped: tuple[str, ...] = ()


ENDPOINTS = [
    Endpoint("catalog/nodes", NODE),
    Endpoint("catalog/service/web", SERVICE_NODE),
    Endpoint("catalog/service/web-proxy", SERVICE_NODE),
    Endpoint("catalog/node/n2", NODE_SERVICE),
    Endpoint("health/node/n1", HEALTH_CHECK),
    Endpoint("health/checks/web", HEALTH_CHECK),
    Endpoint("health/state/any", HEALTH_CHECK),
    Endpoint("health/service/web", CHECK_SERVICE_NODE),
    Endpoint("health/service/web-proxy", CHECK_SERVICE_NODE),
    # Consul 1.8 drops the connection when it looks into the missing Proxy of an ordinary service.
    Endpoint("agent/services", NODE_SERVICE, ("Proxy", "Connect")),
    Endpoint("agent/checks", HEALTH_CHECK),
]
# Members that releases after 1.8.7 added.
NEWER = frozenset(
    [
        *("PeerName", "ServiceSocketPath", "SocketPath", "Interval", "Timeout", "ExposedPort"),
        *("LocalServiceSocketPath", "ServiceProxy.Mode", "Proxy.Mode", "Service.Proxy.Mode"),
        *("EnvoyExtensions", "TransparentProxy", "AccessLogs"),
        *("DestinationPartition", "DestinationPeer", "LocalBindSocketPath", "LocalBindSocketMode"),
    ]
)
CATALOG: list[dict[str, Any]] = [
    {
        "Node": "n1",
        "Address": "10.0.0.1",
        "NodeMeta": {"rack": "r1", "k-1": "v.1"},
        "TaggedAddresses": {"lan": "10.0.0.1"},
        "Service": {
            "ID": "w1",
            "Service": "web",
            "Tags": ["primary", "v1", "fw.x"],
            "Meta": {"env": "prod", "version": "1.2.3", "empty": ""},
            "Port": 8080,
            "Address": "10.9.0.1",
            "TaggedAddresses": {"lan": {"Address": "10.9.0.1", "Port": 80}},
            "Weights": {"Passing": 3, "Warning": 2},
            "EnableTagOverride": True,
        },
        "Checks": [
            {"CheckID": "c1", "Name": "web check", "Status": "passing", "ServiceID": "w1", "Output": "ok"},
            {"CheckID": "c0", "Name": "node check", "Status": "warning"},
        ],
    },
    {
        "Node": "n2",
        "Address": "10.0.0.2",
        "Service": {"ID": "w2", "Service": "web"},
        "Check": {"CheckID": "c2", "Name": "é check", "Status": "critical", "ServiceID": "w2"},
    },
    {
        "Node": "n2",
        "Address": "10.0.0.2",
        "Service": {
            "ID": "px",
            "Service": "web-proxy",
            "Kind": "connect-proxy",
            "Port": 21000,
            "Tags": [""],
            "Meta": {},
            "Proxy": {
                "DestinationServiceName": "web",
                "LocalServicePort": 8080,
                "Upstreams": [
                    {"DestinationName": "db", "LocalBindPort": 5},
                    {"DestinationName": "cache", "LocalBindPort": 6, "MeshGateway": {"Mode": "local"}},
                ],
                "Expose": {"Checks": True, "Paths": [{"Path": "/m", "ListenerPort": 7}]},
            },
        },
    },
    {
        "Node": "n3",
        "Address": "10.0.0.3",
        "Service": {"ID": "w3", "Service": "web", "Tags": ["v1", "v1"], "Meta": {"env": "dev"}, "Port": 80},
    },
]
AGENT: list[tuple[str, dict[str, Any]]] = [
    (
        "service",
        {
            "ID": "a1",
            "Name": "web",
            "Tags": ["x"],
            "Meta": {"env": "prod"},
            "Port": 1,
            "Address": "1.2.3.4",
            "Check": {"CheckID": "a1-ttl", "TTL": "1h", "Status": "passing"},
        },
    ),
    ("service", {"ID": "a2", "Name": "db"}),
    ("check", {"ID": "memory", "Name": "mem", "TTL": "1h", "Notes": "n"}),
]


class Oracle:
    """A Consul whose objects change no more, and our filter over the same objects."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._entries: dict[str, list[tuple[str, Any]]] = {
            endpoint.path: _entries(client.get(f"/v1/{endpoint.path}").json) for endpoint in ENDPOINTS
        }

    def compare(self, endpoint: Endpoint, expression: str) -> None:
        """Fail if the two select other objects or complain of other things."""
        theirs, ours = self._theirs(endpoint, expression), self._ours(endpoint, expression)
        assert ours == theirs, f"{endpoint.path}?filter={expression}"

    def _theirs(self, endpoint: Endpoint, expression: str) -> object:
        reply = self._client.get(f"/v1/{endpoint.path}?filter={quote(expression, safe='')}")
        assert reply.status in {200, REFUSED}
        return reply.text if reply.status == REFUSED else _entries(reply.json)

    def _ours(self, endpoint: Endpoint, expression: str) -> object:
        try:
            predicate = compile_filter(expression, endpoint.schema)
        except FilterSyntaxError as refusal:
            return str(refusal)
        except FilterError as refusal:
            return refusal.detail if endpoint.path == "agent/checks" else str(refusal)
        return [(key, value) for key, value in self._entries[endpoint.path] if predicate(value)]


def _entries(body: Any) -> list[tuple[str, Any]]:
    """Return the objects of an answer: of a list, of a map, or of the services of a node."""
    if isinstance(body, list):
        return [("", value) for value in body]
    return sorted(body.get("Services", body).items())


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """A Consul whose catalog and agent hold the objects above, and change no more."""
    server = ConsulServer(consul_binary(), tmp_path_factory.mktemp("consul"), NODE_NAME)
    try:
        client = server.start().client
        for entry in CATALOG:
            assert client.put("/v1/catalog/register", entry).status == 200
        for kind, entry in AGENT:
            assert client.put(f"/v1/agent/{kind}/register", entry).status == 200
        wait_until(lambda: _synced(client), what="the catalog to show what the agent has")
        yield Oracle(client)
    finally:
        server.close()


def _synced(client: Client) -> bool:
    services = client.get(f"/v1/catalog/node/{NODE_NAME}").json["Services"]
    checks = client.get(f"/v1/health/node/{NODE_NAME}").json
    return {"a1", "a2"} <= services.keys() and {"a1-ttl", "memory"} <= {check["CheckID"] for check in checks}


def _selectors(selectable: Selectable, path: str = "") -> Iterator[str]:
    if path:
        yield path
    if isinstance(selectable, MapOf):
        for key in (".env", ".lan", '["k-1"]', "[`empty`]", ".nope"):
            yield from _selectors(selectable.value, path + key)
    members = selectable.item if isinstance(selectable, ListOf) else selectable
    if isinstance(members, Schema):
        for name, member in members.members.items():
            inner = f"{path}.{name}" if path else name
            if name not in NEWER and inner not in NEWER:
                yield from _selectors(member, inner)


SIGNS = st.sampled_from([" == ", "!=", " contains ", " not contains ", " matches ", " not matches "])
VALUES = st.sampled_from(
    [
        *['""', "web", '"w1"', "n1", "n2", "v1", "`v1`", "fw.x", '"10.0.0.1"', "passing", "critical"],
        *['"é check"', '"\\u00e9 check"', '"w\\x65b"', "env", "lan", "prod", '"1.2.3"', "dc1", "db", "local"],
        *["8080", "0", "1", "-1", "1.5", '"0x1F90"', "1_0", "99999999999999999999", "true", "false", '"T"'],
        *['"^(?i)W.*[0-9]$"', "`^$`", "`\\d+`", '"("', '"a**"', "`[b-a]`", "`(?!a)`", "`x{1001}`", '"\\d"'],
        *["10.0.0.1", "a-b", "'a'", '"a', "`b", '"f\\"w"', "é", "or", "not", "in", 'x["y"]', "x[5]", "("],
    ]
)
SPLINTERS = st.sampled_from([*'()[]"`.-=!\\ \n\tax09_é😀', " and ", " or ", " not ", " in ", " is empty", ""])


def _expressions(endpoint: Endpoint) -> st.SearchStrategy[str]:
    known = [name for name in _selectors(endpoint.schema) if not name.startswith(endpoint.skipped or "\0")]
    selectors = st.sampled_from([*known, "Foo", "Meta.a.b", "CreateIndex", "not", "Definition.HTTP"])
    comparisons = st.one_of(
        st.builds("{}{}{}".format, selectors, SIGNS, VALUES),
        st.builds("{} {} {}".format, VALUES, st.sampled_from(["in", "not in"]), selectors),
        st.builds("{} {}".format, selectors, st.sampled_from(["is empty", "is not empty"])),
    )
    return st.recursive(
        comparisons,
        lambda inner: st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
            st.builds("not {}".format, inner),
            st.builds("({})".format, inner),
        ),
        max_leaves=4,
    )


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_operator_of_every_selector(oracle: Oracle, endpoint: Endpoint) -> None:
    questions = ["{} == 1", "{} != true", "web in {}", "web not in {}", "{} is empty", "{} is not empty"]
    questions += ["{} matches `^.?e`", "{} not matches `^.?e`"]
    for selector in _selectors(endpoint.schema):
        if not selector.startswith(endpoint.skipped or "\0"):
            for question in questions:
                oracle.compare(endpoint, question.format(selector))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_made_up_expressions(oracle: Oracle, endpoint: Endpoint) -> None:
    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @given(_expressions(endpoint))
    def compare(expression: str) -> None:
        assume(expression.count("(") <= MOST_PARENTHESES)
        oracle.compare(endpoint, expression)

    compare()


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(
    _expressions(ENDPOINTS[0]), st.lists(st.tuples(st.integers(0, 200), SPLINTERS), min_size=1, max_size=2)
)
def test_damaged_expressions(oracle: Oracle, expression: str, damages: list[tuple[int, str]]) -> None:
    for where, splinter in damages:
        at = where % (len(expression) + 1)
        expression = expression[:at] + splinter + expression[at + (not splinter) :]
    assume(expression and expression.count("(") <= MOST_PARENTHESES)
    oracle.compare(ENDPOINTS[0], expression)


@pytest.mark.parametrize(
    "expression",
    [
        "  ",
        "\nNode\r\n==\n é",
        'Node=="é" x',
        'Foo["a\x00\x07\x7f\u2028\xa0\xad\u200b\ufffd😀\ue000\U000e0001"] == 1',
        'Foo["\\xff\\377\\001\\u00e9\\U0001F600\\ud800"] == 1',
        'Node == "\\U00110000"',
        'Node == "\\400"',
        'Foo == "a\\q" or Bar == "b\\q"',
        "not not not in Meta",
        "not",
        "not contains contains contains",
        "Node == a andNode == b",
        "not(Node == a)",
        "any Checks as c { c == a }",
        '"/Node" == n1',
        "# comment",
        " or ".join(["Node == n1"] * 300),
    ],
)
def test_peculiar_expressions(oracle: Oracle, expression: str) -> None:
    oracle.compare(ENDPOINTS[0], expression)


def test_an_agent_without_checks_complains_of_syntax_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = ConsulServer(consul_binary(), tmp_path_factory.mktemp("empty"), NODE_NAME)
    try:
        client = server.start().client
        with pytest.raises(FilterSyntaxError) as caught:
            compile_filter("Foo =", HEALTH_CHECK)
        assert client.get("/v1/agent/checks?filter=Foo%20%3D").text == str(caught.value)
        assert json.loads(client.get("/v1/agent/checks?filter=Foo%20%3D%3D%201").body) == {}
    finally:
        server.close()
