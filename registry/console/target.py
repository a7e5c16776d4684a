"""The running registry that a command asks: where it is, and why its answer can be trusted."""

import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from registry.config import Address, SettingError
from registry.config.settings import DECLARED
from registry.config.sources import gather, read

TIMEOUT_S = 30.0

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class AskFailed(Exception):
    """There is no answer to use; the text is one line, fit for a terminal.

    Attributes:
        status: of the HTTP answer, 0 when there was none.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(" ".join(text.split()))
        self.status = status


@dataclass(frozen=True, slots=True)
class Trust:
    """How the registry's certificate is checked.

    Attributes:
        ca_file: authorities to trust instead of the system's.
        insecure: whether it is not checked at all.
    """

    ca_file: Path | None = None
    insecure: bool = False


class Target:
    """Asks one registry, over a connection that is kept.

    Args:
        flags: ``http_addr`` and ``config`` as the command line gave them.
        environ: the environment.

    Raises:
        SettingError: the address or the file of settings is wrong.
        AskFailed: the files that trust stands on can't be used.
    """

    def __init__(self, flags: Mapping[str, str], environ: Mapping[str, str], trust: Trust) -> None:
        # Only what says where it is: the rest of the settings need not make sense here and to this user.
        found = gather(flags, environ)
        address = read(DECLARED["http_addr"], found["http_addr"])
        assert isinstance(address, Address)
        host = address.host
        if address.is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
        certificate = str(found["tls_cert"].value)
        secure = bool(certificate or trust.ca_file or trust.insecure)
        self.url = f"{'https' if secure else 'http'}://{Address(host, address.port)}"
        self._connection: HTTPConnection
        if secure:
            context = _context(trust, certificate)
            self._connection = HTTPSConnection(host, address.port, timeout=TIMEOUT_S, context=context)
        else:
            self._connection = HTTPConnection(host, address.port, timeout=TIMEOUT_S)

    def get(self, path: str, params: Mapping[str, str]) -> Any:
        """Return the JSON that a path answers; empty parameters are left out.

        Raises:
            AskFailed: nothing answers, or not with what was asked for.
        """
        query = urlencode({name: value for name, value in params.items() if value})
        try:
            self._connection.request("GET", f"{path}?{query}" if query else path)
            with self._connection.getresponse() as response:
                status, body = response.status, response.read()
        except ssl.SSLCertVerificationError as error:
            raise AskFailed(
                f"the certificate of {self.url} is not trusted ({error.verify_message}); name its authority "
                "with --ca-file, or --insecure to trust anything"
            ) from None
        except (OSError, HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise AskFailed(
                f"no registry answers on {self.url} ({why}); start it, or name its address with --http-addr"
            ) from None
        if status != 200:
            text = body[:500].decode("utf-8", "replace")
            raise AskFailed(text if status == 404 else f"{self.url} answers {status}: {text}", status)
        try:
            return json.loads(body)
        except ValueError:
            raise AskFailed(f"{self.url} does not answer with JSON; is it a registry?") from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def target(flags: Mapping[str, str], trust: Trust) -> Target:
    """Return the registry that the flags and the environment name; see `Target`."""
    return Target(flags, os.environ, trust)


def _context(trust: Trust, certificate: str) -> ssl.SSLContext:
    """Return what checks the certificate: an authority, or that it is the very one of our settings.

    Who can read the file that the registry serves with needs no authority for it, nor a name in it: that
    one certificate is trusted and no other.
    """
    context = ssl.create_default_context()
    if trust.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if trust.ca_file:
            context = ssl.create_default_context(cafile=trust.ca_file)
        elif own := _CERTIFICATE.search(Path(certificate).read_text(encoding="ascii")):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=own.group())
    except (OSError, ValueError) as error:
        if trust.ca_file:
            raise AskFailed(f"--ca-file {trust.ca_file} can't be used: {error}") from None
    return context


__all__ = ["AskFailed", "SettingError", "Target", "Trust", "target"]
