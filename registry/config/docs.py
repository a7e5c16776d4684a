"""Writes the reference of the settings into docs/configuration.md, or checks that it is current.

``python -m registry.config.docs PAGE`` rewrites what stands between the two marks on the page;
with ``--check`` it changes nothing and exits 1 if the page is out of date.
"""

import sys
from itertools import groupby
from pathlib import Path

from registry.config.setting import Setting, flag, variable
from registry.config.settings import DECLARED

BEGIN = "<!-- settings: made by make docs, edit registry/config/settings.py instead -->"
END = "<!-- end of settings -->"
TABLE_HEAD = "| setting | default | allowed | on reload | what it does |\n|---|---|---|---|---|\n"


def reference() -> str:
    """Return the reference in Markdown: one heading per group, one table row per setting."""
    parts = []
    for group, settings in groupby(DECLARED.values(), key=lambda setting: setting.group):
        parts.append(f"### {group}\n\n{TABLE_HEAD}" + "".join(map(_row, settings)))
    return "\n".join(parts)


def updated(page: str) -> str:
    """Return the page with the current reference between its marks.

    Raises:
        ValueError: the page does not have each mark once, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"expected the lines {BEGIN!r} and {END!r}, once each and in this order")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write or check the page that ``arguments`` name, and return the exit code."""
    only_check = "--check" in arguments
    (path,) = (Path(argument) for argument in arguments if argument != "--check")
    page = path.read_text(encoding="utf-8")
    current = updated(page)
    if only_check and page != current:
        print(f"{path} is out of date: run make docs", file=sys.stderr)
        return 1
    if page != current:
        path.write_text(current, encoding="utf-8")
    return 0


def _row(setting: Setting) -> str:
    names = [*map(flag, setting.spellings), *map(variable, setting.spellings), *setting.spellings]
    cells = [
        "<br>".join(f"`{name}`" for name in names),
        f"`{setting.default}`" if setting.default else "empty",
        setting.kind.allowed,
        "taken up" if setting.live else "refused",
        setting.doc,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
