from pathlib import Path

import pytest

from registry.config import DECLARED, load
from registry.config.docs import BEGIN, END, main, updated
from registry.config.setting import flag, variable

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"


def test_every_setting_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for setting in DECLARED.values():
        for spelling in setting.spellings:
            for name in (flag(spelling), variable(spelling), spelling):
                assert f"`{name}`" in page, f"{name} is missing from docs/configuration.md: run make docs"
        assert setting.doc in page


def test_page_is_current() -> None:
    assert main(["--check", str(PAGE)]) == 0


def test_page_is_rewritten_between_its_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nof last year\n{END}\nafter\n", encoding="utf-8")
    assert main([str(page), "--check"]) == 1
    assert capsys.readouterr().err == f"{page} is out of date: run make docs\n"
    assert main([str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "of last year" not in text
    assert main([str(page), "--check"]) == 0


@pytest.mark.parametrize(
    "page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"]
)
def test_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once each and in this order"):
        updated(page)


def test_example_file_is_valid() -> None:
    settings = load({"config": str(ROOT / "ops" / "registry.toml")})
    assert settings.node_name == "registry-1"
