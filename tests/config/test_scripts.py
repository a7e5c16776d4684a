import pytest

from registry.config import SettingError, load
from registry.config.scripts import api_scripts, file_scripts, warning

ON = {"enable_script_checks": "true"}
LOCAL = {"enable_local_script_checks": "true"}


def test_nothing_may_run_programs_by_default() -> None:
    assert not api_scripts(load())
    assert not file_scripts(load())
    assert warning(load()) == []


def test_local_scripts_are_those_of_files_alone() -> None:
    settings = load(LOCAL)
    assert (api_scripts(settings), file_scripts(settings)) == (False, True)
    assert warning(settings) == []


def test_scripts_over_the_api_include_those_of_files_and_are_warned_of() -> None:
    settings = load(ON)
    assert (api_scripts(settings), file_scripts(settings)) == (True, True)
    first, second, *_ = warning(settings)
    assert first == "WARNING: enable_script_checks is true."
    assert second.startswith("Whoever reaches 127.0.0.1:8500 can run any program on this machine")


@pytest.mark.parametrize("address", ["0.0.0.0:8500", "[::]:8500", "192.0.2.1:8500"])
def test_scripts_over_the_api_need_a_loopback_address(address: str) -> None:
    with pytest.raises(SettingError) as caught:
        load({**ON, "http_addr": address})
    assert str(caught.value).startswith(
        "setting enable_script_checks (flag --enable-script-checks): found true while the API listens on "
        f"{address} without access control"
    )
    assert load({**LOCAL, "http_addr": address}).enable_local_script_checks
    assert load({**ON, "http_addr": "[::1]:8500"}).enable_script_checks
