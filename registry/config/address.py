"""The address the registry listens on."""

import ipaddress
from dataclasses import dataclass

MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and a TCP port.

    Attributes:
        host: an IPv4 or IPv6 address in its shortest form, without brackets.
        port: 1 to 65535.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_unspecified(self) -> bool:
        """Whether it stands for every address of the machine (0.0.0.0 or ::)."""
        return ipaddress.ip_address(self.host).is_unspecified


def parse_host(text: str) -> str:
    """Return the IP address that ``text`` names: a literal, one in brackets, or ``localhost``.

    Raises:
        ValueError: it is none of these, or has a zone (``fe80::1%eth0``). Other names are
            refused because what they resolve to may differ between two starts.
    """
    if "%" in text:
        raise ValueError(text)
    if text.lower() == "localhost":
        return "127.0.0.1"
    if text.startswith("[") and text.endswith("]"):
        return str(ipaddress.IPv6Address(text[1:-1]))
    return str(ipaddress.ip_address(text))


def parse_port(text: str) -> int:
    """Return a TCP port.

    Raises:
        ValueError: not a whole number of 1 to 65535 in plain decimal digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PORT))):
        raise ValueError(text)
    port = int(text)
    if not 1 <= port <= MAX_PORT:
        raise ValueError(text)
    return port


def parse_address(text: str) -> Address:
    """Return the address written as ``host:port``, an IPv6 host in brackets.

    Raises:
        ValueError: the port is missing or wrong, or the host is no IP address.
    """
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        raise ValueError(text)
    return Address(parse_host(host), parse_port(port))
