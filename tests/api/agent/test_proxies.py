"""Proxies, gateways and Connect native services."""

from typing import Any

import pytest
from harness.client import Client

from agent.calls import REGISTER, everything, refused, register, service

PROXY: dict[str, Any] = {"Kind": "connect-proxy", "Name": "web-proxy", "Port": 21000}
WEB = {"DestinationServiceName": "web"}


def connected(client: Client, name: str) -> list[str]:
    return [entry["ServiceID"] for entry in client.get(f"/v1/catalog/connect/{name}").json]


def test_a_proxy_is_found_for_its_destination(agent: Client) -> None:
    register(agent, {**PROXY, "Proxy": WEB})
    assert service(agent, "web-proxy")["Proxy"] == {**WEB, "Mode": "", "MeshGateway": {}, "Expose": {}}
    assert connected(agent, "web") == connected(agent, "WEB") == ["web-proxy"]
    register(agent, {**PROXY, "Proxy": {"DestinationServiceName": "db"}})
    assert (connected(agent, "web"), connected(agent, "db")) == ([], ["web-proxy"])


def test_every_field_of_a_proxy(agent: Client) -> None:
    given = {
        "destination_service_name": "web",
        "destination_service_id": "web-1",
        "local_service_address": "127.0.0.1",
        "local_service_port": 8080,
        "Mode": "transparent",
        "Config": {"protocol": "http", "n": 1, "l": [1.5, None, True]},
        "Upstreams": [
            {"DestinationName": "db", "LocalBindPort": 5},
            {
                "destination_type": "prepared_query",
                "destination_name": "q",
                "local_bind_port": 6,
                "local_bind_address": "::1",
                "Datacenter": "dc1",
                "Config": {"a": 1},
                "mesh_gateway": {"Mode": "local"},
            },
        ],
        "MeshGateway": {"Mode": "local"},
        "Expose": {
            "Checks": True,
            "Paths": [{"ListenerPort": 7, "Path": "/x", "local_path_port": 8, "Protocol": "http2"}],
        },
        "transparent_proxy": {"outbound_listener_port": 15001},
    }
    register(agent, {**PROXY, "Proxy": given})
    found = service(agent, "web-proxy")["Proxy"]
    assert found["Config"] == {"l": [1.5, None, True], "n": 1, "protocol": "http"}
    assert list(found["Config"]) == ["l", "n", "protocol"]
    assert found["Upstreams"] == [
        {"DestinationType": "service", "DestinationName": "db", "LocalBindPort": 5, "MeshGateway": {}},
        {
            "DestinationType": "prepared_query",
            "DestinationName": "q",
            "Datacenter": "dc1",
            "LocalBindAddress": "::1",
            "LocalBindPort": 6,
            "Config": {"a": 1},
            "MeshGateway": {"Mode": "local"},
        },
    ]
    assert found["MeshGateway"] == {"Mode": "local"}
    (path,) = found["Expose"]["Paths"]
    assert path.items() >= {"ListenerPort": 7, "Path": "/x", "LocalPathPort": 8, "Protocol": "http2"}.items()
    assert found["TransparentProxy"] == {"OutboundListenerPort": 15001}
    assert (found["Mode"], found["LocalServicePort"]) == ("transparent", 8080)


@pytest.mark.parametrize(
    "definition",
    [
        {**PROXY, "Port": 0, "SocketPath": "/run/proxy.sock", "Proxy": WEB},
        {"Kind": "mesh-gateway", "Name": "gate", "Port": 443, "Meta": {"consul-wan-federation": "1"}},
        {"Kind": "terminating-gateway", "Name": "gate", "Port": 443},
        {"Kind": "ingress-gateway", "Name": "gate"},
        {"Kind": "api-gateway", "Name": "gate"},
        {"Kind": "of-my-own", "Name": "gate"},
        {**PROXY, "Proxy": {**WEB, "Upstreams": [{"DestinationName": "d", "LocalBindSocketPath": "/s"}]}},
    ],
)
def test_accepted_kinds(agent: Client, definition: dict[str, Any]) -> None:
    register(agent, definition)
    found = service(agent, definition["Name"])
    assert found["Kind"] == definition["Kind"]
    assert ("Proxy" in found) == (definition["Kind"] != "of-my-own")


def test_a_plain_service_shows_no_proxy(agent: Client) -> None:
    register(agent, {"Name": "web", "Proxy": {"DestinationServiceName": "db"}})
    assert "Proxy" not in service(agent, "web")
    assert connected(agent, "db") == []


def test_a_native_service_is_found_for_itself(agent: Client) -> None:
    register(agent, {"Name": "web", "Port": 80, "Connect": {"Native": True}})
    assert service(agent, "web")["Connect"] == {"Native": True}
    assert connected(agent, "web") == ["web"]


UPSTREAM_KEY = '[type="service", name="d", partition="", namespace="", peer="", datacenter=""]'


def upstreams(*given: dict[str, Any]) -> dict[str, Any]:
    return {**PROXY, "Proxy": {**WEB, "Upstreams": list(given)}}


def exposed(*given: dict[str, Any]) -> dict[str, Any]:
    return {**PROXY, "Proxy": {**WEB, "Expose": {"Paths": list(given)}}}


@pytest.mark.parametrize(
    ("definition", "problems"),
    [
        (PROXY, ["Proxy.DestinationServiceName must be non-empty for Connect proxy services"]),
        (
            {**PROXY, "Proxy": {"DestinationServiceName": " "}},
            ["Proxy.DestinationServiceName must be non-empty for Connect proxy services"],
        ),
        (
            {**PROXY, "Proxy": {"DestinationServiceName": "*"}},
            ["Proxy.DestinationServiceName must not be a wildcard for Connect proxy services"],
        ),
        ({**PROXY, "Port": 0, "Proxy": WEB}, ["Port or SocketPath must be set for a connect-proxy"]),
        (
            {**PROXY, "Port": 0, "Connect": {"Native": True}},
            [
                "Port or SocketPath must be set for a connect-proxy",
                "Proxy.DestinationServiceName must be non-empty for Connect proxy services",
                "A Proxy cannot also be Connect Native, only typical services",
                "Port or SocketPath must be set for a Connect native service.",
            ],
        ),
        (
            upstreams({"DestinationType": "x", "DestinationName": "d", "LocalBindPort": 1}),
            ['unknown upstream destination type: "x"'],
        ),
        (
            upstreams(
                {"LocalBindPort": 1}, {"DestinationName": "d"}, {"DestinationName": "*", "LocalBindPort": 1}
            ),
            [
                "upstream destination name cannot be empty",
                "upstream local bind port or local socket path must be defined and nonzero",
                "upstream destination name cannot be a wildcard",
            ],
        ),
        (
            upstreams({"DestinationName": "d", "LocalBindPort": 1, "LocalBindSocketPath": "/s"}),
            ["only one of upstream local bind port or local socket path can be defined and nonzero"],
        ),
        (
            upstreams(
                {"DestinationName": "d", "LocalBindPort": 1, "DestinationPeer": "p", "Datacenter": "x"}
            ),
            ["upstream cannot specify both destination peer and datacenter"],
        ),
        (
            upstreams(
                {"DestinationName": "d", "LocalBindPort": 1}, {"DestinationName": "d", "LocalBindPort": 2}
            ),
            [f"upstreams cannot contain duplicates of {UPSTREAM_KEY}"],
        ),
        (
            upstreams(
                {"DestinationName": "d", "LocalBindPort": 1}, {"DestinationName": "e", "LocalBindPort": 1}
            ),
            [
                "upstreams cannot contain duplicates by local bind address and port or unix path; "
                '"127.0.0.1:1" is specified twice'
            ],
        ),
        (
            upstreams(
                {"DestinationName": "d", "LocalBindPort": 1, "LocalBindAddress": "::1"},
                {"DestinationName": "e", "LocalBindPort": 1, "LocalBindAddress": "::1"},
            ),
            [
                "upstreams cannot contain duplicates by local bind address and port or unix path; "
                '"[::1]:1" is specified twice'
            ],
        ),
        (
            upstreams(
                {"DestinationName": "d", "LocalBindSocketPath": "/s"},
                {"DestinationName": "e", "LocalBindSocketPath": "/s"},
            ),
            [
                "upstreams cannot contain duplicates by local bind address and port or unix path; "
                '"/s" is specified twice'
            ],
        ),
        (
            exposed({"ListenerPort": 0}, {"Path": "/x", "ListenerPort": 7, "Protocol": "Foo"}),
            [
                "expose.paths: empty path exposed",
                "expose.paths: invalid listener port: 0",
                "protocol 'foo' not supported for path: /x, must be in: [http http2]",
            ],
        ),
        (
            exposed({"Path": "/x", "ListenerPort": 7}, {"Path": "/y", "ListenerPort": 7}),
            ["expose.paths: duplicate listener ports exposed"],
        ),
        ({"Kind": "mesh-gateway", "Name": "g"}, ["Port must be non-zero for a mesh-gateway"]),
        (
            {
                "Kind": "terminating-gateway",
                "Name": "g",
                "Port": 1,
                "Connect": {"SidecarService": {}},
                "Proxy": {
                    "DestinationServiceName": "a",
                    "DestinationServiceID": "a",
                    "LocalServiceAddress": "a",
                    "LocalServicePort": 1,
                    "LocalServiceSocketPath": "/s",
                    "Upstreams": [{}],
                },
            },
            [
                "A terminating-gateway cannot have a sidecar service defined",
                *[
                    f"The Proxy.{field} configuration is invalid for a terminating-gateway"
                    for field in (
                        "DestinationServiceName",
                        "DestinationServiceID",
                        "LocalServiceAddress",
                        "LocalServicePort",
                        "LocalServiceSocketPath",
                        "Upstreams",
                    )
                ],
            ],
        ),
        (
            {"Name": "web", "Connect": {"Native": True}},
            ["Port or SocketPath must be set for a Connect native service."],
        ),
        (
            {"Name": "web", "Connect": {"sidecar_service": {"ID": "x", "Connect": {"SidecarService": {}}}}},
            [
                "A SidecarService cannot specify an ID as this is managed by the agent",
                "A SidecarService cannot have a nested SidecarService",
            ],
        ),
    ],
)
def test_refused_kinds(agent: Client, definition: dict[str, Any], problems: list[str]) -> None:
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    text = f"Validation failed: {count} occurred:\n" + "".join(f"\t* {each}\n" for each in problems) + "\n"
    before = everything(agent)
    refused(agent.put(REGISTER, definition), 400, text)
    assert everything(agent) == before
