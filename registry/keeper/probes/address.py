"""Which addresses probes may connect to.

A check is a request that somebody else composed and that we send from where we stand, so what must
not be asked from here (a cloud's metadata service above all) is refused by address. Names say nothing:
what counts is the address that is connected to.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ip_network(text) for text in texts)


_METADATA = _networks("100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254/128")
"""Metadata services of clouds that are not at a link-local address: Alibaba, Oracle, AWS over IPv6."""
_LINK_LOCAL = _networks("169.254.0.0/16", "fe80::/10")
_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_PRIVATE = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"
)
_NOWHERE = _networks("0.0.0.0/8", "::/128")
_GROUPS = _networks("224.0.0.0/4", "240.0.0.0/4", "ff00::/8")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What probes may reach. Unspecified, multicast and reserved addresses are never allowed.

    Attributes:
        allow_loopback: this machine.
        allow_private: private ranges (RFC 1918, RFC 6598, RFC 4193); real checks need them.
        allow_link_local: link-local addresses, and the metadata services that clouds put elsewhere.
    """

    allow_loopback: bool = True
    allow_private: bool = True
    allow_link_local: bool = False

    def refusal(self, address: str) -> str:
        """Return why this address, without its zone, may not be connected to; "" if it may.

        An IPv4 address inside an IPv6 one (mapped, compatible, 6to4, NAT64) counts as itself.
        """
        return _refusal(self, address)


@functools.lru_cache(maxsize=4096)
def _refusal(policy: AddressPolicy, address: str) -> str:
    rules: tuple[tuple[tuple[_Network, ...], bool, str], ...] = (
        (_METADATA, policy.allow_link_local, "a cloud's metadata service"),
        (_LINK_LOCAL, policy.allow_link_local, "a link-local address"),
        (_LOOPBACK, policy.allow_loopback, "a loopback address"),
        (_PRIVATE, policy.allow_private, "a private address"),
        (_NOWHERE, False, "an unspecified address"),
        (_GROUPS, False, "a multicast or reserved address"),
    )
    for meant in _meant(ip_address(address)):
        for networks, allowed, what in rules:
            if not allowed and any(meant in network for network in networks):
                return f"probes may not connect to {what}"
    return ""


def _meant(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the address and the IPv4 address inside of it, as whichever a gateway may take it."""
    yield address
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
