"""What can be selected in each kind of object that Consul's API filters.

The names are those of the JSON the API answers with. Left out on purpose, as in Consul, are indexes,
content hashes, check definitions and the free-form ``Config`` of proxies and upstreams.
"""

from registry.catalog.filter.schema import FLAG, NUMBER, TEXT, ListOf, MapOf, Schema

_TEXTS = ListOf(TEXT)
_TEXT_MAP = MapOf(TEXT)
_ADDRESSES = MapOf(Schema({"Address": TEXT, "Port": NUMBER}))
_WEIGHTS = Schema({"Passing": NUMBER, "Warning": NUMBER})
_CONNECT = Schema({"Native": FLAG})
_MESH_GATEWAY = Schema({"Mode": TEXT})
_EXPOSED_PATH = Schema(
    {
        "ListenerPort": NUMBER,
        "Path": TEXT,
        "LocalPathPort": NUMBER,
        "Protocol": TEXT,
        "ParsedFromCheck": FLAG,
    }
)
_UPSTREAM = Schema(
    {
        "DestinationType": TEXT,
        "DestinationNamespace": TEXT,
        "DestinationPartition": TEXT,
        "DestinationPeer": TEXT,
        "DestinationName": TEXT,
        "Datacenter": TEXT,
        "LocalBindAddress": TEXT,
        "LocalBindPort": NUMBER,
        "LocalBindSocketPath": TEXT,
        "LocalBindSocketMode": TEXT,
        "MeshGateway": _MESH_GATEWAY,
    }
)
_ENVOY_EXTENSION = Schema({"Name": TEXT, "Required": FLAG, "ConsulVersion": TEXT, "EnvoyVersion": TEXT})
_ACCESS_LOGS = Schema(
    {
        "Enabled": FLAG,
        "DisableListenerLogs": FLAG,
        "Type": TEXT,
        "Path": TEXT,
        "JSONFormat": TEXT,
        "TextFormat": TEXT,
    }
)
_PROXY = Schema(
    {
        "EnvoyExtensions": ListOf(_ENVOY_EXTENSION),
        "DestinationServiceName": TEXT,
        "DestinationServiceID": TEXT,
        "LocalServiceAddress": TEXT,
        "LocalServicePort": NUMBER,
        "LocalServiceSocketPath": TEXT,
        "Mode": TEXT,
        "Upstreams": ListOf(_UPSTREAM),
        "MeshGateway": _MESH_GATEWAY,
        "Expose": Schema({"Checks": FLAG, "Paths": ListOf(_EXPOSED_PATH)}),
        "TransparentProxy": Schema({"OutboundListenerPort": NUMBER, "DialedDirectly": FLAG}),
        "AccessLogs": _ACCESS_LOGS,
    }
)

NODE = Schema(
    {
        "ID": TEXT,
        "Node": TEXT,
        "Address": TEXT,
        "Datacenter": TEXT,
        "TaggedAddresses": _TEXT_MAP,
        "Meta": _TEXT_MAP,
        "PeerName": TEXT,
    }
)
"""An element of ``catalog/nodes``."""

SERVICE_NODE = Schema(
    {
        "ID": TEXT,
        "Node": TEXT,
        "Address": TEXT,
        "Datacenter": TEXT,
        "TaggedAddresses": _TEXT_MAP,
        "NodeMeta": _TEXT_MAP,
        "ServiceKind": TEXT,
        "ServiceID": TEXT,
        "ServiceName": TEXT,
        "ServiceTags": _TEXTS,
        "ServiceAddress": TEXT,
        "ServiceTaggedAddresses": _ADDRESSES,
        "ServiceWeights": _WEIGHTS,
        "ServiceMeta": _TEXT_MAP,
        "ServicePort": NUMBER,
        "ServiceSocketPath": TEXT,
        "ServiceEnableTagOverride": FLAG,
        "ServiceProxy": _PROXY,
        "ServiceConnect": _CONNECT,
        "PeerName": TEXT,
    }
)
"""An element of ``catalog/service`` and ``catalog/connect``, an instance in ``catalog/services``."""

NODE_SERVICE = Schema(
    {
        "Kind": TEXT,
        "ID": TEXT,
        "Service": TEXT,
        "Tags": _TEXTS,
        "Address": TEXT,
        "TaggedAddresses": _ADDRESSES,
        "Meta": _TEXT_MAP,
        "Port": NUMBER,
        "SocketPath": TEXT,
        "Weights": _WEIGHTS,
        "EnableTagOverride": FLAG,
        "Proxy": _PROXY,
        "Connect": _CONNECT,
        "PeerName": TEXT,
    }
)
"""A service in ``catalog/node``, ``catalog/node-services`` and ``agent/services``.

The agent shows ``Proxy`` and ``Connect`` only where they say something. A missing one counts as one
without content here, where Consul 1.8 breaks the connection.
"""

HEALTH_CHECK = Schema(
    {
        "Node": TEXT,
        "CheckID": TEXT,
        "Name": TEXT,
        "Status": TEXT,
        "Notes": TEXT,
        "Output": TEXT,
        "ServiceID": TEXT,
        "ServiceName": TEXT,
        "ServiceTags": _TEXTS,
        "Type": TEXT,
        "Interval": TEXT,
        "Timeout": TEXT,
        "ExposedPort": NUMBER,
        "PeerName": TEXT,
    }
)
"""A check in ``health/node``, ``health/checks``, ``health/state`` and ``agent/checks``."""

CHECK_SERVICE_NODE = Schema({"Node": NODE, "Service": NODE_SERVICE, "Checks": ListOf(HEALTH_CHECK)})
"""An element of ``health/service``, ``health/connect`` and ``health/ingress``."""
