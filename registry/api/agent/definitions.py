"""The shapes of the bodies that the agent's endpoints take.

A check's identifier is ``ID`` in check/register and ``CheckID`` inside of a service; Consul refuses the
other spelling, here each place takes both, as clients mix them up. ``Token`` and removed fields such as
``Script`` are passed over like every unknown field.
"""

from registry.api.agent.flap_fields import FLAP_FIELDS
from registry.api.catalog_definitions import ADDRESS, WEIGHTS
from registry.api.proxies import PROXY
from registry.wire.decode import BOOLEAN, DURATION, INTEGER, RAW, STRING, Field, ListOf, MapOf, Struct

PROBE_FIELDS = (
    Field("ScriptArgs", ListOf(STRING), ("Args", "script_args")),
    Field("HTTP", STRING),
    Field("H2PING", STRING),
    Field("H2PingUseTLS", BOOLEAN, ("h2ping_use_tls",)),
    Field("Header", MapOf(ListOf(STRING))),
    Field("Method", STRING),
    Field("Body", STRING),
    Field("DisableRedirects", BOOLEAN),
    Field("TCP", STRING),
    Field("TCPUseTLS", BOOLEAN, ("tcp_use_tls",)),
    Field("UDP", STRING),
    Field("Interval", DURATION),
    Field("AliasNode", STRING),
    Field("AliasService", STRING),
    Field("DockerContainerID", STRING, ("docker_container_id",)),
    Field("Shell", STRING),
    Field("GRPC", STRING),
    Field("GRPCUseTLS", BOOLEAN, ("grpc_use_tls",)),
    Field("OSService", STRING),
    Field("TLSServerName", STRING, ("tls_server_name",)),
    Field("TLSSkipVerify", BOOLEAN, ("tls_skip_verify",)),
    Field("Timeout", DURATION),
    Field("TTL", DURATION),
    Field("SuccessBeforePassing", INTEGER),
    Field("FailuresBeforeWarning", INTEGER),
    Field("FailuresBeforeCritical", INTEGER),
    Field("DeregisterCriticalServiceAfter", DURATION, ("deregister_critical_service_after",)),
    Field("OutputMaxSize", INTEGER),
    *FLAP_FIELDS,
)
"""How a check is run; what a stored probe consists of."""

_ABOUT_A_CHECK = (
    Field("Name", STRING),
    Field("Notes", STRING),
    Field("Status", STRING),
    Field("ServiceID", STRING, ("service_id",)),
)

_TENANCY = (Field("Namespace", STRING), Field("Partition", STRING))

CHECK = Struct(
    "structs.CheckType", [Field("CheckID", STRING, ("ID",)), *_ABOUT_A_CHECK, *PROBE_FIELDS, *_TENANCY]
)
"""A check inside of a service."""

CHECK_REGISTRATION = Struct(
    "structs.CheckDefinition", [Field("ID", STRING, ("CheckID",)), *_ABOUT_A_CHECK, *PROBE_FIELDS, *_TENANCY]
)
"""The body of check/register."""

CHECK_UPDATE = Struct("agent.checkUpdate", [Field("Status", STRING), Field("Output", STRING)])
"""The body of check/update."""

_ABOUT_A_SERVICE = (
    Field("Kind", STRING),
    Field("ID", STRING),
    Field("Name", STRING),
    Field("Tags", ListOf(STRING)),
    Field("Address", STRING),
    Field("TaggedAddresses", MapOf(ADDRESS), ("tagged_addresses",)),
    Field("Meta", MapOf(STRING)),
    Field("Port", INTEGER),
    Field("SocketPath", STRING, ("socket_path",)),
    Field("Check", CHECK),
    Field("Checks", ListOf(CHECK)),
    Field("Weights", WEIGHTS),
    Field("EnableTagOverride", BOOLEAN, ("enable_tag_override",)),
    Field("Locality", Struct("structs.Locality", [Field("Region", STRING), Field("Zone", STRING)])),
    Field("Proxy", PROXY),
    *_TENANCY,
)


def _connect(sidecar: Field) -> Field:
    return Field("Connect", Struct("structs.ServiceConnect", [Field("Native", BOOLEAN), sidecar]))


_SIDECAR = Struct(
    "structs.ServiceDefinition",
    [*_ABOUT_A_SERVICE, _connect(Field("SidecarService", MapOf(RAW), ("sidecar_service",)))],
)
"""A service nested in another; one nested deeper is refused, so its shape does not matter."""

SERVICE = Struct(
    "structs.ServiceDefinition",
    [*_ABOUT_A_SERVICE, _connect(Field("SidecarService", _SIDECAR, ("sidecar_service",)))],
)
"""The body of service/register."""
