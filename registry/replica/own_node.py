"""The registry's own node with its serf check and the service ``consul``, as Consul's servers have them."""

import ipaddress
from dataclasses import dataclass

import msgspec

from registry.catalog.entities import Node
from registry.catalog.rows import (
    CheckRow,
    NodeRow,
    ServiceRow,
    fold,
    unpack_check,
    unpack_service,
)
from registry.catalog.state import Catalog
from registry.replica.draft import Draft
from registry.store.change import Change

META_KEY = b"own_node"
"""Where the name and ID under which the data was last served are kept."""

SERVER_PORT = 8300
SERVER_META = {
    "non_voter": "false",
    "raft_version": "3",
    "read_replica": "false",
    "serf_protocol_current": "2",
    "serf_protocol_max": "5",
    "serf_protocol_min": "1",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this registry is.

    Attributes:
        name, address: of its node.
        version: the Consul release whose API is followed.
    """

    name: str
    address: str
    version: str


class _Known(msgspec.Struct, array_like=True):
    name: str
    id: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Known).decode


def draft_own_node(catalog: Catalog, identity: Identity, fresh_id: str) -> Change | None:
    """Return the change that makes the own node what it should be, None when it is.

    The node keeps its ID for as long as the data lives; ``fresh_id`` is used the first time. When the
    data was last served under another name, the node is renamed with everything registered on it.
    """
    stored = catalog.meta.get(META_KEY)
    known = _decode(stored) if stored else _Known(identity.name, fresh_id)
    draft = Draft(catalog)
    draft.put_meta(META_KEY, _encode(_Known(identity.name, known.id)))
    draft.put_node(_node_row(identity, known.id))
    former = catalog.nodes.get(fold(known.name))
    if former is not None and former.key != fold(identity.name) and former.id == known.id:
        _move(draft, former, identity.name)
    draft.put_service(
        ServiceRow(
            identity.name,
            "consul",
            "consul",
            port=SERVER_PORT,
            meta=dict(sorted((SERVER_META | {"version": identity.version}).items())),
        )
    )
    draft.put_check(
        CheckRow(
            identity.name,
            "serfHealth",
            "passing",
            name="Serf Health Status",
            output="Agent alive and reachable",
        )
    )
    return draft.change()


def _node_row(identity: Identity, node_id: str) -> NodeRow:
    tagged = {"lan": identity.address, "wan": identity.address}
    family = f"ipv{ipaddress.ip_address(identity.address).version}"
    tagged |= {f"lan_{family}": identity.address, f"wan_{family}": identity.address}
    meta = {"consul-network-segment": "", "consul-version": identity.version}
    return NodeRow(identity.name, node_id, identity.address, dict(sorted(tagged.items())), meta)


def _move(draft: Draft, former: Node, name: str) -> None:
    draft.remove_node(former)
    for instance in former.instances.values():
        if instance.key != "consul":
            row = unpack_service(instance.packed)
            draft.put_service(msgspec.structs.replace(row, node=name))
    for check in former.checks.values():
        if check.key != "serfhealth":
            draft.put_check(msgspec.structs.replace(unpack_check(check.packed), node=name))
