"""TLS as a client of checked services: contexts, and Go's words for what goes wrong."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.keeper.probes.failure import ProbeFailed
from registry.wire.quote import quote

_NOT_IN_NAME = re.compile(r"[\x00-\x20\x7f]")
_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(.+)")
_NO_HANDSHAKE = frozenset(
    ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
)
_EXPIRED = (9, 10)
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_OTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR numbers."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS with a target.

    Attributes:
        context: whom to trust, and which protocol to ask for.
        server_name: the name that its certificate must have, "" for the host connected to.
    """

    context: ssl.SSLContext
    server_name: str


class Contexts:
    """Makes contexts once: reading the trusted certificates takes milliseconds.

    Args:
        ca_file: the authorities to trust, in PEM form; None for the system's.
    """

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._made: dict[tuple[bool, str], ssl.SSLContext] = {}

    def for_check(self, definition: Mapping[str, Any], protocol: str = "") -> Tls:
        """Return how a check's ``TLSServerName`` and ``TLSSkipVerify`` ask for it.

        No certificate of our own is ever presented.

        Args:
            definition: the check's.
            protocol: what to ask for with ALPN, such as ``h2``; "" for nothing.

        Raises:
            ProbeFailed: the server name holds what no name can.
        """
        name = str(definition.get("TLSServerName", ""))
        if _NOT_IN_NAME.search(name):
            raise ProbeFailed(f"tls: invalid server name {quote(name)}")
        verify = not definition.get("TLSSkipVerify", False)
        context = self._made.get((verify, protocol))
        if context is None:
            context = self._made[verify, protocol] = self._make(verify, protocol)
        return Tls(context, name)

    def _make(self, verify: bool, protocol: str) -> ssl.SSLContext:
        if verify:
            context = ssl.create_default_context(cafile=self._ca_file)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if protocol:
            context.set_alpn_protocols([protocol])
        return context


def explain(error: ssl.SSLError, name: str) -> str:
    """Return Go's text of a failed handshake or read, or the nearest to it.

    Args:
        error: what OpenSSL has found.
        name: the name that the certificate should have had.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"x509: {_mistrust(error, name)}"
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "EOF"
    why = error.reason or "handshake failure"
    if why in _NO_HANDSHAKE:
        return "tls: first record does not look like a TLS handshake"
    alert = _ALERT.fullmatch(why)
    text = (alert[1] if alert else why).lower().replace("_", " ")
    return f"remote error: tls: {text}" if alert else f"tls: {text}"


def _mistrust(error: ssl.SSLCertVerificationError, name: str) -> str:
    if error.verify_code in _EXPIRED:
        return "certificate has expired or is not yet valid"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return "certificate signed by unknown authority"
    if error.verify_code in _OTHER_NAME:
        return f"certificate is not valid for {name}"
    return error.verify_message
