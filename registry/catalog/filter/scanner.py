"""Reads the smallest parts of a filter expression and remembers why it could not read on.

Consul's error texts name the farthest place the parser came to and everything it would have
accepted there, so each attempt to read something notes what it wanted when it fails. Literals can
also be wrong in themselves (unterminated, say); such mistakes are noted too, parsing goes on, and in
the end they are reported instead of the farthest place.
"""

import re
from functools import cache

from registry.catalog.filter.errors import FilterSyntaxError
from registry.catalog.filter.gotext import quote, unquote

_BLANKS = re.compile(r"[ \t\r\n]+")
_IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_DIGITS = re.compile(r"[0-9]+")
_INTEGER = re.compile(r"0|[1-9][0-9]*")
_END = "EOF"
_quoted = cache(quote)  # only ever asked for the words of the grammar


class Scanner:
    """A position in ``text`` that moves on with everything read.

    Every method that reads either moves past what it found, or stays where it was and answers
    ``None`` or ``False``.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._farthest = 0
        self._wanted: set[str] = set()
        self._mistakes: dict[str, None] = {}

    def word(self, word: str) -> bool:
        """Read exactly ``word``."""
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        self._want(_quoted(word))
        return False

    def blanks(self) -> bool:
        """Read as many blanks as there are, at least one."""
        found = _BLANKS.match(self.text, self.at)
        if found:
            self.at = found.end()
        self._want(r"[ \t\r\n]")
        return found is not None

    def end(self) -> bool:
        """Tell whether everything has been read."""
        if self.at == len(self.text):
            return True
        self._want(_END)
        return False

    def identifier(self) -> str | None:
        """Read a letter and the letters, digits and underscores after it."""
        found = _IDENTIFIER.match(self.text, self.at)
        if found is None:
            self._want("[a-zA-Z]")
            return None
        self.at = found.end()
        self._want("[a-zA-Z0-9_]")
        return found[0]

    def number(self) -> str | None:
        """Read a decimal number, which a blank, a closing parenthesis or the end must follow."""
        start = self.at
        self.word("-")
        found = _INTEGER.match(self.text, self.at)
        if found is None:
            self._want('"0"')
            self._want("[1-9]")
            self.at = start
            return None
        self.at = found.end()
        if found[0] != "0":
            self._want("[0-9]")
        self._fraction()
        end = self.at
        if self.blanks() or self.end() or self.word(")"):
            self.at = end
            return self.text[start:end]
        self.mistake('"number"', "Invalid number literal")
        self.at = start
        return None

    def _fraction(self) -> None:
        point = self.at
        if self.word("."):
            found = _DIGITS.match(self.text, self.at)
            self.at = found.end() if found else self.at
            self._want("[0-9]")
            if found is None:
                self.at = point

    def string(self) -> str | None:
        """Read a literal in double quotes or backquotes and return what it stands for."""
        start = self.at
        for mark in ("`", '"'):
            if self.word(mark):
                break
        else:
            return None
        close = self.text.find(mark, self.at)
        if close < 0:
            self.at = len(self.text)
            self.mistake('"string"', "Unterminated string literal")
            self.at = start
            return None
        try:
            value = unquote(self.text[start : close + 1])
        except ValueError as wrong:
            self.at = start
            self.mistake('"string"', str(wrong))
            value = ""
        self.at = close + 1
        return value

    def mistake(self, rule: str, problem: str) -> None:
        """Note that what stands at the current position is wrong by a rule of the grammar."""
        self._mistakes[f"{place(self.text, self.at)}: rule {rule}: {problem}"] = None

    def check(self) -> None:
        """Raise what has been noted as wrong, if anything has.

        Raises:
            FilterSyntaxError: With every mistake on its own line.
        """
        if self._mistakes:
            raise FilterSyntaxError("\n".join(self._mistakes))

    def refusal(self) -> FilterSyntaxError:
        """Return the error that names the farthest place and what it would have accepted there."""
        wanted = sorted(self._wanted - {_END}) + sorted(self._wanted & {_END})
        listed = " or ".join(filter(None, [", ".join(wanted[:-1]), wanted[-1]]))
        return FilterSyntaxError(f"{place(self.text, self._farthest)}: no match found, expected: {listed}")

    def _want(self, what: str) -> None:
        if self.at < self._farthest:
            return
        if self.at > self._farthest:
            self._farthest = self.at
            self._wanted.clear()
        self._wanted.add(what)


def place(text: str, at: int) -> str:
    """Return "line:column (offset)" of the character ``at`` of ``text``.

    Lines and columns count characters from 1, the offset counts bytes of UTF-8 from 0. A line break
    counts as column 0 of the line it begins, as in Consul.
    """
    seen = text[: at + 1]
    line = seen.count("\n") + 1
    column = at - seen.rfind("\n")
    return f"{line}:{column} ({len(text[:at].encode(errors='surrogateescape'))})"
