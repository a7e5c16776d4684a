"""What the catalog makes of proxies, gateways, weights and definitions that no agent has looked at."""

from typing import Any

import pytest

from differential import views
from differential.pair import Pair

REGISTER = "/v1/catalog/register"
NODE = {"Node": "ext", "Address": "10.1.1.1"}
WEB = {"DestinationServiceName": "web"}
PROXY = {"Kind": "connect-proxy", "Port": 21000}
_PATH = {"LocalPathPort": 8, "ListenerPort": 9, "Path": "/y"}
READS = (*views.of_node("ext"), *views.of_service("redis"), *views.of_service("web"), "/v1/catalog/services")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(PROXY, id="no destination"),
        pytest.param({"Kind": "connect-proxy", "Proxy": WEB}, id="no port"),
        pytest.param({"Kind": "connect-proxy"}, id="neither"),
        pytest.param({**PROXY, "Proxy": WEB, "Connect": {"Native": True}}, id="native proxy"),
        pytest.param({"Kind": "mesh-gateway"}, id="gateway without port"),
        pytest.param({"Kind": "terminating-gateway", "Port": 1, "Proxy": WEB}, id="gateway with destination"),
        pytest.param({"Kind": "ingress-gateway"}, id="ingress gateway"),
        pytest.param({"Connect": {"Native": True}}, id="native without port"),
        pytest.param({"Proxy": WEB}, id="plain service with a destination"),
        pytest.param({"Proxy": {}}, id="plain service with an empty proxy"),
        pytest.param({"Proxy": {"Config": {"b": 1, "a": 2}}}, id="plain service with a configuration"),
        pytest.param({**PROXY, "Proxy": {**WEB, "Config": {"b": "1", "a": ["z", 1.5]}}}, id="configuration"),
        pytest.param(
            {
                **PROXY,
                "Proxy": {
                    **WEB,
                    "Upstreams": [
                        {"LocalBindPort": 5, "DestinationName": "db", "Config": {"z": 1, "a": 2}},
                        {
                            "Datacenter": "dc2",
                            "LocalBindAddress": "127.0.0.2",
                            "LocalBindPort": 6,
                            "DestinationName": "cache",
                            "DestinationType": "prepared_query",
                            "MeshGateway": {"Mode": "local"},
                        },
                    ],
                },
            },
            id="upstreams",
        ),
        pytest.param(
            {**PROXY, "Proxy": {**WEB, "Upstreams": [{"DestinationName": "db"}]}}, id="upstream without port"
        ),
        pytest.param(
            {**PROXY, "Proxy": {**WEB, "Upstreams": [{"DestinationName": "a", "LocalBindPort": 1}] * 2}},
            id="upstream twice",
        ),
        pytest.param(
            {
                **PROXY,
                "Proxy": {
                    **WEB,
                    "Expose": {"Paths": [{"Protocol": "http2", "Path": "/x", "ListenerPort": 7}, _PATH]},
                },
            },
            id="exposed paths",
        ),
        pytest.param(
            {**PROXY, "Proxy": {**WEB, "Expose": {"Checks": False, "Paths": [{"Path": ""}]}}}, id="bad path"
        ),
        pytest.param({"Address": "::", "Kind": "connect-proxy", "Meta": {"a b": "c"}}, id="three mistakes"),
    ],
)
def test_kinds(pair: Pair, fields: dict[str, Any]) -> None:
    pair.put(REGISTER, {**NODE, "Service": {"ID": "r1", "Service": "redis", **fields}})
    pair.read(*READS)
    pair.put(REGISTER, {**NODE, "Service": {"ID": "r1", "Service": "redis", **fields}})
    pair.read(*READS)


@pytest.mark.parametrize(
    "weights",
    [
        (-1, 0),
        (0, 0),
        (0, 2),
        (1, -1),
        (65536, 1),
        (1, 65536),
        (65535, 65535),
        (3, None),
        (None, 3),
        (None, None),
    ],
    ids=str,
)
def test_weights(pair: Pair, weights: tuple[int | None, int | None]) -> None:
    given = {
        name: value for name, value in zip(("Passing", "Warning"), weights, strict=True) if value is not None
    }
    pair.put(REGISTER, {**NODE, "Service": {"ID": "r1", "Service": "redis", "Weights": given}})
    pair.read(*READS)


@pytest.mark.parametrize(
    "definition",
    [
        {"HTTP": "http://h", "Interval": "10s"},
        {"HTTP": "http://h", "Interval": -1},
        {"TCP": "h:1"},
        {"TCP": "h:1", "Interval": "10s"},
        {"GRPC": "h:1"},
        {"GRPC": "h:1", "Interval": "10s", "GRPCUseTLS": True},
        {"TTL": "10s"},
        {"TTL": -1},
        {"TTL": "10s", "TCP": "h:1", "Interval": "10s"},
        {"TTL": "10s", "HTTP": "http://h", "Interval": "10s"},
        {"GRPC": "g:1", "HTTP": "http://h", "TCP": "h:1", "Interval": "10s"},
        {"AliasNode": "n"},
        {"AliasService": "s"},
        {"ScriptArgs": ["true"]},
        {"ScriptArgs": ["true"], "Interval": "10s", "DockerContainerID": "d"},
        {"DockerContainerID": "d", "Interval": "10s"},
    ],
    ids=str,
)
def test_types_of_checks(pair: Pair, definition: dict[str, Any]) -> None:
    pair.put(REGISTER, {**NODE, "Check": {"Name": "up", "Definition": definition}})
    pair.put(REGISTER, {**NODE, "Check": {"Name": "own", "Type": "mine", "Definition": definition}})
    pair.read(*views.of_node("ext"), "/v1/health/state/any")


def test_services_by_their_spelling(pair: Pair) -> None:
    for service_id in ("b", "A", "a1", "B2", "_", "é", "Z"):
        pair.put(REGISTER, {**NODE, "Service": {"ID": service_id, "Service": "redis"}})
    pair.read(*READS)


def test_proxies_of_any_tag(pair: Pair) -> None:
    proxy = {**PROXY, "Service": "redis", "Proxy": WEB, "Tags": ["v1"]}
    pair.put(REGISTER, {**NODE, "Service": proxy})
    for tag in ("v1", "V1", "v2", ""):
        pair.read(f"/v1/catalog/connect/web?tag={tag}", f"/v1/health/connect/web?tag={tag}")
        pair.read(f"/v1/catalog/service/redis?tag={tag}", f"/v1/health/connect/web?tag={tag}&passing")
