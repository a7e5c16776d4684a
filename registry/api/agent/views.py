"""JSON of services and checks as the agent's endpoints show them, keys in Consul's order.

A service has no indexes here, a proxy configuration only where it is a proxy, and a hash of its
definition where it is asked for alone.
"""

import hashlib
from typing import Any

from registry.catalog.entities import Check, Instance
from registry.catalog.rows import CheckRow, ServiceRow, unpack_check, unpack_service
from registry.catalog.views import tagged_dict, weights_dict
from registry.wire.encode import dumps


def service_dict(row: ServiceRow, datacenter: str, digest: str = "") -> dict[str, Any]:
    """Return a service; with ``digest`` as its content hash, if given."""
    shown: dict[str, Any] = {"Kind": row.kind} if row.kind else {}
    shown |= {
        "ID": row.id,
        "Service": row.name,
        "Tags": row.tags,
        "Meta": row.meta,
        "Port": row.port,
        "Address": row.address,
    }
    if row.socket_path:
        shown["SocketPath"] = row.socket_path
    if row.tagged:
        shown["TaggedAddresses"] = tagged_dict(row.tagged)
    shown |= {"Weights": weights_dict(row), "EnableTagOverride": row.enable_tag_override}
    if digest:
        shown["ContentHash"] = digest
    if row.proxy:
        shown["Proxy"] = row.proxy
    if row.native:
        shown["Connect"] = {"Native": True}
    shown["Datacenter"] = datacenter
    if row.locality:
        shown["Locality"] = row.locality
    return shown


def content_hash(row: ServiceRow, datacenter: str) -> str:
    """Return 16 hex digits that change with anything that `service_dict` shows."""
    return hashlib.blake2b(dumps(service_dict(row, datacenter)), digest_size=8).hexdigest()


def service_member(instance: Instance, datacenter: str) -> bytes:
    """Return ``"ID":{...}``, a service's part of the map of services; rendered once."""
    if instance.agent_fragment is None:
        row = unpack_service(instance.packed)
        instance.agent_fragment = dumps({row.id: service_dict(row, datacenter)})[1:-1]
    return instance.agent_fragment


def check_dict(row: CheckRow) -> dict[str, Any]:
    """Return a check as agent/checks shows it."""
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
        "CreateIndex": 0,
        "ModifyIndex": 0,
    }


def check_member(check: Check) -> bytes:
    """Return ``"ID":{...}``, a check's part of the map of checks; rendered once."""
    if check.agent_fragment is None:
        row = unpack_check(check.packed)
        check.agent_fragment = dumps({row.id: check_dict(row)})[1:-1]
    return check.agent_fragment


def json_map(members: list[bytes]) -> bytes:
    """Return a JSON object of ready members."""
    return b"".join((b"{", b",".join(members), b"}"))


NO_DEFINITION = {
    "HTTP": "",
    "Header": None,
    "Method": "",
    "Body": "",
    "TLSServerName": "",
    "TLSSkipVerify": False,
    "TCP": "",
    "TCPUseTLS": False,
    "UDP": "",
    "GRPC": "",
    "OSService": "",
    "GRPCUseTLS": False,
    "Interval": "0s",
    "Timeout": "0s",
    "DeregisterCriticalServiceAfter": "0s",
}


def health_check_dict(row: CheckRow) -> dict[str, Any]:
    """Return a check as agent/health shows it: there Consul leaves out most, and says null for no tags."""
    return {
        "Node": row.node,
        "CheckID": row.id,
        "Name": row.name,
        "Status": row.status,
        "Notes": row.notes,
        "Output": row.output,
        "ServiceID": row.service_id,
        "ServiceName": row.service_name,
        "ServiceTags": row.service_tags or None,
        "Type": "",
        "ExposedPort": 0,
        "Definition": NO_DEFINITION,
        "CreateIndex": 0,
        "ModifyIndex": 0,
    }
