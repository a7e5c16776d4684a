"""The reads of /v1/catalog, each with every parameter that it has."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import Client
from served import deregister, last_index, refused, register, serving, shown

ID_A = "40e4a748-2192-161a-0510-9bf59fe950b5"
ID_B = "50e4a748-2192-161a-0510-9bf59fe950b5"
PLAIN_PROXY = {"Mode": "", "MeshGateway": {}, "Expose": {}}

NODE_A = {
    "ID": ID_A,
    "Node": "ext-a",
    "Address": "10.0.0.1",
    "Datacenter": "dc1",
    "TaggedAddresses": {"lan": "10.0.0.1", "wan": "198.18.0.1"},
    "Meta": {"env": "prod", "rack": "", "path": "a:b"},
}
WEB_1 = {
    "ID": "web-1",
    "Service": "web",
    "Tags": ["v1", "Primary"],
    "Address": "10.1.0.1",
    "TaggedAddresses": {"lan": {"Address": "10.1.0.1", "Port": 80}},
    "Meta": {"version": "1.2"},
    "Port": 8080,
    "Weights": {"Passing": 3, "Warning": 2},
    "EnableTagOverride": True,
}
PROXY: dict[str, Any] = {
    "ID": "web-proxy",
    "Service": "web-sidecar",
    "Kind": "connect-proxy",
    "Port": 21000,
    "Proxy": {
        "DestinationServiceName": "web",
        "DestinationServiceID": "web-1",
        "LocalServiceAddress": "127.0.0.1",
        "LocalServicePort": 8080,
    },
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A registry with four external nodes; ``Ext-C`` comes first in no order but the alphabet's."""
    with serving(tmp_path_factory) as server:
        api = server.client
        given = {"ID": ID_A, "TaggedAddresses": NODE_A["TaggedAddresses"], "NodeMeta": NODE_A["Meta"]}
        register(api, "ext-b", {"ID": "web-2", "Service": "web", "Tags": ["v2"]}, Address="10.0.0.2", ID=ID_B)
        register(api, "ext-a", WEB_1, **given)
        register(api, "ext-a", PROXY, **given)
        register(api, "Ext-C", {"ID": "b", "Service": "web", "Tags": ["v1"]}, NodeMeta={"env": "prod"})
        register(api, "Ext-C", {"ID": "A", "Service": "Web", "Tags": ["V1"]}, NodeMeta={"env": "prod"})
        register(api, "Ext-C", {"Service": "native", "Connect": {"Native": True}}, NodeMeta={"env": "prod"})
        register(api, "bare", Address="10.0.0.4")
        yield api


def read(api: Client, target: str) -> Any:
    reply = api.get(target)
    assert reply.status == 200, reply.text
    return shown(reply.json)


def ids(api: Client, target: str) -> list[str]:
    return [f"{each['Node']}/{each['ServiceID']}" for each in read(api, target)]


def names(api: Client, target: str) -> list[str]:
    return [each["Node"] for each in read(api, target)]


ALL_WEB = ["ext-a/web-1", "ext-b/web-2", "Ext-C/A", "Ext-C/b"]
ALL_NODES = ["bare", "ext-a", "ext-b", "Ext-C", "node-a"]


# datacenters


def test_datacenters(api: Client) -> None:
    reply = api.get("/v1/catalog/datacenters?dc=elsewhere&index=5&wait=10m")
    assert (reply.status, reply.json) == (200, ["dc1"])
    assert not {"x-consul-index", "x-cache", "etag"} & reply.headers.keys()
    assert api.get("/v1/catalog/datacenters?cached").headers["x-cache"] == "MISS"
    # Consul goes on after its text.
    text = "Cannot specify ?stale with ?consistent, conflicting semantics."
    refused(api.get("/v1/catalog/datacenters?stale&consistent"), 400, f'{text}["dc1"]')
    refused(api.get("/v1/catalog/datacenters?stale&consistent&pretty"), 400, f'{text}[\n    "dc1"\n]\n')


# nodes


def test_nodes(api: Client) -> None:
    nodes = read(api, "/v1/catalog/nodes")
    assert [node["Node"] for node in nodes] == ALL_NODES
    assert nodes[1] == NODE_A
    bare = {"ID": "", "Node": "bare", "Address": "10.0.0.4", "Datacenter": "dc1"}
    assert nodes[0] == {**bare, "TaggedAddresses": None, "Meta": None}
    order = ["ID", "Node", "Address", "Datacenter", "TaggedAddresses", "Meta", "CreateIndex", "ModifyIndex"]
    assert list(api.get("/v1/catalog/nodes").json[0]) == order


def test_the_own_node(api: Client) -> None:
    own = read(api, "/v1/catalog/nodes")[-1]
    addresses = dict.fromkeys(("lan", "lan_ipv4", "wan", "wan_ipv4"), "127.0.0.1")
    assert (own["Address"], own["TaggedAddresses"]) == ("127.0.0.1", addresses)
    assert own["Meta"].keys() == {"consul-network-segment", "consul-version"}
    assert len(own["ID"]) == 36
    server = read(api, "/v1/catalog/service/consul")
    assert [(each["Node"], each["ServiceID"], each["ServicePort"]) for each in server] == [
        ("node-a", "consul", 8300)
    ]
    assert server[0]["ServiceTags"] == []
    assert all(isinstance(value, str) for value in server[0]["ServiceMeta"].values())
    assert server[0]["ServiceMeta"].keys() >= {"version", "raft_version", "serf_protocol_max", "non_voter"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("near=ext-b", ALL_NODES),
        ("near=_agent", ALL_NODES),
        ("near=unknown", ALL_NODES),
        ("peer=", ALL_NODES),
        ("peer=other", []),
        ("node-meta=env:prod", ["ext-a", "Ext-C"]),
        ("node-meta=env:prod&node-meta=rack", ["ext-a"]),
        ("node-meta=rack", ["ext-a"]),
        ("node-meta=rack:", ["ext-a"]),
        ("node-meta=env", []),
        ("node-meta=path:a:b", ["ext-a"]),
        ("node-meta=env:Prod", []),
        ("node-meta=ENV:prod", []),
        ("node-meta=", []),
        ("node-meta=env:none&node-meta=env:prod", ["ext-a", "Ext-C"]),
        ("node-meta=env:prod&node-meta=env:none", []),
        ("filter=Meta.env==%22prod%22+and+Node!=%22ext-a%22", ["Ext-C"]),
        (f"filter=ID==%22{ID_B}%22", ["ext-b"]),
        ("node-meta=env:prod&filter=Address==%2210.0.0.7%22", []),
    ],
)
def test_nodes_with(api: Client, query: str, found: list[str]) -> None:
    assert names(api, f"/v1/catalog/nodes?{query}") == found


# services


def test_services(api: Client) -> None:
    reply = api.get("/v1/catalog/services")
    services = {"Web": ["V1"], "consul": [], "native": [], "web": ["Primary", "v1", "v2"], "web-sidecar": []}
    assert reply.json == services
    assert list(reply.json) == sorted(services)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("node-meta=env:prod&node-meta=rack", {"web": ["Primary", "v1"], "web-sidecar": []}),
        ("node-meta=env:none", {}),
        ("filter=ServiceTags+contains+%22v2%22", {"web": ["v2"]}),
        ("filter=ServiceName==%22native%22", {"native": []}),
        ("filter=ServiceName==%22native%22&node-meta=rack", {}),
        ("filter=ServicePort==8080", {"web": ["Primary", "v1"]}),
    ],
)
def test_services_with(api: Client, query: str, found: dict[str, list[str]]) -> None:
    assert read(api, f"/v1/catalog/services?{query}") == found


# service/:name and connect/:name


def test_service(api: Client) -> None:
    found = read(api, "/v1/catalog/service/web")
    assert [f"{each['Node']}/{each['ServiceID']}" for each in found] == ALL_WEB
    assert found[0] == {
        **{name: NODE_A[name] for name in ("ID", "Node", "Address", "Datacenter", "TaggedAddresses")},
        "NodeMeta": NODE_A["Meta"],
        "ServiceKind": "",
        "ServiceID": "web-1",
        "ServiceName": "web",
        "ServiceTags": ["v1", "Primary"],
        "ServiceAddress": "10.1.0.1",
        "ServiceTaggedAddresses": WEB_1["TaggedAddresses"],
        "ServiceWeights": {"Passing": 3, "Warning": 2},
        "ServiceMeta": {"version": "1.2"},
        "ServicePort": 8080,
        "ServiceSocketPath": "",
        "ServiceEnableTagOverride": True,
        "ServiceProxy": PLAIN_PROXY,
        "ServiceConnect": {},
        "ServiceLocality": None,
    }
    plain = found[1]
    assert "ServiceTaggedAddresses" not in plain
    assert (plain["ServiceAddress"], plain["ServicePort"], plain["ServiceMeta"]) == ("", 0, {})
    assert (plain["NodeMeta"], plain["ServiceWeights"]) == (None, {"Passing": 1, "Warning": 1})


def test_order_of_the_keys_of_an_instance(api: Client) -> None:
    instance = api.get("/v1/catalog/service/web").json[0]
    node = ["ID", "Node", "Address", "Datacenter", "TaggedAddresses", "NodeMeta"]
    service = [
        *(
            "Kind",
            "ID",
            "Name",
            "Tags",
            "Address",
            "TaggedAddresses",
            "Weights",
            "Meta",
            "Port",
            "SocketPath",
        ),
        *("EnableTagOverride", "Proxy", "Connect", "Locality"),
    ]
    names = [f"Service{name}" for name in service]
    assert list(instance) == [*node, *names, "CreateIndex", "ModifyIndex"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=v1", ["ext-a/web-1", "Ext-C/A", "Ext-C/b"]),
        ("tag=V1", ["ext-a/web-1", "Ext-C/A", "Ext-C/b"]),
        ("tag=v1&tag=primary", ["ext-a/web-1"]),
        ("tag=primary&tag=v2", []),
        ("tag=v1&tag=v1", ["ext-a/web-1", "Ext-C/A", "Ext-C/b"]),
        ("tag=v", []),
        ("tag=", []),
        ("tag", []),
        ("tag=v1&tag=", []),
        ("Tag=v2", ALL_WEB),
        ("passing", ALL_WEB),
        ("passing=nonsense", ALL_WEB),
        ("near=_agent", ALL_WEB),
        ("near=nowhere", ALL_WEB),
        ("node-meta=env:prod", ["ext-a/web-1", "Ext-C/A", "Ext-C/b"]),
        ("node-meta=env:prod&tag=primary", ["ext-a/web-1"]),
        ("node-meta=env:prod&node-meta=env:test", []),
        ("peer=other", []),
        ("merge-central-config", ALL_WEB),
        ("filter=ServicePort==8080", ["ext-a/web-1"]),
        ("filter=%22v2%22+in+ServiceTags+or+ServiceID==b", ["ext-b/web-2", "Ext-C/b"]),
        ("filter=", ALL_WEB),
        ("dc=", ALL_WEB),
        ("dc=dc1", ALL_WEB),
        ("ns=&partition=", ALL_WEB),
        ("ns=default&partition=default", ALL_WEB),
    ],
)
def test_service_with(api: Client, query: str, found: list[str]) -> None:
    assert ids(api, f"/v1/catalog/service/web?{query}") == found


def test_names_are_looked_up_whatever_their_case(api: Client) -> None:
    assert ids(api, "/v1/catalog/service/WEB") == ALL_WEB
    assert read(api, "/v1/catalog/node/EXT-A")["Node"] == NODE_A
    assert read(api, "/v1/catalog/node-services/EXT-c")["Node"]["Node"] == "Ext-C"


def test_connect(api: Client) -> None:
    found = read(api, "/v1/catalog/connect/web")
    assert [(each["ServiceKind"], each["ServiceName"]) for each in found] == [
        ("connect-proxy", "web-sidecar")
    ]
    assert found[0]["ServiceProxy"] == {**PROXY["Proxy"], **PLAIN_PROXY}
    native = read(api, "/v1/catalog/connect/native")
    assert [each["ServiceConnect"] for each in native] == [{"Native": True}]
    assert ids(api, "/v1/catalog/connect/web?node-meta=rack") == ["ext-a/web-proxy"]
    for query in ("node-meta=env:none", "peer=x", "filter=ServicePort==1"):
        assert ids(api, f"/v1/catalog/connect/web?{query}") == []
    # A tag is not looked at here.
    assert ids(api, "/v1/catalog/connect/web?tag=v1") == ["ext-a/web-proxy"]


# node/:node and node-services/:node


def test_node(api: Client) -> None:
    view = read(api, "/v1/catalog/node/ext-a")
    assert list(view) == ["Node", "Services"]
    assert view["Node"] == NODE_A
    assert list(view["Services"]) == ["web-1", "web-proxy"]
    assert view["Services"]["web-1"] == {**WEB_1, "Proxy": PLAIN_PROXY, "Connect": {}, "PeerName": ""}
    assert view["Services"]["web-proxy"]["Kind"] == "connect-proxy"
    assert view["Services"]["web-proxy"]["Meta"] == {}
    assert read(api, "/v1/catalog/node/bare")["Services"] == {}
    assert list(read(api, "/v1/catalog/node/Ext-C")["Services"]) == ["A", "b", "native"]


def test_node_services_is_a_list(api: Client) -> None:
    view = read(api, "/v1/catalog/node-services/ext-a")
    by_id = read(api, "/v1/catalog/node/ext-a")
    assert view == {"Node": by_id["Node"], "Services": list(by_id["Services"].values())}
    # Go tells a list that was never made from an empty one.
    assert read(api, "/v1/catalog/node-services/bare")["Services"] is None
    assert read(api, "/v1/catalog/node-services/bare?filter=ID==x")["Services"] == []
    assert read(api, "/v1/catalog/node-services/ext-a?filter=ID==x")["Services"] == []


def test_a_map_of_services_is_in_the_order_of_the_ids_as_they_are_spelled(api: Client) -> None:
    for service_id in ("b", "A", "a1", "Z", "_"):
        register(api, "spelled", {"ID": service_id, "Service": "s"})
    assert list(read(api, "/v1/catalog/node/spelled")["Services"]) == ["A", "Z", "_", "a1", "b"]
    listed = read(api, "/v1/catalog/node-services/spelled")["Services"]
    assert [each["ID"] for each in listed] == ["_", "A", "a1", "b", "Z"]
    deregister(api, "spelled")


def test_a_node_by_its_id(api: Client) -> None:
    found = (ID_A, ID_A.upper(), ID_A.replace("-", ""), f"{ID_A}-", f"{ID_A}0", ID_A[:8], "40", "40e")
    for name in (*found, "40e4a748-", "40e4a748-2192-", "40-e4a7-48", "40e4a748-----"):
        assert read(api, f"/v1/catalog/node/{name}")["Node"] == NODE_A, name
    for name in (
        "4",
        ID_A[1:],
        f"{ID_A}00",
        "40e4a748-2",
        "40e4a748-21",
        "4-0e4a748",
        "-----40",
        "40zz",
        "--",
    ):
        assert read(api, f"/v1/catalog/node/{name}") is None, name
    register(api, "same-beginning", ID="40e4a748-0000-161a-0510-9bf59fe950b5")
    assert read(api, "/v1/catalog/node/40e4a748") is None
    assert read(api, "/v1/catalog/node/40e4a748-2192-")["Node"] == NODE_A
    deregister(api, "same-beginning")
    assert read(api, "/v1/catalog/node/40e4a748")["Node"] == NODE_A


@pytest.mark.parametrize("node", ["nope", "ext-a?peer=other", "ext"])
def test_an_unknown_node_is_null(api: Client, node: str) -> None:
    reply = api.get(f"/v1/catalog/node/{node}")
    assert (reply.status, reply.text, reply.index >= 1) == (200, "null", True)
    reply = api.get(f"/v1/catalog/node-services/{node}")
    assert (reply.status, reply.text) == (200, '{"Node":null,"Services":null}')


def test_the_filter_of_a_node_is_about_its_services(api: Client) -> None:
    for expression, found in (("Port==21000", ["web-proxy"]), ("Service==web", ["web-1"]), ("Port==1", [])):
        view = read(api, f"/v1/catalog/node/ext-a?filter={expression}")
        assert (view["Node"], list(view["Services"])) == (NODE_A, found)
        view = read(api, f"/v1/catalog/node-services/ext-a?filter={expression}&merge-central-config&ns=")
        assert (view["Node"], [each["ID"] for each in view["Services"]]) == (NODE_A, found)


# gateway-services/:gateway, and what all have in common


def test_gateway_services(api: Client) -> None:
    reply = api.get("/v1/catalog/gateway-services/web")
    assert (reply.status, reply.text, reply.index >= 1) == (200, "null", True)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("service", "service name"),
        ("connect", "service name"),
        ("node", "node name"),
        ("node-services", "node name"),
        ("gateway-services", "gateway name"),
    ],
)
def test_a_missing_name(api: Client, path: str, what: str) -> None:
    reply = api.get(f"/v1/catalog/{path}/")
    refused(reply, 400, f"Missing {what}")
    assert "x-consul-index" not in reply.headers


@pytest.mark.parametrize("path", ["service/nope", "connect/nope", "connect/web-sidecar"])
def test_unknown_services_are_empty(api: Client, path: str) -> None:
    reply = api.get(f"/v1/catalog/{path}")
    assert (reply.status, reply.text, reply.index >= 1) == (200, "[]", True)


FILTERED = ("nodes", "services", "service/web", "connect/web", "node/ext-a", "node-services/ext-a")
ALL = (*FILTERED, "gateway-services/x")


@pytest.mark.parametrize("path", FILTERED)
def test_a_bad_filter(api: Client, path: str) -> None:
    for expression in ("(", "Nope==1", "Meta.x+is+empty", "a" * 9000, "%00"):
        reply = api.get(f"/v1/catalog/{path}?filter={expression}")
        assert reply.status == 500
        assert "Failed to create boolean expression evaluator" in reply.text or "max" in reply.text
        failed = [reply.headers[f"x-consul-{name}"] for name in ("index", "knownleader", "lastcontact")]
        assert failed == ["1", "false", "0"]


@pytest.mark.parametrize("path", ALL)
def test_another_datacenter(api: Client, path: str) -> None:
    for name in ("dc2", "DC1"):
        reply = api.get(f"/v1/catalog/{path}?dc={name}&filter=(")
        refused(reply, 500, "No path to datacenter")
        failed = [reply.headers[f"x-consul-{name}"] for name in ("index", "knownleader", "lastcontact")]
        assert failed == ["1", "false", "0"]


@pytest.mark.parametrize("path", [*ALL, "datacenters"])
def test_namespaces_and_partitions(api: Client, path: str) -> None:
    for name, what in (("ns", "Namespaces"), ("partition", "Partitions")):
        refused(
            api.get(f"/v1/catalog/{path}?{name}=team"),
            400,
            f'Invalid query parameter: "{name}" - {what} are a Consul Enterprise feature',
        )
    for name, what in (("X-Consul-Namespace", "Namespaces"), ("X-Consul-Partition", "Partitions")):
        text = f'Invalid header: "{name}" - {what} are a Consul Enterprise feature'
        for _ in range(2):  # the second time the answer without the header is in the cache
            refused(api.get(f"/v1/catalog/{path}", {name: "team"}), 400, text)
            assert api.get(f"/v1/catalog/{path}", {name: "default"}).status == 200


@pytest.mark.parametrize("path", [*ALL, "datacenters"])
def test_pretty(api: Client, path: str) -> None:
    plain = api.get(f"/v1/catalog/{path}")
    for query in ("pretty", "pretty=", "pretty=false", "pretty=1&cached"):
        pretty = api.get(f"/v1/catalog/{path}?{query}")
        assert pretty.json == plain.json
        assert pretty.body.endswith(b"\n")
    if path == "node/ext-a":
        assert pretty.text.startswith('{\n    "Node": {\n        "ID": ')
        assert plain.text.startswith('{"Node":{"ID":')


@pytest.mark.parametrize("path", [path for path in ALL if path != "gateway-services/x"])
def test_cached(api: Client, path: str) -> None:
    assert api.get(f"/v1/catalog/{path}?cached").headers["x-cache"] == "MISS"
    assert "x-cache" not in api.get(f"/v1/catalog/{path}").headers


def test_reads_change_nothing(api: Client) -> None:
    before = last_index(api)
    for path in ALL:
        api.get(f"/v1/catalog/{path}?consistent")
    assert last_index(api) == before
