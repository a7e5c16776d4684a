import os
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ["requirements.txt", "requirements-dev.txt"]


def read_lock(name: str) -> dict[str, tuple[str, int]]:
    """Return version and number of hashes by package."""
    pins: dict[str, tuple[str, int]] = {}
    package = ""
    for line in (ROOT / "ops" / name).read_text(encoding="utf-8").splitlines():
        if pin := re.fullmatch(r"([a-z0-9-]+)==(\S+) \\", line):
            package, version = pin.groups()
            pins[package] = (version, 0)
        elif re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line):
            version, hashes = pins[package]
            pins[package] = (version, hashes + 1)
        else:
            assert not line.strip() or line.lstrip().startswith("#"), f"{name}: unexpected line {line!r}"
    return pins


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes(name: str) -> None:
    for package, (_, hashes) in read_lock(name).items():
        assert hashes > 0, package


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_what_the_project_asks_for(name: str) -> None:
    wanted = list(PROJECT["project"]["dependencies"])
    if name == "requirements-dev.txt":
        wanted += PROJECT["project"]["optional-dependencies"]["dev"]
    pins = {package: version for package, (version, _) in read_lock(name).items()}
    for requirement in wanted:
        package, version = requirement.split("==")
        assert pins[package] == version, f"{requirement}: run make lock"
    assert "setuptools" in pins


def test_both_locks_agree() -> None:
    everyday, development = map(read_lock, LOCKS)
    assert everyday.items() <= development.items()


def test_scripts_can_be_run() -> None:
    for script in ("ops/setup.sh", ".ci/run"):
        assert os.access(ROOT / script, os.X_OK), script


def test_image_is_built_from_files_that_its_context_has() -> None:
    listed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in listed if line.startswith("!")]
    assert listed[0] == "*"
    for path in (
        "ops/setup.sh",
        "ops/requirements.txt",
        "pyproject.toml",
        "registry",
        PROJECT["project"]["readme"],
    ):
        assert path in kept
        assert (ROOT / path).exists()
