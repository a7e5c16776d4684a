"""Where a probe goes: ``host:port`` as Go reads it."""

import re
import socket
from dataclasses import dataclass

from registry.keeper.probes.failure import ProbeFailed

_PLAIN = re.compile(r"([^:\[\]]*):([^:\[\]]*)")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]:([^:\[\]]*)")
_MOST = 65535
_DIGITS = len(str(_MOST))


@dataclass(frozen=True, slots=True)
class Target:
    """A host (name or address, "" for this machine) and a port of it."""

    host: str
    port: int

    def __str__(self) -> str:
        return join(self.host, self.port)

    @property
    def key(self) -> str:
        """The same text for every spelling of a name's case."""
        return str(self).lower()


def join(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_target(text: str, network: str = "tcp") -> Target:
    """Read ``host:port``; the port may be a service's name.

    Args:
        text: an IPv6 address is in brackets.
        network: ``tcp`` or ``udp``.

    Raises:
        ProbeFailed: the text is not of that form; Go's text for it.
    """
    found = _PLAIN.fullmatch(text) or _BRACKETS.fullmatch(text)
    if found is None:
        raise ProbeFailed(f"dial {network}: address {text}: {_problem(text)}")
    return Target(found[1], _port(found[2], network))


def checked_port(digits: str, network: str = "tcp") -> int:
    """Return a port given as digits.

    Raises:
        ProbeFailed: it is above 65535.
    """
    port = int(digits[-_DIGITS:])
    if port > _MOST or digits[:-_DIGITS].strip("0"):
        raise ProbeFailed(f"dial {network}: address {digits}: invalid port")
    return port


def _port(text: str, network: str) -> int:
    if text.isascii() and text.isdigit():
        return checked_port(text, network)
    if not text:
        return 0
    try:
        return socket.getservbyname(text, network)
    except (OSError, ValueError):
        raise ProbeFailed(f"dial {network}: address {network}/{text}: unknown port") from None


def _problem(text: str) -> str:
    if text.startswith("["):
        return "missing ']' in address" if "]" not in text else "missing port in address"
    if text.count(":") > 1:
        return "too many colons in address"
    return "missing port in address"
