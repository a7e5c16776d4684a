import dataclasses
import os
import subprocess
import sys
import tomllib
import typing
from pathlib import Path
from types import UnionType

import pytest

from registry.config import DECLARED, Address, SettingError, Settings, load, reload


def show(settings: Settings) -> str:
    return "\n".join(
        f"{name} = {setting.kind.show(getattr(settings, name))}" for name, setting in DECLARED.items()
    )


@pytest.fixture
def write(tmp_path: Path) -> typing.Callable[[str], dict[str, str]]:
    def write(text: str) -> dict[str, str]:
        path = tmp_path / "registry.toml"
        path.write_text(text, encoding="utf-8")
        return {"config": str(path)}

    return write


Write = typing.Callable[[str], dict[str, str]]


def test_defaults_are_complete_and_of_the_declared_types() -> None:
    settings = load()
    hints = typing.get_type_hints(Settings)
    for name in DECLARED:
        value = getattr(settings, name)
        hint = hints[name]
        expected = (
            typing.get_args(hint) if isinstance(hint, UnionType) else (typing.get_origin(hint) or hint,)
        )
        assert isinstance(value, expected), name
        if not isinstance(hint, UnionType):
            assert value is not None, name
        assert settings.origins[name].startswith("built-in default")


def test_defaults_are_those_of_the_reference() -> None:
    settings = load()
    assert settings.http_addr == Address("127.0.0.1", 8500)
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.workers == min(64, max(2, len(os.sched_getaffinity(0))))
    assert settings.node_name == os.uname().nodename
    assert settings.node_address == "127.0.0.1"
    assert (settings.default_query_time, settings.max_query_time) == (300.0, 600.0)
    assert (settings.map_size, settings.max_size, settings.warn_size) == (64 << 30, 16 << 30, 8 << 30)
    assert settings.max_body_bytes == 1 << 20
    assert settings.tls_cert is None


def test_every_field_is_declared_once_with_a_document() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert fields - set(DECLARED) == {"origins", "flags", "environ"}
    spellings = [spelling for setting in DECLARED.values() for spelling in setting.spellings]
    assert len(spellings) == len(set(spellings))
    for setting in DECLARED.values():
        assert setting.doc.endswith(".")
        assert setting.kind.allowed


def test_flags_come_before_environment_before_file_before_default(write: Write) -> None:
    flags = write('datacenter = "file"\nlog_level = "debug"\nworkers = 3\n')
    flags["workers"] = "5"
    settings = load(flags, {"REGISTRY_WORKERS": "4", "REGISTRY_LOG_LEVEL": "error"})
    assert (settings.workers, settings.log_level, settings.datacenter) == (5, "error", "file")
    assert settings.http_mode == "http1"
    assert settings.origins["workers"] == "flag --workers"
    assert settings.origins["log_level"] == "environment variable REGISTRY_LOG_LEVEL"
    assert settings.origins["datacenter"] == f"key datacenter in {flags['config']}"


@pytest.mark.parametrize("name", DECLARED)
def test_each_setting_is_understood_in_every_place(name: str, write: Write) -> None:
    (line,) = (line for line in show(load()).splitlines() if line.startswith(f"{name} = "))
    value = tomllib.loads(line)[name]
    text = ",".join(value) if isinstance(value, list) else str(value)
    from_flag = load({name: text})
    from_file = load(write(line))
    from_environment = load(environ={f"REGISTRY_{name.upper()}": text})
    assert from_flag == from_file == from_environment == load()
    assert from_flag.origins[name].startswith("flag --" + name.replace("_", "-"))
    assert from_file.origins[name].startswith(f"key {name} in ")
    if text:
        assert from_environment.origins[name].startswith(f"environment variable REGISTRY_{name.upper()}")


def test_what_is_shown_reads_back(write: Write) -> None:
    settings = load(
        {"allowed_hosts": "a,b.lan", "keep_alive": "90.5s", "max_body_bytes": "1025", "node_name": 'q"\\'}
    )
    assert load(write(show(settings))) == settings


def test_file_can_be_named_by_the_environment_and_the_flag_wins(write: Write, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('datacenter = "other"', encoding="utf-8")
    flags = write('datacenter = "first"')
    assert load(environ={"REGISTRY_CONFIG": str(other)}).datacenter == "other"
    assert load(flags, {"REGISTRY_CONFIG": str(other)}).datacenter == "first"


def test_second_spelling_and_empty_variable() -> None:
    assert load({"node": "a"}).node_name == "a"
    assert load(environ={"REGISTRY_NODE": "a"}).node_name == "a"
    assert load(environ={"REGISTRY_DATACENTER": ""}).datacenter == "dc1"
    with pytest.raises(SettingError, match="given twice"):
        load(environ={"REGISTRY_NODE": "a", "REGISTRY_NODE_NAME": "b"})


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"REGISTRY_HOST": "0.0.0.0"}, "0.0.0.0:8500"),
        ({"REGISTRY_PORT": "9000"}, "127.0.0.1:9000"),
        ({"REGISTRY_HOST": "::", "REGISTRY_PORT": "9000"}, "[::]:9000"),
        ({"REGISTRY_HOST": "", "REGISTRY_PORT": ""}, "127.0.0.1:8500"),
        ({"REGISTRY_PORT": "tcp://10.0.0.7:8500"}, "127.0.0.1:8500"),
        ({"REGISTRY_PORT": "wrong", "REGISTRY_HTTP_ADDR": "127.0.0.1:1"}, "127.0.0.1:1"),
    ],
)
def test_variables_of_the_earlier_program(environ: dict[str, str], address: str) -> None:
    assert str(load(environ=environ).http_addr) == address


def test_variables_of_the_earlier_program_lose_to_the_flag_and_win_over_the_file(write: Write) -> None:
    flags = write('http_addr = "10.0.0.1:7000"')
    assert str(load(flags, {"REGISTRY_PORT": "9000"}).http_addr) == "10.0.0.1:9000"
    assert str(load(flags | {"http_addr": "[::1]:1"}, {"REGISTRY_PORT": "9000"}).http_addr) == "[::1]:1"


def test_node_address_follows_the_http_address() -> None:
    assert load({"http_addr": "10.1.2.3:80"}).node_address == "10.1.2.3"
    assert load({"http_addr": "0.0.0.0:80"}).node_address == "127.0.0.1"
    assert load({"http_addr": "0.0.0.0:80", "node_address": "db.lan"}).node_address == "db.lan"


@pytest.mark.parametrize(("files", "connections", "waiters"), [(300, 100, 90), (4000, 3000, 2700)])
def test_limits_follow_the_open_files_that_are_allowed(files: int, connections: int, waiters: int) -> None:
    def check_config(*flags: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
        command += [sys.executable, "-m", "registry", "check-config", *flags]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    out = check_config().stdout
    assert f"max_connections = {connections}  #" in out
    assert f"max_waiters = {waiters}  #" in out
    refused = check_config("--max-connections", str(files - 99))
    assert refused.returncode == 2
    most = files - 100
    assert (
        f"max_connections (flag --max-connections): found {files - 99}, expected at most {most},"
        in refused.stderr
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            {"workers": "0"},
            "setting workers (flag --workers): found '0', expected a whole number from 1 to 64; "
            "or auto, which means one for each core, and at least 2",
        ),
        (
            {"datacenter": "DC 1\n"},
            "setting datacenter (flag --datacenter): found 'DC 1\\n', "
            "expected 1 to 64 characters of a-z, 0-9, - and _",
        ),
        (
            {"default_query_time": "11m"},
            'setting default_query_time (flag --default-query-time): found "11m0s", '
            'expected at most max_query_time, "10m0s"',
        ),
        (
            {"max_query_time": "1m"},
            'setting max_query_time (flag --max-query-time): found "1m0s", '
            'expected at least default_query_time, "5m0s"',
        ),
        (
            {"warn_size": "2GiB", "max_size": "1GiB"},
            'setting warn_size (flag --warn-size): found "2GiB", expected at most max_size, "1GiB"',
        ),
        (
            {"max_size": "1TiB"},
            'setting max_size (flag --max-size): found "1TiB", expected at most map_size, "64GiB"',
        ),
        (
            {"max_waiters": "11", "max_connections": "10"},
            "setting max_waiters (flag --max-waiters): found 11, expected at most max_connections, 10",
        ),
        (
            {"config": "/no/such"},
            "setting config (flag --config): /no/such can't be read: No such file or directory",
        ),
        ({"config": "/"}, "setting config (flag --config): / can't be read: Is a directory"),
    ],
)
def test_error_names_setting_place_finding_and_what_is_allowed(flags: dict[str, str], text: str) -> None:
    with pytest.raises(SettingError) as caught:
        load(flags)
    assert str(caught.value) == text
    assert caught.value.name == text.split()[1]


def test_many_waiters_may_share_a_connection_over_http2() -> None:
    assert load({"max_waiters": "11", "max_connections": "10", "http_mode": "auto"}).max_waiters == 11


def test_smaller_map_brings_its_own_bounds() -> None:
    settings = load({"map_size": "1GiB"})
    assert (settings.max_size, settings.warn_size) == (1 << 28, 1 << 27)


def test_long_value_is_cut_in_the_error() -> None:
    with pytest.raises(SettingError) as caught:
        load({"log_level": "x" * 10_000})
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'http_adr = "127.0.0.1:1"',
            r"setting http_adr \(key in .*\): there is no such setting; did you mean http_addr\?",
        ),
        ("zzz = 1", r"setting zzz .*: there is no such setting$"),
        ("[workers]\na = 1", r"setting workers \(key workers in .*\): found {'a': 1}, expected"),
        ("[server]\nworkers = 1", "setting server .*: there is no such setting"),
        ("config = 'x'", "setting config .*: there is no such setting"),
        ("workers = 2\nworkers = 3", "setting config .* is not valid TOML: Cannot overwrite a value"),
        ("workers", "setting config .* is not valid TOML"),
        ("keep_alive = 30", "setting keep_alive .*: found 30, expected a duration"),
        ("workers = true", "setting workers .*: found True"),
        ("log_level = 1979-05-27", "setting log_level .*: found datetime.date"),
    ],
)
def test_wrong_file_is_refused_in_one_line(text: str, problem: str, write: Write) -> None:
    with pytest.raises(SettingError, match=problem) as caught:
        load(write(text))
    assert len(str(caught.value).splitlines()) == 1


def test_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registry.toml"
    path.write_bytes(b'datacenter = "\xff"')
    with pytest.raises(SettingError, match="not valid TOML"):
        load({"config": str(path)})


def test_reload_takes_up_what_may_change(write: Write) -> None:
    running = load(write('log_level = "info"\nmax_tags = 5'), {"REGISTRY_MAX_TAGS": "6"})
    write('log_level = "debug"\nmax_tags = 7')
    fresh = reload(running)
    assert (fresh.log_level, fresh.max_tags) == ("debug", 6)
    assert reload(fresh) == fresh


def test_reload_refuses_what_may_not(write: Write) -> None:
    running = load(write('datacenter = "dc1"'))
    write('datacenter = "dc2"')
    with pytest.raises(SettingError, match=r'datacenter .*found "dc2", expected "dc1" until the next start'):
        reload(running)
    write("datacenter = 5")
    with pytest.raises(SettingError, match="expected 1 to 64 characters"):
        reload(running)
