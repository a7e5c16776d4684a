"""Definition files that are right, and what is said of those that are not."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry.api.files import NO_DEFINITIONS, Definitions, read_definitions
from registry.config import SettingError, load
from registry.config.scripts import DISABLED_IN_FILES
from registry.wire.encode import dumps

Read = Callable[..., Definitions]
SCRIPT = {"args": ["/bin/true"], "interval": "10s"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "definitions"
    made.mkdir()
    return made


@pytest.fixture
def read(folder: Path) -> Read:
    """Read the folder under these settings, having written these files into it."""

    def read(files: dict[str, Any], **settings: str) -> Definitions:
        for name, content in files.items():
            text = content if isinstance(content, str) else dumps(content).decode()
            (folder / name).write_text(text, encoding="utf-8")
        return read_definitions(load({"definitions_dir": str(folder), **settings}))

    return read


def problem(read: Read, files: dict[str, Any], **settings: str) -> str:
    """Return what is said about these files, from the name of the file on."""
    with pytest.raises(SettingError) as caught:
        read(files, **settings)
    assert caught.value.name == "definitions_dir"
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("setting definitions_dir (flag --definitions-dir): ")
    return text.partition("/definitions")[2].lstrip("/: ")


def test_without_a_folder_nothing_is_defined() -> None:
    assert read_definitions(load()) is NO_DEFINITIONS


def test_all_four_forms_in_both_languages(read: Read) -> None:
    found = read(
        {
            "a.json": {
                "service": {"name": "web", "id": "w1", "check": {"ttl": "30s"}},
                "check": {"name": "n", "ttl": "1m"},
            },
            "b.toml": '[[services]]\nname = "db"\nport = 5432\n\n'
            '[[checks]]\nname = "m"\nservice_id = "w1"\nttl = "1m"\n',
            "c.json": {"services": [], "checks": []},
            "d.json": {},
        }
    )
    assert found.files == 4
    assert [(each.service.id, each.service.name, each.service.port) for each in found.services] == [
        ("w1", "web", 0),
        ("db", "db", 5432),
    ]
    assert [row.id for row in found.services[0].checks] == ["service:w1"]
    assert [(check_id, service_id) for check_id, _, service_id in found.checks] == [("n", ""), ("m", "w1")]


def test_every_reading_is_another_one(read: Read) -> None:
    assert read({"a.json": {}}).reading != read({}).reading != ""


def test_keys_of_consul_s_files_mean_what_they_mean_there(read: Read) -> None:
    check = {
        "id": "c",
        "http": "http://127.0.0.1/",
        "interval": "10s",
        "tls_skip_verify": True,
        "disable_redirects": True,
        "output_max_size": 100,
        "success_before_passing": 2,
        "failures_before_critical": 3,
        "deregister_critical_service_after": "90m",
        "header": {"X-A": ["b"]},
    }
    service = {
        "name": "web",
        "tagged_addresses": {"lan": {"address": "10.0.0.1", "port": 80}},
        "enable_tag_override": True,
        "meta": {"some_key": "v"},
        "weights": {"passing": 3, "warning": 1},
        "token": "not used",
        "connect": {
            "sidecar_service": {"proxy": {"upstreams": [{"destination_name": "db", "local_bind_port": 9}]}}
        },
        "check": check,
    }
    (registration,) = read({"a.json": {"service": service}}).services
    assert registration.service.enable_tag_override
    assert registration.service.meta == {"some_key": "v"}
    assert registration.service.tagged["lan"].port == 80
    assert registration.sidecar is not None
    assert registration.sidecar["Proxy"]["Upstreams"] == [{"DestinationName": "db", "LocalBindPort": 9}]
    assert registration.checks[0].probe == {
        "HTTP": "http://127.0.0.1/",
        "Header": {"X-A": ["b"]},
        "DisableRedirects": True,
        "Interval": 10_000_000_000,
        "TLSSkipVerify": True,
        "SuccessBeforePassing": 2,
        "FailuresBeforeCritical": 3,
        "DeregisterCriticalServiceAfter": 5_400_000_000_000,
        "OutputMaxSize": 100,
    }


def test_other_files_are_passed_over(read: Read, folder: Path) -> None:
    (folder / "below.json").mkdir()
    (folder / ".#web.json").symlink_to("nobody@nowhere")
    assert read({"README": "x", "web.json~": "x", ".web.json": "x", "web.json": {}}).files == 1


def test_a_linked_file_counts(read: Read, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text('\ufeff{"service": {"name": "web"}}', encoding="utf-8")
    (folder / "web.json").symlink_to(tmp_path / "there")
    assert len(read({}).services) == 1


INTERVAL = "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"
TWICE = 'service ID "WEB" is defined twice, first by service of a.json'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ('{"service":\n {"name": }}', "it is not valid JSON: Expecting value: line 2 column 11 (char 22)"),
        ("{} {}", "it is not valid JSON: Extra data: line 1 column 4 (char 3)"),
        (
            '{"service": {}, "service": {}}',
            "it is not valid JSON: the key 'service' is given twice in one object",
        ),
        ('{"service": {"port": NaN}}', "it is not valid JSON: NaN is no number in JSON"),
        (
            '{"service": {"name": "\\ud800"}}',
            "it is not valid JSON: str is not valid UTF-8: surrogates not allowed",
        ),
        ("[" * 100_000, "it is nested too deep"),
        ([], "expected an object, found []"),
        ({"data_dir": "/x"}, "there is no key 'data_dir', expected one of check, checks, service, services"),
        ({"service": [{"name": "a"}]}, "service: expected an object, found [{'name': 'a'}]"),
        ({"services": {"name": "a"}}, "services: expected a list, found {'name': 'a'}"),
        ({"service": {"name": "a", "prot": 1}}, "service: there is no key 'prot'; did you mean port?"),
        (
            {"services": [{"name": "a"}, {"name": "b", "port": "80"}]},
            "services[1].port: expected a whole number, found '80'",
        ),
        ({"service": {"port": 1}}, "service: Missing service name"),
        (
            {"service": {"name": "consul"}},
            'service: ID "consul" is that of the registry\'s own service, use another ID',
        ),
        (
            {"services": [{"name": "a", "checks": [{"ttl": "1s"}, {"http": "http://h"}]}]},
            f"services[0].checks[1]: {INTERVAL}",
        ),
        ({"service": {"name": "a", "check": {"name": "c"}}}, "service.check: TTL must be > 0 for TTL checks"),
        (
            {"service": {"name": "a", "checks": [{"ttl": "1s", "status": "well"}]}},
            "service: Status for checks must 'passing', 'warning', 'critical'",
        ),
        (
            {"service": {"name": "a", "connect": {"sidecar_service": {"address": "0.0.0.0"}}}},
            "service: Invalid SidecarService: Invalid service address",
        ),
        ({"check": {"ttl": "1s"}}, "check: Missing check name"),
        (
            {"checks": [{"name": "c", "ttl": "1s"}, {"name": "d"}]},
            "checks[1]: Invalid check: TTL must be > 0 for TTL checks",
        ),
        (
            {"check": {"name": "c", "ttl": "1s", "service_id": "a"}},
            'check: ServiceID "a" does not exist; expected the ID of a service of these files',
        ),
        ({"service": {"name": "WEB"}}, f"service: {TWICE}"),
        (
            {"check": {"name": "service:web", "ttl": "1s"}},
            'check: check ID "service:web" is defined twice, first by service of a.json',
        ),
        ({"check": {"name": "c", **SCRIPT}}, f"check: {DISABLED_IN_FILES}"),
        ({"service": {"name": "b", "checks": [SCRIPT]}}, f"service.checks[0]: {DISABLED_IN_FILES}"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(read: Read, content: Any, said: str) -> None:
    files = {"a.json": {"service": {"name": "web", "check": {"ttl": "30s"}}}, "b.json": content}
    assert problem(read, files) == f"b.json: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("service = ", "it is not valid TOML: Invalid value (at end of document)"),
        (
            "[service]\nname = 'a'\nport = 2026-01-01",
            "service.port: expected a whole number, found '2026-01-01'",
        ),
        (
            "[service]\nname = 'a'\nport = 99999999999999999999",
            "it is not valid TOML: Integer exceeds 64-bit range",
        ),
    ],
)
def test_a_wrong_toml_file_too(read: Read, text: str, said: str) -> None:
    assert problem(read, {"a.toml": text}) == f"a.toml: {said}"


def test_a_file_that_is_not_utf_8_is_refused(read: Read, folder: Path) -> None:
    (folder / "a.json").write_bytes(b'{"service": {"name": "\xff"}}')
    assert problem(read, {}).startswith("a.json: it is not valid JSON: 'utf-8' codec can't decode byte 0xff")


def test_hcl_is_refused_by_name(read: Read) -> None:
    said = problem(read, {"a.json": {}, "web.hcl": 'service { name = "web" }'})
    assert said.startswith("web.hcl: HCL is not understood; expected the same keys as JSON (*.json) or TOML")


def test_what_is_no_file_is_refused(read: Read, folder: Path) -> None:
    os.mkfifo(folder / "pipe.json")
    assert problem(read, {}) == "pipe.json: expected a file, found something else"


def test_a_file_that_is_not_there_is_refused(read: Read, folder: Path) -> None:
    (folder / "gone.json").symlink_to("nowhere")
    assert problem(read, {}) == "gone.json: the file can't be read: No such file or directory"


def test_a_folder_that_went_away_is_refused(folder: Path) -> None:
    settings = load({"definitions_dir": str(folder)})
    folder.rmdir()
    with pytest.raises(SettingError, match="the folder can't be read: No such file or directory"):
        read_definitions(settings)


def test_a_name_that_is_no_text_can_be_told(read: Read, folder: Path) -> None:
    (folder / os.fsdecode(b"\xff.json")).write_text("[]")
    assert problem(read, {}) == "\\udcff.json: expected an object, found []"


def test_the_number_of_files_is_bounded(read: Read) -> None:
    files: dict[str, Any] = {f"{number}.json": {} for number in range(3)}
    assert read(files, max_definition_files="3").files == 3
    said = problem(read, files, max_definition_files="2")
    assert said == "found 3 definition files, expected at most 2 (max_definition_files)"


def test_the_size_of_all_files_is_bounded(read: Read) -> None:
    files = {"a.json": "{}" + " " * 1000, "b.json": "{}" + " " * 20}
    assert read(files, max_definition_bytes="1KiB").files == 2
    files["b.json"] += " "
    said = problem(read, files, max_definition_bytes="1KiB")
    assert (
        said
        == "b.json: with this file the definition files are larger than 1024 bytes (max_definition_bytes)"
    )


def test_limits_of_what_is_registered_hold_for_files(read: Read) -> None:
    checks = [{"name": f"c{number}", "ttl": "1s"} for number in range(3)]
    said = problem(read, {"a.json": {"checks": checks}}, max_checks_per_service="2")
    assert said.startswith(
        "a.json: checks[2]: Too many checks: there would be 3, max allowed for one service"
    )
    said = problem(read, {"a.json": {"service": {"name": "a", "tags": ["t", "u"]}}}, max_tags="1")
    assert said == "a.json: service: Tags has 2 items, max allowed is 1 (max_tags)"


@pytest.mark.parametrize("switch", ["enable_local_script_checks", "enable_script_checks"])
def test_scripts_are_taken_where_they_are_enabled(read: Read, switch: str) -> None:
    files = {"a.json": {"service": {"name": "a", "check": SCRIPT}, "check": {"name": "b", **SCRIPT}}}
    found = read(files, **{switch: "true"})
    assert found.services[0].checks[0].type == "script"
    assert len(found.checks) == 1


@pytest.mark.parametrize("switch", ["enable_local_script_checks", "enable_script_checks"])
def test_what_everybody_may_write_is_refused_while_scripts_are_enabled(
    read: Read, folder: Path, switch: str
) -> None:
    read({"a.json": {}})
    (folder / "a.json").chmod(0o646)
    read({})
    said = problem(read, {}, **{switch: "true"})
    assert said.startswith("a.json: everybody may write to it (mode 0646), and script checks are enabled")
    (folder / "a.json").chmod(0o644)
    read({}, **{switch: "true"})
    folder.chmod(0o777)
    assert problem(read, {}, **{switch: "true"}).startswith("everybody may write to it (mode 0777)")
    folder.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give files away")
def test_what_belongs_to_somebody_else_is_refused_while_scripts_are_enabled(read: Read, folder: Path) -> None:
    read({"a.json": {}}, enable_local_script_checks="true")
    os.chown(folder / "a.json", 12345, 12345)
    read({})
    said = problem(read, {}, enable_local_script_checks="true")
    assert said.startswith(
        "a.json: it belongs to user 12345, and script checks are enabled; expected the user"
    )
