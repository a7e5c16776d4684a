"""Connect.SidecarService registers a second service, which lives and dies with its parent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness.client import Client

from agent.calls import REGISTER, TTL, checks, done, everything, refused, register, service

PARENT: dict[str, Any] = {"Name": "web", "ID": "web-1", "Port": 80}


def with_sidecar(sidecar: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**PARENT, "Connect": {"SidecarService": sidecar}, **more}


def ids(client: Client) -> list[str]:
    return list(client.get("/v1/agent/services").json)


def test_what_it_does_not_say_is_its_parents(agent: Client) -> None:
    locality = {"Region": "eu", "Zone": "a"}
    register(agent, with_sidecar({}, Tags=["t"], Meta={"k": "v"}, Address="10.0.0.1", Locality=locality))
    found = service(agent, "web-1-sidecar-proxy")
    del found["ContentHash"]
    address = {"Address": "10.0.0.1", "Port": 21000}
    assert found == {
        "Kind": "connect-proxy",
        "ID": "web-1-sidecar-proxy",
        "Service": "web-sidecar-proxy",
        "Tags": ["t"],
        "Meta": {"k": "v"},
        "Port": 21000,
        "Address": "10.0.0.1",
        "TaggedAddresses": {"lan_ipv4": address, "wan_ipv4": address},
        "Weights": {"Passing": 1, "Warning": 1},
        "EnableTagOverride": False,
        "Proxy": {
            "DestinationServiceName": "web",
            "DestinationServiceID": "web-1",
            "LocalServiceAddress": "127.0.0.1",
            "LocalServicePort": 80,
            "Mode": "",
            "MeshGateway": {},
            "Expose": {},
        },
        "Datacenter": "dc1",
        "Locality": locality,
    }
    assert "Connect" not in service(agent, "web-1")
    assert [each["ServiceID"] for each in agent.get("/v1/catalog/connect/web").json] == [
        "web-1-sidecar-proxy"
    ]


def test_its_default_checks(agent: Client) -> None:
    register(agent, with_sidecar({}))
    found = checks(agent)
    assert {
        check_id: (check["Name"], check["Type"], check["Interval"]) for check_id, check in found.items()
    } == {
        "service:web-1-sidecar-proxy:1": ("Connect Sidecar Listening", "tcp", "10s"),
        "service:web-1-sidecar-proxy:2": ("Connect Sidecar Aliasing web-1", "alias", ""),
    }


def test_its_own_values(agent: Client) -> None:
    sidecar = {
        "Name": "own",
        "Port": 21500,
        "Tags": ["mine"],
        "Meta": {"a": "b"},
        "Address": "10.0.0.9",
        "Checks": [TTL],
        "Proxy": {"LocalServiceAddress": "127.0.0.2", "LocalServicePort": 81},
    }
    register(agent, with_sidecar(sidecar, Tags=["t"], Meta={"k": "v"}))
    found = service(agent, "web-1-sidecar-proxy")
    assert (found["Service"], found["Port"], found["Tags"], found["Meta"], found["Address"]) == (
        "own",
        21500,
        ["mine"],
        {"a": "b"},
        "10.0.0.9",
    )
    assert (found["Proxy"]["LocalServiceAddress"], found["Proxy"]["LocalServicePort"]) == ("127.0.0.2", 81)
    assert list(checks(agent)) == ["service:web-1-sidecar-proxy"]


@pytest.mark.parametrize(
    ("parent", "given", "expected"),
    [
        ({"SocketPath": "/run/web"}, {}, {"LocalServiceSocketPath": "/run/web"}),
        ({}, {"LocalServiceSocketPath": "/run/own"}, {"LocalServiceSocketPath": "/run/own"}),
        (
            {},
            {"LocalServiceAddress": "127.0.0.2"},
            {"LocalServiceAddress": "127.0.0.2", "LocalServicePort": 80},
        ),
        ({}, {"LocalServicePort": 9}, {"LocalServiceAddress": "127.0.0.1", "LocalServicePort": 9}),
    ],
)
def test_where_it_reaches_its_parent(
    agent: Client, parent: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    register(agent, with_sidecar({"Proxy": given}, **parent))
    found = service(agent, "web-1-sidecar-proxy")["Proxy"]
    assert {name: found[name] for name in found if name.startswith("LocalService")} == expected


def test_ports_are_the_first_free_ones(agent: Client) -> None:
    register(agent, {"Name": "other", "Port": 21001})
    for number in range(3):
        register(agent, {"Name": f"s{number}", "Connect": {"SidecarService": {}}})
    ports = [service(agent, f"s{number}-sidecar-proxy")["Port"] for number in range(3)]
    assert ports == [21000, 21002, 21003]
    done(agent.put("/v1/agent/service/deregister/s1"))
    register(agent, {"Name": "s3", "Connect": {"SidecarService": {}}})
    assert service(agent, "s3-sidecar-proxy")["Port"] == 21002
    register(agent, {"Name": "s2", "Port": 5, "Connect": {"SidecarService": {}}})
    assert service(agent, "s2-sidecar-proxy")["Port"] == 21003


def test_ports_differ_when_many_register_at_once(agent: Client) -> None:
    with ThreadPoolExecutor(16) as threads:
        definitions = [{"Name": f"s{number}", "Connect": {"SidecarService": {}}} for number in range(48)]
        list(threads.map(lambda definition: register(agent, definition), definitions))
    ports = [each["Port"] for each in agent.get("/v1/agent/services").json.values() if each["Port"]]
    assert sorted(ports) == list(range(21000, 21048))


def test_a_socket_needs_no_port(agent: Client) -> None:
    register(agent, with_sidecar({"SocketPath": "/run/sidecar"}))
    assert service(agent, "web-1-sidecar-proxy")["Port"] == 0


def test_no_port_is_left(agent: Client) -> None:
    for port in range(21000, 21256):
        register(agent, {"Name": "taken", "ID": f"taken-{port}", "Port": port})
    before = everything(agent)
    refused(
        agent.put(REGISTER, with_sidecar({})),
        500,
        "no port provided for sidecar_service and none left in the configured range [21000, 21255]",
    )
    assert everything(agent) == before


def test_it_goes_with_its_parent(agent: Client) -> None:
    register(agent, with_sidecar({}))
    register(agent, PARENT)
    assert ids(agent) == ["web-1", "web-1-sidecar-proxy"]
    done(agent.put("/v1/agent/service/deregister/web-1"))
    assert (ids(agent), checks(agent)) == ([], {})


def test_a_namesake_stays(agent: Client) -> None:
    register(agent, PARENT)
    register(agent, {"Name": "unrelated", "ID": "web-1-sidecar-proxy"})
    done(agent.put("/v1/agent/service/deregister/web-1"))
    assert ids(agent) == ["web-1-sidecar-proxy"]


def test_replacing_checks_is_for_both(agent: Client) -> None:
    register(agent, with_sidecar({"Checks": [TTL, TTL]}, Checks=[TTL, TTL]))
    register(agent, with_sidecar({"Check": TTL}, Check=TTL), "?replace-existing-checks")
    assert list(checks(agent)) == ["service:web-1", "service:web-1-sidecar-proxy"]


@pytest.mark.parametrize(
    ("sidecar", "text"),
    [
        (
            {"Check": {"TCP": "x"}},
            "Invalid check in sidecar_service: "
            "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks",
        ),
        (
            {"Checks": [{**TTL, "Status": "x"}]},
            "Status for checks must 'passing', 'warning', 'critical'",
        ),
        (
            {"Meta": {"": "v"}},
            "Invalid SidecarService: Couldn't load metadata pair ('', 'v'): Key cannot be blank",
        ),
        ({"Weights": {"Warning": 1}}, "Invalid SidecarService: Passing must be greater than 0"),
        ({"Address": "::"}, "Invalid SidecarService: Invalid service address"),
        (
            {"Kind": "mesh-gateway"},
            "Failed Validation: 4 errors occurred:\n\t* Port must be non-zero for a mesh-gateway\n"
            "\t* The Proxy.DestinationServiceName configuration is invalid for a mesh-gateway\n"
            "\t* The Proxy.DestinationServiceID configuration is invalid for a mesh-gateway\n"
            "\t* The Proxy.LocalServiceAddress configuration is invalid for a mesh-gateway\n\n",
        ),
        (
            {"Proxy": {"Upstreams": [{"DestinationName": "d"}]}},
            "Failed Validation: 1 error occurred:\n"
            "\t* upstream local bind port or local socket path must be defined and nonzero\n\n",
        ),
        ({"Name": "a\nb"}, "SidecarService.Name must not contain control characters, found '\\n' at 1"),
        (
            {"Namespace": "x"},
            'Invalid field: "Namespace" - Namespaces are a Consul Enterprise feature, expected "default"',
        ),
    ],
)
def test_a_wrong_sidecar(agent: Client, sidecar: dict[str, Any], text: str) -> None:
    before = everything(agent)
    refused(agent.put(REGISTER, {"Name": "web", "Connect": {"SidecarService": sidecar}}), 400, text)
    assert everything(agent) == before


def test_late_refusals_of_a_sidecar(agent: Client) -> None:
    script = {"Check": {"Args": ["x"], "Interval": "1s"}}
    address = {"TaggedAddresses": {"lan_ipv4": {"Address": "x"}}}
    before = everything(agent)
    for sidecar in (script, address):
        assert agent.put(REGISTER, with_sidecar(sidecar)).status == 500
    assert everything(agent) == before
