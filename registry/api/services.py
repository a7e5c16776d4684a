"""From a decoded service definition to its row, for the agent's and the catalog's endpoints."""

from typing import Any

from registry.api.proxies import shown_proxy
from registry.catalog.rows import Address, ServiceRow


def build_service(node: str, service_id: str, name: str, given: dict[str, Any], *, local: bool) -> ServiceRow:
    """Return the row of a definition; maps are sorted, so that equal definitions make equal rows."""
    kind = given.get("Kind", "")
    native = bool(given.get("Connect", {}).get("Native"))
    proxy = shown_proxy(given.get("Proxy", {}), kind, local=local)
    destination = ""
    if proxy and kind == "connect-proxy":
        destination = proxy.get("DestinationServiceName", "")
    elif native:
        destination = name
    weights = given.get("Weights", {"Passing": 1, "Warning": 1})
    tagged = given.get("TaggedAddresses", {})
    return ServiceRow(
        node,
        service_id,
        name,
        tuple(given.get("Tags", [])),
        destination,
        local,
        kind=kind,
        address=given.get("Address", ""),
        port=given.get("Port", 0),
        meta=dict(sorted(given.get("Meta", {}).items())),
        tagged={
            label: Address(tagged[label].get("Address", ""), tagged[label].get("Port", 0))
            for label in sorted(tagged)
        },
        socket_path=given.get("SocketPath", ""),
        passing_weight=weights.get("Passing", 0),
        warning_weight=weights.get("Warning", 0),
        enable_tag_override=given.get("EnableTagOverride", False),
        proxy=proxy,
        native=native,
        locality=given.get("Locality"),
    )
