"""Which Host headers are answered.

A registry on loopback has no password to keep a web page out: a page whose name is made to resolve to
127.0.0.1 would be talking to it (DNS rebinding). Such a request carries the page's host name, so on
loopback only names are answered that a page cannot have.
"""

import ipaddress
from collections.abc import Iterable

_MEMO_MAX, _MEMO_VALUE_MAX = 1024, 256


class HostPolicy:
    """Decides about Host header values; decisions are remembered.

    Args:
        bind_host: the address that is listened on. Off loopback any name is answered.
        names: further names to answer to, without port.
    """

    def __init__(self, bind_host: str, names: Iterable[str]) -> None:
        self._open = not _is_loopback(bind_host)
        self._names = {"localhost", bind_host.lower(), *(name.lower() for name in names)}
        self.memo: dict[bytes, bool] = {}

    def allows(self, value: bytes) -> bool:
        """Say whether a request with this Host header is answered."""
        known = self.memo.get(value)
        if known is None:
            known = self._decide(value.decode("latin-1").lower())
            if len(self.memo) < _MEMO_MAX and len(value) <= _MEMO_VALUE_MAX:
                self.memo[value] = known
        return known

    def _decide(self, value: str) -> bool:
        if not value:
            return False
        if self._open:
            return True
        if value.startswith("["):
            name, _, port = value[1:].partition("]")
            if port and not port.startswith(":"):
                return False
        else:
            name = value.partition(":")[0] if value.count(":") == 1 else value
        return name.rstrip(".") in self._names or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
