import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry import __version__
from registry.cli import main
from registry.config import DECLARED, load


def test_check_config_prints_a_settings_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_DATACENTER", "lab")
    assert main(["check-config", "--workers", "7", "--node", "n1", f"--data-dir={tmp_path}"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "workers = 7  # flag --workers\n" in out
    assert 'datacenter = "lab"  # environment variable REGISTRY_DATACENTER\n' in out
    assert len(out.splitlines()) == len(DECLARED)
    file = tmp_path / "printed.toml"
    file.write_text(out, encoding="utf-8")
    settings = load({"config": str(file)})
    assert (settings.workers, settings.node_name, settings.data_dir) == (7, "n1", tmp_path)


def test_check_config_looks_at_the_definition_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "web.json"
    file.write_text('{"service": {"name": "web"}, "check": {"name": "c", "ttl": "30s"}}', encoding="utf-8")
    assert main(["check-config", f"--definitions-dir={tmp_path}"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert (
        out.splitlines()[-1] == "# the definition files are right: 1 services and 1 further checks in 1 files"
    )
    file.write_text('{"service": {"name": ""}}', encoding="utf-8")
    assert main(["check-config", f"--definitions-dir={tmp_path}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"registry: setting definitions_dir (flag --definitions-dir): {file}: service: Missing service name\n"
    )


@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_wrong_setting_is_one_line_and_code_2(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--http-addr", "127.0.0.1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "registry: setting http_addr (flag --http-addr): found '127.0.0.1', expected HOST:PORT, where HOST "
        "is an IP address or localhost (an IPv6 address in brackets) and PORT is from 1 to 65535\n"
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "the following arguments are required"),
        (["sevre"], "invalid choice: 'sevre'"),
        (["serve", "--worker=3"], "unknown argument '--worker'; did you mean --workers?"),
        (["check-config", "extra"], "unknown argument 'extra'"),
        (["check-config", "--workers"], "argument --workers: expected one argument"),
        (["version", "--workers", "3"], "unknown argument '--workers'"),
    ],
)
def test_wrong_command_line_is_one_line_and_code_2(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert problem in err
    assert err.count("\n") == 1


def test_version_names_both_releases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"registry {__version__}\nConsul API 1.21.3\n"


def test_help_shows_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for name in DECLARED:
        assert f"--{name.replace('_', '-')} " in out


@pytest.mark.parametrize(
    "command", [[sys.executable, "-m", "registry"], [str(Path(sys.executable).parent / "registry")]]
)
def test_installed_command_and_module_are_the_same(command: list[str], tmp_path: Path) -> None:
    environ = {**os.environ, "REGISTRY_LOG_LEVEL": "loud"}
    done = subprocess.run(
        [*command, "serve"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "registry: setting log_level (environment variable REGISTRY_LOG_LEVEL): found 'loud', "
        "expected one of debug, info, warning, error\n"
    )
    assert list(tmp_path.iterdir()) == []
