"""The shapes of catalog/register and deregister, and the definition that a catalog check shows."""

from typing import Any

from registry.api.agent.check_types import POLLED, type_of
from registry.api.proxies import PROXY
from registry.wire.decode import (
    BOOLEAN,
    DURATION,
    INTEGER,
    STRING,
    Field,
    ListOf,
    MapOf,
    Struct,
)
from registry.wire.duration import format_duration

DEFINITION = Struct(
    "structs.HealthCheckDefinition",
    [
        Field("HTTP", STRING),
        Field("TLSServerName", STRING),
        Field("TLSSkipVerify", BOOLEAN),
        Field("Header", MapOf(ListOf(STRING))),
        Field("Method", STRING),
        Field("Body", STRING),
        Field("DisableRedirects", BOOLEAN),
        Field("TCP", STRING),
        Field("TCPUseTLS", BOOLEAN),
        Field("UDP", STRING),
        Field("H2PING", STRING),
        Field("OSService", STRING),
        Field("H2PingUseTLS", BOOLEAN),
        Field("Interval", DURATION),
        Field("OutputMaxSize", INTEGER),
        Field("Timeout", DURATION),
        Field("DeregisterCriticalServiceAfter", DURATION),
        Field("ScriptArgs", ListOf(STRING)),
        Field("DockerContainerID", STRING),
        Field("Shell", STRING),
        Field("GRPC", STRING),
        Field("GRPCUseTLS", BOOLEAN),
        Field("AliasNode", STRING),
        Field("AliasService", STRING),
        Field("TTL", DURATION),
    ],
)

_SHOWN_AS_TEXT = frozenset(("Interval", "Timeout", "DeregisterCriticalServiceAfter"))

CHECK = Struct(
    "structs.HealthCheck",
    [
        Field("Node", STRING),
        Field("CheckID", STRING),
        Field("Name", STRING),
        Field("Status", STRING),
        Field("Notes", STRING),
        Field("Output", STRING),
        Field("ServiceID", STRING),
        Field("ServiceName", STRING),
        Field("Type", STRING),
        Field("Interval", STRING),
        Field("Timeout", STRING),
        Field("ExposedPort", INTEGER),
        Field("Definition", DEFINITION),
    ],
)

WEIGHTS = Struct("structs.Weights", [Field("Passing", INTEGER), Field("Warning", INTEGER)])
ADDRESS = Struct("structs.ServiceAddress", [Field("Address", STRING), Field("Port", INTEGER)])

SERVICE = Struct(
    "structs.NodeService",
    [
        Field("Kind", STRING),
        Field("ID", STRING),
        Field("Service", STRING),
        Field("Tags", ListOf(STRING)),
        Field("Address", STRING),
        Field("TaggedAddresses", MapOf(ADDRESS)),
        Field("Meta", MapOf(STRING)),
        Field("Port", INTEGER),
        Field("SocketPath", STRING),
        Field("Weights", WEIGHTS),
        Field("EnableTagOverride", BOOLEAN),
        Field("Proxy", PROXY),
        Field("Connect", Struct("structs.ServiceConnect", [Field("Native", BOOLEAN)])),
        Field("Locality", MapOf(STRING)),
    ],
)

REGISTER = Struct(
    "structs.RegisterRequest",
    [
        Field("Datacenter", STRING),
        Field("ID", STRING),
        Field("Node", STRING),
        Field("Address", STRING),
        Field("TaggedAddresses", MapOf(STRING)),
        Field("NodeMeta", MapOf(STRING)),
        Field("Service", SERVICE),
        Field("Check", CHECK),
        Field("Checks", ListOf(CHECK)),
        Field("SkipNodeUpdate", BOOLEAN),
    ],
)

DEREGISTER = Struct(
    "structs.DeregisterRequest",
    [
        Field("Datacenter", STRING),
        Field("Node", STRING),
        Field("ServiceID", STRING),
        Field("CheckID", STRING),
    ],
)


def check_definition(given: dict[str, Any]) -> dict[str, Any]:
    """Return a check's definition as answers show it: empty fields left out, TTL in nanoseconds."""
    shown: dict[str, Any] = {}
    for field in DEFINITION.fields:
        value = given.get(field.name)
        if value:
            shown[field.name] = format_duration(value) if field.name in _SHOWN_AS_TEXT else value
    return shown


def check_type(given: dict[str, Any]) -> str:
    """Return the type that Consul derives from a catalog check's definition.

    A field that says what to ask makes the type only together with an interval.
    """
    if given.get("Interval", 0) > 0:
        return type_of(given)
    return type_of({name: value for name, value in given.items() if name not in POLLED})
