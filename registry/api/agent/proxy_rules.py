"""What Consul requires of proxies, gateways and Connect native services, each in its words."""

from typing import Any

from registry.wire.quote import quote

CONNECT_PROXY = "connect-proxy"
_GATEWAYS = ("mesh-gateway", "terminating-gateway", "ingress-gateway", "api-gateway")
_PORTLESS_GATEWAYS = ("ingress-gateway", "api-gateway")
_UPSTREAM_TYPES = ("", "service", "prepared_query")
_EXPOSE_PROTOCOLS = ("", "http", "http2")
_WILDCARD = "*"

_NOT_FOR_GATEWAYS = (
    "DestinationServiceName",
    "DestinationServiceID",
    "LocalServiceAddress",
    "LocalServicePort",
    "LocalServiceSocketPath",
    "Upstreams",
)


def kind_problems(
    given: dict[str, Any], *, port_comes_later: bool = False, native_needs_port: bool = True
) -> list[str]:
    """Return what is wrong with a service for its kind.

    ``port_comes_later`` is for a sidecar, which is given a port when it is registered;
    ``native_needs_port`` says whether a Connect native service must tell where it is.
    """
    kind = given.get("Kind", "")
    proxy, connect = given.get("Proxy", {}), given.get("Connect", {})
    reachable = bool(given.get("Port") or given.get("SocketPath"))
    found: list[str] = []
    if kind == CONNECT_PROXY:
        if not reachable and not port_comes_later:
            found.append(f"Port or SocketPath must be set for a {kind}")
        found += _proxy_problems(proxy, native=bool(connect.get("Native")))
    if kind in _GATEWAYS:
        found += _gateway_problems(given, kind)
    found += _nesting_problems(connect.get("SidecarService"))
    if native_needs_port and connect.get("Native") and not reachable:
        found.append("Port or SocketPath must be set for a Connect native service.")
    return found


def _proxy_problems(proxy: dict[str, Any], *, native: bool) -> list[str]:
    found: list[str] = []
    destination = proxy.get("DestinationServiceName", "")
    if not destination.strip():
        found.append("Proxy.DestinationServiceName must be non-empty for Connect proxy services")
    if destination == _WILDCARD:
        found.append("Proxy.DestinationServiceName must not be a wildcard for Connect proxy services")
    if native:
        found.append("A Proxy cannot also be Connect Native, only typical services")
    found += _upstreams_problems(proxy.get("Upstreams", []))
    found += _expose_problems(proxy.get("Expose", {}).get("Paths", []))
    return found


def _upstreams_problems(upstreams: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    keys: set[str] = set()
    binds: set[str] = set()
    for upstream in upstreams:
        problem = _upstream_problem(upstream)
        if not problem:
            key, bind = _upstream_key(upstream), _bind_address(upstream)
            if key in keys:
                problem = f"upstreams cannot contain duplicates of {key}"
            elif bind in binds:
                problem = (
                    "upstreams cannot contain duplicates by local bind address and port or unix path; "
                    f"{quote(bind)} is specified twice"
                )
                keys.add(key)
            else:
                keys.add(key)
                binds.add(bind)
        if problem:
            found.append(problem)
    return found


def _upstream_problem(upstream: dict[str, Any]) -> str:
    kind, name = upstream.get("DestinationType", ""), upstream.get("DestinationName", "")
    port, path = upstream.get("LocalBindPort", 0), upstream.get("LocalBindSocketPath", "")
    if kind not in _UPSTREAM_TYPES:
        return f"unknown upstream destination type: {quote(kind)}"
    if not name:
        return "upstream destination name cannot be empty"
    if name == _WILDCARD:
        return "upstream destination name cannot be a wildcard"
    if upstream.get("DestinationPeer") and upstream.get("Datacenter"):
        return "upstream cannot specify both destination peer and datacenter"
    if not port and not path:
        return "upstream local bind port or local socket path must be defined and nonzero"
    if port and path:
        return "only one of upstream local bind port or local socket path can be defined and nonzero"
    return ""


def _upstream_key(upstream: dict[str, Any]) -> str:
    """Return what makes an upstream the same as another, as Consul's error shows it."""
    parts = (
        ("type", upstream.get("DestinationType") or "service"),
        ("name", upstream.get("DestinationName", "")),
        ("partition", upstream.get("DestinationPartition", "")),
        ("namespace", upstream.get("DestinationNamespace", "")),
        ("peer", upstream.get("DestinationPeer", "")),
        ("datacenter", upstream.get("Datacenter", "")),
    )
    return "[" + ", ".join([f"{name}={quote(value)}" for name, value in parts]) + "]"


def _bind_address(upstream: dict[str, Any]) -> str:
    host, port = upstream.get("LocalBindAddress", ""), upstream.get("LocalBindPort", 0)
    if not port and not host:
        return str(upstream.get("LocalBindSocketPath", ""))
    return join_host_port(host or "127.0.0.1", port)


def join_host_port(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets (Go's net.JoinHostPort)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _expose_problems(paths: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    listeners: set[int] = set()
    for path in paths:
        name, port = path.get("Path", ""), path.get("ListenerPort", 0)
        protocol = path.get("Protocol", "").lower()
        if not name:
            found.append("expose.paths: empty path exposed")
        if port in listeners:
            found.append("expose.paths: duplicate listener ports exposed")
        listeners.add(port)
        if not 0 < port <= 65535:
            found.append(f"expose.paths: invalid listener port: {port}")
        if protocol not in _EXPOSE_PROTOCOLS:
            found.append(f"protocol '{protocol}' not supported for path: {name}, must be in: [http http2]")
    return found


def _gateway_problems(given: dict[str, Any], kind: str) -> list[str]:
    found: list[str] = []
    proxy = given.get("Proxy", {})
    if not given.get("Port") and kind not in _PORTLESS_GATEWAYS:
        found.append(f"Port must be non-zero for a {kind}")
    if given.get("Connect", {}).get("SidecarService") is not None:
        found.append(f"A {kind} cannot have a sidecar service defined")
    found += [
        f"The Proxy.{name} configuration is invalid for a {kind}"
        for name in _NOT_FOR_GATEWAYS
        if proxy.get(name)
    ]
    return found


def _nesting_problems(sidecar: dict[str, Any] | None) -> list[str]:
    found: list[str] = []
    if sidecar is None:
        return found
    if sidecar.get("ID"):
        found.append("A SidecarService cannot specify an ID as this is managed by the agent")
    if sidecar.get("Connect", {}).get("SidecarService") is not None:
        found.append("A SidecarService cannot have a nested SidecarService")
    return found


def listed(problems: list[str]) -> str:
    """Return problems as Go's multierror writes them."""
    count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
    return f"{count} occurred:\n\t* " + "\n\t* ".join(problems) + "\n\n"
