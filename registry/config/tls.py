"""The certificate and key, tried before the server is given them.

The server's workers die at a pair they can't use, an encrypted key among them, so it is refused here.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path

from registry.config.errors import SettingError


def check_pair(cert: Path | None, key: Path | None, origins: Mapping[str, str]) -> None:
    """Check that there are both files or neither, and that they belong together.

    Raises:
        SettingError: one is missing, either can't be read as what it should be, the key is
            encrypted, or it is another certificate's.
    """
    if cert is None and key is None:
        return
    if cert is None:
        raise SettingError(
            "tls_cert", origins["tls_cert"], "found nothing, expected the certificate of tls_key"
        )
    if key is None:
        raise SettingError("tls_key", origins["tls_key"], "found nothing, expected the key of tls_cert")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, _refuse_password)
    except _EncryptedKey:
        expected = "a private key that is not encrypted"
        raise SettingError.refused("tls_key", origins["tls_key"], str(key), expected) from None
    except (ssl.SSLError, OSError) as error:
        expected = f"the private key of the certificate in {cert}, both in PEM form ({_reason(error)})"
        raise SettingError.refused("tls_key", origins["tls_key"], str(key), expected) from None


class _EncryptedKey(Exception):
    """The library asked for a password."""


def _refuse_password() -> str:
    raise _EncryptedKey


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or "unreadable"
