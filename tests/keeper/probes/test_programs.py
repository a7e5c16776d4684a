"""Script and OS service checks: programs that are run on this machine."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from probes.support import TIMEOUT, probe, run
from registry.catalog.rows import FROM_FILE
from registry.config.scripts import DISABLED_IN_FILES, DISABLED_OVER_API
from registry.keeper.probes import Options, Outcome, Tools, prober


def script(*args: str, **more: Any) -> Outcome:
    return run(probe({"ScriptArgs": list(args), **more}, allow_scripts=True))


def sh(text: str, **more: Any) -> Outcome:
    return script("sh", "-c", text, **more)


@pytest.mark.parametrize(
    ("text", "status", "output"),
    [
        ("echo out; echo err >&2", "passing", "out\nerr\n"),
        ("echo w; exit 1", "warning", "w\n"),
        ("exit 2", "critical", ""),
        ("exit 255", "critical", ""),
        ("kill -9 $$", "critical", ""),
        (r"printf '\377\000a'", "passing", "\ufffd\0a"),
        ("cat", "passing", ""),
    ],
)
def test_exit_status_and_output(text: str, status: str, output: str) -> None:
    assert sh(text) == Outcome(status, output)


def test_the_end_of_the_output_is_kept() -> None:
    found = sh("seq 1 5000")
    whole = "".join(f"{n}\n" for n in range(1, 5001))
    assert found.output == f"Captured 4096 of {len(whole)} bytes\n...\n{whole[-4096:]}"
    assert sh("printf 12345", OutputMaxSize=3).output == "Captured 3 of 5 bytes\n...\n345"
    assert sh("printf 123", OutputMaxSize=3).output == "123"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["/no/such"], "fork/exec /no/such: no such file or directory"),
        (["./no-such"], "fork/exec ./no-such: no such file or directory"),
        (["no-such-command"], 'exec: "no-such-command": executable file not found in $PATH'),
        (["/etc/passwd"], "fork/exec /etc/passwd: permission denied"),
        (["/"], "fork/exec /: permission denied"),
        ([""], "fork/exec : no such file or directory"),
        (["sh", "a\0b"], "fork/exec sh: invalid argument"),
    ],
)
def test_programs_that_can_not_be_started(args: list[str], text: str) -> None:
    assert script(*args) == Outcome("critical", text)


def test_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    """The child's end is seen at a pipe that it holds open, whose other end is ours."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = sh(f"echo hi; (trap '' TERM HUP; exec sleep 600 >{pipe}) & wait", Timeout=TIMEOUT)
        assert found == Outcome("critical", "Timed out (300ms) running check\n\nhi\n")
        os.set_blocking(reading, True)
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)


def test_output_that_stays_open_is_waited_for_in_vain() -> None:
    found = sh("sleep 600 & echo started", Timeout=TIMEOUT)
    assert found == Outcome("critical", "Timed out (300ms) running check\n\nstarted\n")


def test_a_child_that_left_the_group_does_not_hold_up_the_probe(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    found = sh(f"setsid sh -c 'echo $$ >{pid_file}; exec sleep 600' & sleep 600", Timeout=TIMEOUT)
    assert found == Outcome("critical", "Timed out (300ms) running check")
    os.kill(int(pid_file.read_text()), 9)


def test_endless_output() -> None:
    found = sh("yes", Timeout=TIMEOUT)
    assert found.output.startswith("Timed out (300ms) running check\n\nCaptured 4096 of ")
    assert len(found.output) < 4300


def test_cancelling_kills_the_program(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with Tools(Options(allow_scripts=True)) as tools:
            check = prober({"ScriptArgs": ["sh", "-c", f"echo $$ >{pipe}; exec sleep 600"]}, tools)
            reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            task = asyncio.create_task(check.run())
            up = asyncio.Event()
            loop.add_reader(reading, up.set)
            await up.wait()
            loop.remove_reader(reading)
            pid = int(os.read(reading, 32))
            os.close(reading)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            while Path("/proc", str(pid)).exists():
                await asyncio.sleep(0.01)

    run(main())


def test_programs_are_not_run_unless_allowed(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    definition: dict[str, Any] = {"ScriptArgs": ["touch", str(trace)]}
    for check in (definition, {**definition, "DockerContainerID": "c"}):
        found = run(probe(check))
        assert found.status == "critical"
        assert found.output.startswith("Scripts are disabled on this agent")
    assert not trace.exists()
    assert run(probe(definition, allow_scripts=True)).status == "passing"
    assert trace.exists()


@pytest.mark.parametrize("more", [{}, {"DockerContainerID": "c1"}])
def test_each_setting_allows_the_checks_it_is_about_and_a_refusal_names_it(more: dict[str, str]) -> None:
    over_api: dict[str, Any] = {"ScriptArgs": ["true"], **more}
    from_file = {**over_api, FROM_FILE: True}

    def output(definition: dict[str, Any], **options: bool) -> str:
        return run(probe(definition, docker_socket=Path("/no/such/socket"), **options)).output

    assert output(over_api, allow_file_scripts=True) == DISABLED_OVER_API
    assert output(from_file, allow_scripts=True) == DISABLED_IN_FILES
    assert "disabled" not in output(over_api, allow_scripts=True)
    assert "disabled" not in output(from_file, allow_file_scripts=True)


STAND_IN = """#!/bin/sh
[ "$1 $2" = "is-active --" ] || exit 99
case "$3" in
  up.service) echo active;;
  stuck) exec sleep 600;;
  *) echo inactive; exit 3;;
esac
"""


@pytest.fixture
def stand_in_for_systemctl(tmp_path: Path) -> dict[str, Any]:
    command = tmp_path / "systemctl"
    command.write_text(STAND_IN)
    command.chmod(0o755)
    return {"systemctl": str(command), "systemd_folder": tmp_path}


def test_os_service_with_a_stand_in_for_systemctl(stand_in_for_systemctl: dict[str, Any]) -> None:
    def ask(name: str, **more: Any) -> Outcome:
        return run(probe({"OSService": name, **more}, **stand_in_for_systemctl))

    assert ask("up.service") == Outcome("passing", 'Service "up.service" is healthy')
    assert ask("down") == Outcome("critical", 'OS Service unhealthy: "down" is inactive')
    assert ask("--help") == Outcome("critical", 'OS Service unhealthy: "--help" is inactive')
    assert ask("stuck", Timeout=TIMEOUT) == Outcome("critical", "Timed out (300ms) running check")


def test_os_service_where_systemd_does_not_run(tmp_path: Path) -> None:
    found = run(probe({"OSService": "x"}, systemd_folder=tmp_path / "none"))
    assert found.status == "critical"
    assert found.output.startswith('The state of the service "x" is unknown: OSService checks need systemd')
    missing = run(probe({"OSService": "x"}, systemd_folder=tmp_path, systemctl=str(tmp_path / "none")))
    assert missing == Outcome("critical", f"fork/exec {tmp_path}/none: no such file or directory")
