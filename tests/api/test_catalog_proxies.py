"""What the catalog makes of proxies, gateways, weights and definitions that no agent has looked at."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import Client
from served import REGISTER, last_index, refused, register, serving

WEB = {"DestinationServiceName": "web"}
PROXY = {"ID": "p", "Service": "proxy", "Kind": "connect-proxy", "Port": 21000}
NO_DESTINATION = "Proxy.DestinationServiceName must be non-empty for Connect proxy services"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory) as server:
        yield server.client


def shown_proxy(api: Client, service: dict[str, Any]) -> Any:
    """Register a service and return its proxy as both catalog views show it."""
    register(api, "ext", service)
    found = api.get("/v1/catalog/node/ext").json["Services"][service["ID"]]["Proxy"]
    assert api.get(f"/v1/catalog/service/{service['Service']}").json[0]["ServiceProxy"] == found
    return found


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, [NO_DESTINATION]),
        ({"Port": 0, "Proxy": WEB}, ["Port or SocketPath must be set for a connect-proxy"]),
        (
            {"Proxy": WEB, "Connect": {"Native": True}},
            ["A Proxy cannot also be Connect Native, only typical services"],
        ),
        ({"Kind": "mesh-gateway", "Port": 0}, ["Port must be non-zero for a mesh-gateway"]),
        ({"Address": "::", "Meta": {"a b": "c"}}, [NO_DESTINATION]),
    ],
)
def test_refused_kinds(api: Client, fields: dict[str, Any], problems: list[str]) -> None:
    before = last_index(api)
    listed = "".join(f"\t* {problem}\n" for problem in problems)
    reply = api.put(REGISTER, {"Node": "n", "Address": "1.1.1.1", "Service": {**PROXY, **fields}})
    refused(reply, 500, f"{len(problems)} error occurred:\n{listed}\n")
    assert last_index(api) == before


def test_a_native_service_needs_no_port(api: Client) -> None:
    register(api, "ext", {"ID": "nat", "Service": "native", "Connect": {"Native": True}})
    assert [each["ServiceID"] for each in api.get("/v1/catalog/connect/native").json] == ["nat"]


def test_upstreams_are_kept_as_given_and_have_a_datacenter(api: Client) -> None:
    upstreams = [
        {"LocalBindPort": 5, "DestinationName": "db", "Config": {"z": {"b": 1, "a": 2}, "c": []}},
        {
            "Datacenter": "dc2",
            "DestinationName": "q",
            "LocalBindPort": 6,
            "DestinationType": "prepared_query",
        },
    ]
    first, second = shown_proxy(api, {**PROXY, "Proxy": {**WEB, "Upstreams": upstreams}})["Upstreams"]
    assert list(first.items())[:4] == [
        ("DestinationType", ""),
        ("DestinationName", "db"),
        ("Datacenter", ""),
        ("LocalBindPort", 5),
    ]
    assert (list(first["Config"]), list(first["Config"]["z"])) == (["c", "z"], ["a", "b"])
    assert (second["DestinationType"], second["Datacenter"]) == ("prepared_query", "dc2")
    assert list(second).index("Datacenter") == 2


def test_exposed_paths_are_in_the_order_of_their_fields(api: Client) -> None:
    paths = [{"Protocol": "http2", "Path": "/x", "LocalPathPort": 8, "ListenerPort": 7}]
    shown = shown_proxy(api, {**PROXY, "Proxy": {**WEB, "Expose": {"Paths": paths, "Checks": True}}})
    assert list(shown["Expose"]) == ["Checks", "Paths"]
    assert list(shown["Expose"]["Paths"][0]) == ["ListenerPort", "Path", "LocalPathPort", "Protocol"]


def test_a_plain_service_keeps_its_proxy_fields(api: Client) -> None:
    plain = {"ID": "plain", "Service": "plain"}
    assert shown_proxy(api, {**plain, "Proxy": WEB})["DestinationServiceName"] == "web"
    assert shown_proxy(api, {**plain, "Proxy": {}}) == {"Mode": "", "MeshGateway": {}, "Expose": {}}
    assert api.get("/v1/catalog/connect/web").json[0]["ServiceID"] != "plain"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"Passing": 3}, (3, 0)),
        ({"Passing": 65535, "Warning": 65535}, (65535, 65535)),
        ({"Passing": 0, "Warning": 2}, (1, 1)),
        ({"Passing": 2, "Warning": -1}, (1, 1)),
        ({"Passing": 65536, "Warning": 2}, (1, 1)),
        ({}, (1, 1)),
    ],
)
def test_weights_that_make_no_sense_are_the_default(
    api: Client, given: dict[str, int], kept: tuple[int, int]
) -> None:
    register(api, "ext", {"ID": "w", "Service": "weighed", "Weights": given})
    (found,) = api.get("/v1/health/service/weighed").json
    assert found["Service"]["Weights"] == {"Passing": kept[0], "Warning": kept[1]}


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ({"HTTP": "http://h"}, ""),
        ({"HTTP": "http://h", "Interval": "1s"}, "http"),
        ({"TCP": "h:1", "HTTP": "http://h", "GRPC": "h:1", "Interval": "1s"}, "grpc"),
        ({"TCP": "h:1", "Interval": -1}, ""),
        ({"TTL": "1s", "TCP": "h:1", "Interval": "1s"}, "ttl"),
        ({"AliasService": "s"}, "alias"),
        ({"ScriptArgs": ["true"]}, "script"),
        ({"ScriptArgs": ["true"], "DockerContainerID": "d"}, "docker"),
        ({"DockerContainerID": "d", "Interval": "1s"}, ""),
    ],
    ids=str,
)
def test_types_of_checks(api: Client, definition: dict[str, Any], kind: str) -> None:
    for given, shown in (("", kind), ("mine", "mine")):
        register(api, "typed", Check={"Name": "c", "Type": given, "Definition": definition})
        assert [check["Type"] for check in api.get("/v1/health/node/typed").json] == [shown]
