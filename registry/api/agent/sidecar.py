"""Sidecar proxies: the second service that ``Connect.SidecarService`` registers with its parent."""

from typing import Any

import msgspec

from registry.api.agent.proxy_rules import CONNECT_PROXY, join_host_port, kind_problems, listed
from registry.api.agent.service_rules import check_names, check_tenancy, is_every_address, weights_problem
from registry.api.limits import check_meta
from registry.catalog.entities import Instance, Node
from registry.catalog.rows import fold, unpack_service
from registry.catalog.state import Catalog
from registry.config import Settings
from registry.http.errors import HttpError
from registry.replica import Draft

SUFFIX = "-sidecar-proxy"
PORT_MIN, PORT_MAX = 21000, 21255
"""The range of ports given to sidecars; Consul's defaults."""

PORTS_KEY = b"sidecar_ports"
"""A row that every allocation of a port writes, so that two at once can't choose the same."""

CHECK_INTERVAL_NS = 10_000_000_000


class _Located(msgspec.Struct, array_like=True, frozen=True):
    """The beginning of a service row, up to its port."""

    node: str
    id: str
    name: str
    tags: tuple[str, ...]
    destination: str
    local: bool
    kind: str
    address: str
    port: int


_unpack_located = msgspec.msgpack.Decoder(_Located).decode


def sidecar_of(settings: Settings, parent: dict[str, Any]) -> dict[str, Any] | None:
    """Return the definition of a service's sidecar without its port, None when it asks for none.

    What the sidecar does not say is taken from its parent.

    Raises:
        HttpError: 400 with Consul's text.
    """
    given = parent.get("Connect", {}).get("SidecarService")
    if given is None:
        return None
    check_tenancy(given)
    check_names(settings, given, "SidecarService.")
    parent_id = parent.get("ID") or parent["Name"]
    sidecar = {"Kind": CONNECT_PROXY, "Name": parent["Name"] + SUFFIX} | _nonempty(given)
    sidecar["ID"] = parent_id + SUFFIX
    for name in ("Address", "Tags", "Meta", "Locality"):
        if name not in sidecar and name in parent:
            sidecar[name] = parent[name]
    sidecar["Proxy"] = _proxy(given.get("Proxy", {}), parent, parent_id)
    _check(settings, sidecar)
    return sidecar


def _nonempty(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value or name == "Weights"}


def _proxy(given: dict[str, Any], parent: dict[str, Any], parent_id: str) -> dict[str, Any]:
    proxy = {"DestinationServiceName": parent["Name"], "DestinationServiceID": parent_id} | _nonempty(given)
    if proxy.get("LocalServiceSocketPath"):
        return proxy
    if "LocalServiceAddress" in proxy and proxy.get("LocalServicePort", 0) > 0:
        return proxy
    if parent.get("SocketPath"):
        proxy["LocalServiceSocketPath"] = parent["SocketPath"]
        return proxy
    proxy.setdefault("LocalServiceAddress", "127.0.0.1")
    if proxy.get("LocalServicePort", 0) < 1:
        proxy["LocalServicePort"] = parent.get("Port", 0)
    return proxy


def _check(settings: Settings, sidecar: dict[str, Any]) -> None:
    wrong = check_meta(settings, sidecar.get("Meta", {}), sidecar["Kind"]) or weights_problem(sidecar)
    if not wrong and is_every_address(sidecar):
        wrong = "Invalid service address"
    if wrong:
        raise HttpError(400, f"Invalid SidecarService: {wrong}")
    problems = kind_problems(sidecar, port_comes_later=True)
    if problems:
        raise HttpError(400, f"Failed Validation: {listed(problems)}")


def default_checks(sidecar: dict[str, Any], port: int) -> list[dict[str, Any]]:
    """Return the checks of a sidecar that was given none: that it listens, and those of its parent."""
    host = sidecar.get("Address") or sidecar["Proxy"].get("LocalServiceAddress", "")
    parent_id = sidecar["ID"].removesuffix(SUFFIX)
    return [
        {
            "Name": "Connect Sidecar Listening",
            "TCP": join_host_port(host, port),
            "Interval": CHECK_INTERVAL_NS,
        },
        {"Name": f"Connect Sidecar Aliasing {parent_id}", "AliasService": parent_id},
    ]


def port_for(sidecar: dict[str, Any], catalog: Catalog, node: Node, draft: Draft, drawn: set[int]) -> int:
    """Return the port to register a sidecar with: its own, the one it has, or the first that is free.

    Looking for a free one reads every service of the node. ``drawn`` are the ports that the draft has
    drawn already, to which this one is added.

    Raises:
        HttpError: 500 with Consul's text when none is left.
    """
    given = sidecar.get("Port", 0)
    if given or sidecar.get("SocketPath"):
        return int(given)
    taken = set(drawn)
    for instance in node.instances.values():
        port = _unpack_located(instance.packed).port
        if instance.key == fold(sidecar["ID"]) and PORT_MIN <= port <= PORT_MAX:
            return port
        taken.add(port)
    free = next((port for port in range(PORT_MIN, PORT_MAX + 1) if port not in taken), 0)
    if not free:
        raise HttpError(
            500,
            "no port provided for sidecar_service and none left in the configured range "
            f"[{PORT_MIN}, {PORT_MAX}]",
        )
    # The value has to differ from the last one to be written; the index has moved since then.
    draft.put_meta(PORTS_KEY, str(catalog.index).encode())
    drawn.add(free)
    return free


def registered_sidecar(parent: Instance) -> Instance | None:
    """Return the sidecar that was registered with a service, None if it has none.

    It is known by its ID and by saying that it is its parent's.
    """
    found = parent.node.instances.get(fold(parent.id + SUFFIX))
    if found is None or not found.local:
        return None
    proxy = unpack_service(found.packed).proxy or {}
    return found if proxy.get("DestinationServiceID") == parent.id else None
