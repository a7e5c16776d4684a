"""Certificates for the targets of probes."""

from pathlib import Path

import pytest

from probes.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that no system trusts."""
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)
