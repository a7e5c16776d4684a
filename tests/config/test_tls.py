from pathlib import Path

import pytest

from registry.config import SettingError, load

FILES = Path(__file__).parent / "tls"
"""A certificate and its key, another key, and the key behind a password. They serve nothing but this test."""


def pair(cert: str, key: str) -> dict[str, str]:
    return {"tls_cert": str(FILES / cert), "tls_key": str(FILES / key)}


def test_pair_that_fits_is_taken() -> None:
    settings = load(pair("cert.pem", "key.pem"))
    assert (settings.tls_cert, settings.tls_key) == (FILES / "cert.pem", FILES / "key.pem")


@pytest.mark.parametrize(
    ("cert", "key", "problem"),
    [
        (
            "cert.pem",
            "other-key.pem",
            r"key of the certificate in .*/cert.pem, both in PEM form \(key values mismatch",
        ),
        ("cert.pem", "locked-key.pem", r"expected a private key that is not encrypted$"),
        ("cert.pem", "cert.pem", r"both in PEM form \(.+\)$"),
        ("key.pem", "key.pem", r"both in PEM form \(.+\)$"),
    ],
)
def test_pair_that_does_not_fit_is_refused(cert: str, key: str, problem: str) -> None:
    with pytest.raises(SettingError, match=problem) as caught:
        load(pair(cert, key))
    assert caught.value.name == "tls_key"


@pytest.mark.parametrize(("given", "missing"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_half_a_pair_is_refused(given: str, missing: str) -> None:
    with pytest.raises(SettingError, match=rf"setting {missing} \(built-in default\): found nothing"):
        load({given: str(FILES / "cert.pem")})
