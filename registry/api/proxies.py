"""Connect proxies: the shape of their configuration in requests and in answers."""

from typing import Any

from registry.wire.decode import BOOLEAN, INTEGER, RAW, STRING, Field, ListOf, MapOf, Struct

MESH_GATEWAY = Struct("structs.MeshGatewayConfig", [Field("Mode", STRING)])

EXPOSE_PATH = Struct(
    "structs.ExposePath",
    [
        Field("ListenerPort", INTEGER, ("listener_port",)),
        Field("Path", STRING),
        Field("LocalPathPort", INTEGER, ("local_path_port",)),
        Field("Protocol", STRING),
        Field("ParsedFromCheck", BOOLEAN, ("parsed_from_check",)),
    ],
)

UPSTREAM = Struct(
    "structs.Upstream",
    [
        Field("DestinationType", STRING, ("destination_type",)),
        Field("DestinationNamespace", STRING, ("destination_namespace",)),
        Field("DestinationPartition", STRING, ("destination_partition",)),
        Field("DestinationPeer", STRING, ("destination_peer",)),
        Field("DestinationName", STRING, ("destination_name",)),
        Field("Datacenter", STRING),
        Field("LocalBindAddress", STRING, ("local_bind_address",)),
        Field("LocalBindPort", INTEGER, ("local_bind_port",)),
        Field("LocalBindSocketPath", STRING, ("local_bind_socket_path",)),
        Field("LocalBindSocketMode", STRING, ("local_bind_socket_mode",)),
        Field("Config", MapOf(RAW)),
        Field("MeshGateway", MESH_GATEWAY, ("mesh_gateway",)),
        Field("CentrallyConfigured", BOOLEAN),
    ],
)

PROXY = Struct(
    "structs.ConnectProxyConfig",
    [
        Field("EnvoyExtensions", ListOf(RAW), ("envoy_extensions",)),
        Field("DestinationServiceName", STRING, ("destination_service_name",)),
        Field("DestinationServiceID", STRING, ("destination_service_id",)),
        Field("LocalServiceAddress", STRING, ("local_service_address",)),
        Field("LocalServicePort", INTEGER, ("local_service_port",)),
        Field("LocalServiceSocketPath", STRING, ("local_service_socket_path",)),
        Field("Mode", STRING),
        Field("Config", MapOf(RAW)),
        Field("Upstreams", ListOf(UPSTREAM)),
        Field("MeshGateway", MESH_GATEWAY, ("mesh_gateway",)),
        Field(
            "Expose",
            Struct("structs.ExposeConfig", [Field("Checks", BOOLEAN), Field("Paths", ListOf(EXPOSE_PATH))]),
        ),
        Field(
            "TransparentProxy",
            Struct(
                "structs.TransparentProxyConfig",
                [
                    Field("OutboundListenerPort", INTEGER, ("outbound_listener_port",)),
                    Field("DialedDirectly", BOOLEAN, ("dialed_directly",)),
                ],
            ),
            ("transparent_proxy",),
        ),
        Field(
            "AccessLogs",
            Struct(
                "structs.AccessLogsConfig",
                [
                    Field("Enabled", BOOLEAN),
                    Field("DisableListenerLogs", BOOLEAN, ("disable_listener_logs",)),
                    Field("Type", STRING),
                    Field("Path", STRING),
                    Field("JSONFormat", STRING, ("json_format",)),
                    Field("TextFormat", STRING, ("text_format",)),
                ],
            ),
            ("access_logs",),
        ),
    ],
)

_ALWAYS_SHOWN = frozenset(("Mode", "MeshGateway"))
_OPAQUE = frozenset(("Config", "EnvoyExtensions"))
"""Fields with whatever JSON a client gives."""
_UPSTREAM_ALWAYS_SHOWN = frozenset(("DestinationType", "DestinationName", "MeshGateway"))


def shown_proxy(given: dict[str, Any], kind: str, *, local: bool) -> dict[str, Any] | None:
    """Return a proxy configuration as answers show it; None for one that says nothing.

    ``local`` is for what comes through the agent: that drops the proxy fields of plain services, and
    names the default type of an upstream, where the catalog keeps what it is given (Consul's behaviour).
    """
    is_proxy = kind == "connect-proxy" or kind.endswith("-gateway")
    if not is_proxy and (local or not given):
        return None
    shown: dict[str, Any] = {}
    for field in PROXY.fields:
        value = given.get(field.name)
        if field.name == "Upstreams" and value:
            default = "service" if local else ""
            shown["Upstreams"] = [_shown_upstream(upstream, default) for upstream in value]
        elif field.name == "Expose":
            shown["Expose"] = _shown_expose(value or {})
        elif field.name in _ALWAYS_SHOWN:
            shown[field.name] = _trimmed(value) if value else ("" if field.name == "Mode" else {})
        elif value:
            shown[field.name] = _in_order(value) if field.name in _OPAQUE else value
    return shown


def _shown_upstream(given: dict[str, Any], default_type: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in UPSTREAM.fields:
        value = given.get(field.name)
        if field.name == "DestinationType":
            shown[field.name] = value or default_type
        elif field.name in _UPSTREAM_ALWAYS_SHOWN:
            shown[field.name] = value or ("" if field.name == "DestinationName" else {})
        elif value:
            shown[field.name] = _in_order(value) if field.name in _OPAQUE else value
    return shown


def _shown_expose(given: dict[str, Any]) -> dict[str, Any]:
    shown = _trimmed(given)
    if "Paths" in shown:
        shown["Paths"] = [
            {field.name: path[field.name] for field in EXPOSE_PATH.fields if path.get(field.name)}
            for path in shown["Paths"]
        ]
    return {name: shown[name] for name in ("Checks", "Paths") if name in shown}


def _in_order(value: Any) -> Any:
    """Return a JSON value with the keys of all its objects in order, as Go writes its maps."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _trimmed(value: Any) -> Any:
    """Return an object without its empty fields, other values as they are."""
    return {key: each for key, each in value.items() if each} if isinstance(value, dict) else value
