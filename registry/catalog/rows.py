"""The rows of the catalog's tables: their fields, their packed form and their keys.

Rows are msgpack arrays. Fields are only ever added at the end, with a default, so that a release
reads what an older one wrote. The fields that the indexes need come first: the ``Head`` types decode
those alone, which is all that loading a million rows has to pay for.
"""

from collections.abc import Callable
from typing import Any

import msgspec

NODES, SERVICES, CHECKS = "nodes", "services", "checks"
BINDINGS, TOMBSTONES, META = "bindings", "tombstones", "meta"
GUARDS = "guards"

FROM_FILE = "FromFile"
"""In the probe of a check that a definition file registered and nobody has registered otherwise since.

No request can bring it: of what one gives, a probe takes the declared fields alone. It stands there, and
not beside it, as it decides what the keeper may run, which has to look again when it goes.
"""

SEPARATOR = b"\0"
"""Between the parts of a key; names never contain it."""


class Address(msgspec.Struct, array_like=True, frozen=True):
    """A tagged address of a service."""

    address: str
    port: int


class NodeRow(msgspec.Struct, array_like=True, frozen=True):
    """A node. ``tagged`` and ``meta`` are None when they were not given, which Consul shows as null."""

    name: str
    id: str = ""
    address: str = ""
    tagged: dict[str, str] | None = None
    meta: dict[str, str] | None = None


class ServiceHead(msgspec.Struct, array_like=True, frozen=True):
    """What the indexes need of a service instance.

    ``destination`` is the service that a proxy or native instance can be reached for through
    Connect, "" for others. ``local`` marks what was registered through the agent endpoints.
    """

    node: str
    id: str
    name: str
    tags: tuple[str, ...] = ()
    destination: str = ""
    local: bool = False


class ServiceRow(ServiceHead, array_like=True, frozen=True):
    """A service instance. ``proxy`` is in the shape in which the API shows it, None for the default.

    ``from_file`` marks what a definition file registered and nobody has registered otherwise since.
    """

    kind: str = ""
    address: str = ""
    port: int = 0
    meta: dict[str, str] = {}
    tagged: dict[str, Address] = {}
    socket_path: str = ""
    passing_weight: int = 1
    warning_weight: int = 1
    enable_tag_override: bool = False
    proxy: dict[str, Any] | None = None
    native: bool = False
    locality: dict[str, str] | None = None
    from_file: bool = False


class CheckHead(msgspec.Struct, array_like=True, frozen=True):
    """What the indexes need of a check; ``service_id`` is "" for a node-level check."""

    node: str
    id: str
    status: str
    service_id: str = ""
    service_name: str = ""
    local: bool = False


class CheckRow(CheckHead, array_like=True, frozen=True):
    """A check. ``service_name`` and ``service_tags`` are the service's as of the check's registration.

    ``definition`` is what the API shows; ``probe`` is the full definition of a check registered
    through the agent, in the API's canonical field names with durations in nanoseconds. What a
    definition file registered has `FROM_FILE` in it, too.
    """

    name: str = ""
    notes: str = ""
    output: str = ""
    service_tags: tuple[str, ...] = ()
    type: str = ""
    interval: str = ""
    timeout: str = ""
    exposed_port: int = 0
    definition: dict[str, Any] = {}
    probe: dict[str, Any] | None = None


class GuardRow(msgspec.Struct, array_like=True, frozen=True):
    """A guard that keeps a service's last healthy set in the answers; its key is the folded name.

    Attributes:
        name: the service, as an instance of it spells it.
        reason: why it began, in a sentence of ASCII.
        began_ms: when it began, and
        ends_ms: when it ends at the latest, in wall-clock milliseconds since the epoch.
        held: the instances that were healthy before: folded service IDs by folded node.
        turned: how many of them were critical when it began.
        everywhere: it began for the share of all checks, not of this service's instances.
        released: ended by hand; the row stays to keep the guard from beginning again.
    """

    name: str
    reason: str
    began_ms: int
    ends_ms: int
    held: dict[str, tuple[str, ...]]
    turned: int
    everywhere: bool = False
    released: bool = False


pack = msgspec.msgpack.Encoder().encode
unpack_node = msgspec.msgpack.Decoder(NodeRow).decode
unpack_service = msgspec.msgpack.Decoder(ServiceRow).decode
unpack_check = msgspec.msgpack.Decoder(CheckRow).decode
unpack_guard = msgspec.msgpack.Decoder(GuardRow).decode
unpack_service_head = msgspec.msgpack.Decoder(ServiceHead).decode
unpack_check_head = msgspec.msgpack.Decoder(CheckHead).decode


fold: Callable[[str], str] = str.lower
"""Returns the form under which a name is looked up: Consul's catalog ignores case. Every row that is applied
folds ten names, so nothing of ours is called for it."""


def node_key(node: str) -> bytes:
    """Return the key of a node's row."""
    return fold(node).encode()


def member_key(node: str, member: str) -> bytes:
    """Return the key of a service's, check's or binding's row on a node."""
    return fold(node).encode() + SEPARATOR + fold(member).encode()


def guard_key(name_key: str) -> bytes:
    """Return the key of the guard of a service with this folded name."""
    return name_key.encode()


def members_prefix(node: str) -> bytes:
    """Return the beginning of the keys of everything on a node."""
    return fold(node).encode() + SEPARATOR


def holder_key(node_id: str) -> bytes:
    """Return the key of the binding of a node ID to its node; no member's key begins like it."""
    return SEPARATOR + node_id.lower().encode()


def split_key(key: bytes) -> tuple[str, str]:
    """Return the folded node and member names of a `member_key`."""
    node, _, member = key.partition(SEPARATOR)
    return node.decode(), member.decode()
