"""JSON of the catalog's objects, rendered once per object and kept with it.

The shapes are those of the Consul release that the registry follows, keys in its order. Every view
exists in two forms: bytes for answers, and plain dictionaries (``*_dict``) for filter expressions.
Meta is shown as ``{}`` where Consul may say null.
"""

from typing import Any

from registry.catalog import rows
from registry.catalog.entities import Check, Instance, Node
from registry.catalog.rows import Address, ServiceRow
from registry.wire.encode import dumps

DEFAULT_PROXY: dict[str, Any] = {"Mode": "", "MeshGateway": {}, "Expose": {}}


class Views:
    """Renders objects; the datacenter is the one thing they show that is not in their rows."""

    def __init__(self, datacenter: str) -> None:
        self.datacenter = datacenter

    # Nodes

    def node_dict(self, node: Node) -> dict[str, Any]:
        """Return a node as catalog/nodes shows it."""
        row = rows.unpack_node(node.packed)
        return {
            "ID": row.id,
            "Node": row.name,
            "Address": row.address,
            "Datacenter": self.datacenter,
            "TaggedAddresses": row.tagged,
            "Meta": row.meta,
            "CreateIndex": node.create,
            "ModifyIndex": node.modify,
        }

    def node(self, node: Node) -> bytes:
        """Return the JSON of `node_dict`."""
        if node.fragment is None:
            node.fragment = dumps(self.node_dict(node))
        return node.fragment

    # Instances

    def service_dict(self, instance: Instance) -> dict[str, Any]:
        """Return an instance as health answers show it under "Service"."""
        row = rows.unpack_service(instance.packed)
        shown: dict[str, Any] = {"Kind": row.kind} if row.kind else {}
        shown |= {"ID": row.id, "Service": row.name, "Tags": row.tags, "Address": row.address}
        if row.tagged:
            shown["TaggedAddresses"] = tagged_dict(row.tagged)
        shown |= {"Meta": row.meta, "Port": row.port}
        if row.socket_path:
            shown["SocketPath"] = row.socket_path
        shown |= {
            "Weights": weights_dict(row),
            "EnableTagOverride": row.enable_tag_override,
        }
        if row.locality:
            shown["Locality"] = row.locality
        return shown | {
            "Proxy": _proxy_dict(row.proxy),
            "Connect": {"Native": True} if row.native else {},
            "PeerName": "",
            "CreateIndex": instance.create,
            "ModifyIndex": instance.modify,
        }

    def service(self, instance: Instance) -> bytes:
        """Return the JSON of `service_dict`."""
        if instance.service_fragment is None:
            instance.service_fragment = dumps(self.service_dict(instance))
        return instance.service_fragment

    def service_node_dict(self, instance: Instance) -> dict[str, Any]:
        """Return an instance as catalog/service shows it."""
        return self._catalog_node_dict(instance.node) | self._catalog_service_dict(instance)

    def service_node_parts(self, instance: Instance) -> tuple[bytes, bytes]:
        """Return the JSON of `service_node_dict` in two pieces: the node's and the instance's."""
        node = instance.node
        if node.catalog_fragment is None:
            node.catalog_fragment = b"".join((dumps(self._catalog_node_dict(node))[:-1], b","))
        if instance.catalog_fragment is None:
            instance.catalog_fragment = dumps(self._catalog_service_dict(instance))[1:]
        return node.catalog_fragment, instance.catalog_fragment

    def _catalog_node_dict(self, node: Node) -> dict[str, Any]:
        row = rows.unpack_node(node.packed)
        return {
            "ID": row.id,
            "Node": row.name,
            "Address": row.address,
            "Datacenter": self.datacenter,
            "TaggedAddresses": row.tagged,
            "NodeMeta": row.meta,
        }

    def _catalog_service_dict(self, instance: Instance) -> dict[str, Any]:
        row = rows.unpack_service(instance.packed)
        shown: dict[str, Any] = {
            "ServiceKind": row.kind,
            "ServiceID": row.id,
            "ServiceName": row.name,
            "ServiceTags": row.tags,
            "ServiceAddress": row.address,
        }
        if row.tagged:
            shown["ServiceTaggedAddresses"] = tagged_dict(row.tagged)
        return shown | {
            "ServiceWeights": weights_dict(row),
            "ServiceMeta": row.meta,
            "ServicePort": row.port,
            "ServiceSocketPath": row.socket_path,
            "ServiceEnableTagOverride": row.enable_tag_override,
            "ServiceProxy": _proxy_dict(row.proxy),
            "ServiceConnect": {"Native": True} if row.native else {},
            "ServiceLocality": row.locality,
            "CreateIndex": instance.create,
            "ModifyIndex": instance.modify,
        }

    def health_entry(self, instance: Instance) -> tuple[bytes, ...]:
        """Return an element of a health/service answer in pieces, with a comma in front.

        Node and node-level checks are the same for everything on a node and are put together once.
        """
        node = instance.node
        if node.health_head is None:
            self._render_health_frame(node)
        head = node.health_head or b""
        checks = instance.checks
        if not checks:
            return head, self.service(instance), node.checks_closed
        if len(checks) == 1:
            own = self.check(checks[0])
        else:
            own = b",".join([self.check(check) for check in checks])
        return head, self.service(instance), node.checks_open, own, b"]}"

    def _render_health_frame(self, node: Node) -> None:
        level = b",".join([self.check(check) for check in node.level_checks])
        node.checks_closed = b"".join((b',"Checks":[', level, b"]}"))
        node.checks_open = b"".join((b',"Checks":[', level, b"," if level else b""))
        node.health_head = b"".join((b',{"Node":', self.node(node), b',"Service":'))

    # Checks

    def check_dict(self, check: Check) -> dict[str, Any]:
        """Return a check as the health endpoints show it."""
        row = rows.unpack_check(check.packed)
        return {
            "Node": row.node,
            "CheckID": row.id,
            "Name": row.name,
            "Status": row.status,
            "Notes": row.notes,
            "Output": row.output,
            "ServiceID": row.service_id,
            "ServiceName": row.service_name,
            "ServiceTags": row.service_tags,
            "Type": row.type,
            "Interval": row.interval,
            "Timeout": row.timeout,
            "ExposedPort": row.exposed_port,
            "Definition": row.definition,
            "CreateIndex": check.create,
            "ModifyIndex": check.modify,
        }

    def check(self, check: Check) -> bytes:
        """Return the JSON of `check_dict`."""
        if check.fragment is None:
            check.fragment = dumps(self.check_dict(check))
        return check.fragment


def weights_dict(row: ServiceRow) -> dict[str, int]:
    """Return a service's weights as the API shows them."""
    return {"Passing": row.passing_weight, "Warning": row.warning_weight}


def _proxy_dict(proxy: dict[str, Any] | None) -> dict[str, Any]:
    """Return a proxy as the catalog shows it: with a datacenter for each upstream, given or not."""
    if proxy is None:
        return DEFAULT_PROXY
    if "Upstreams" not in proxy:
        return proxy
    return proxy | {"Upstreams": [_upstream_dict(upstream) for upstream in proxy["Upstreams"]]}


def _upstream_dict(upstream: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in upstream.items():
        shown[name] = value
        if name == "DestinationName":
            shown["Datacenter"] = ""
    return shown


def tagged_dict(tagged: dict[str, Address]) -> dict[str, dict[str, Any]]:
    """Return tagged addresses as the API shows them, by name."""
    return {name: {"Address": tagged[name].address, "Port": tagged[name].port} for name in sorted(tagged)}
