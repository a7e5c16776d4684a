"""An authority and certificates of it, made anew for a run of the tests."""

import ssl
import subprocess
from pathlib import Path

_CONFIG = """
[ca]
default_ca = ours
[ours]
new_certs_dir = {folder}
database = {folder}/index
serial = {folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """Issues certificates for servers.

    Attributes:
        ca_file: its own certificate.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "config"
        self._config.write_text(_CONFIG.format(folder=folder))
        (folder / "index").touch()
        (folder / "serial").write_text("01")
        self.ca_file = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._openssl(
            "req", "-x509", *_KEY, "-keyout", self._key, "-out", self.ca_file, "-days", "2",
            "-subj", "/CN=ca", "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def server(self, name: str, begins: str = "", ends: str = "", protocol: str = "") -> ssl.SSLContext:
        """Return a server's context with a certificate for a name, such as ``IP:127.0.0.1``.

        Args:
            begins: when it becomes valid, ``YYYYMMDDHHMMSSZ``.
            ends: when it stops to be.
            protocol: what it agrees to with ALPN.
        """
        key, request, cert = (self._path(name, ends, kind) for kind in ("key", "csr", "pem"))
        if not cert.exists():
            self._openssl(
                "req", "-new", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={cert.stem}",
                "-addext", f"subjectAltName={name}",
            )  # fmt: skip
            times = ["-startdate", begins, "-enddate", ends] if ends else ["-days", "1"]
            self._openssl(
                "ca", "-batch", "-config", self._config, "-cert", self.ca_file, "-keyfile", self._key,
                "-in", request, "-out", cert, "-notext", *times,
            )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if protocol:
            context.set_alpn_protocols([protocol])
        return context

    def files(self, name: str) -> tuple[bytes, bytes]:
        """Return key and certificate of a name that `server` was called with."""
        return self._path(name, "", "key").read_bytes(), self._path(name, "", "pem").read_bytes()

    def _path(self, name: str, ends: str, kind: str) -> Path:
        return self._folder / f"{name.replace(':', '-')}-{ends}.{kind}"

    def _openssl(self, *args: str | Path) -> None:
        done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
