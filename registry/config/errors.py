"""The one error of the configuration."""

from typing import Self

FOUND_SHOWN_CHARS = 80
"""How much of a wrong value an error repeats."""


class SettingError(ValueError):
    """A setting can't be used. The text is one line, fit for a terminal.

    Attributes:
        name: the setting, as in ``http_addr``; ``config`` for the file itself.
    """

    def __init__(self, name: str, origin: str, problem: str) -> None:
        super().__init__(" ".join(f"setting {name} ({origin}): {problem}".split()))
        self.name = name

    @classmethod
    def refused(cls, name: str, origin: str, found: object, allowed: str) -> Self:
        """Return the error for a value that is not allowed."""
        shown = repr(found)
        if len(shown) > FOUND_SHOWN_CHARS:
            shown = shown[:FOUND_SHOWN_CHARS] + "..."
        return cls(name, origin, f"found {shown}, expected {allowed}")
