"""One definition file: JSON or TOML, with services and checks under Consul's keys."""

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from registry.api.agent.definitions import CHECK_REGISTRATION, SERVICE
from registry.api.files.folder import FileProblem
from registry.wire.decode import DecodeError, Field, ListOf, Struct, parse_json
from registry.wire.documents import DocumentError, read_document
from registry.wire.encode import dumps

DOCUMENT = Struct(
    "definition file",
    [
        Field("service", SERVICE),
        Field("services", ListOf(SERVICE)),
        Field("check", CHECK_REGISTRATION),
        Field("checks", ListOf(CHECK_REGISTRATION)),
    ],
)

PASSED_OVER = frozenset(("token",))
"""Keys of Consul's files that mean nothing here: there are no tokens yet."""


class Definition(NamedTuple):
    """A service's or check's definition.

    Attributes:
        path: the file.
        place: where in it, as in ``services[1]``.
        given: its fields by canonical name.
    """

    path: Path
    place: str
    given: dict[str, Any]

    def problem(self, text: object, below: str = "") -> FileProblem:
        """Return the refusal of this definition, or of the part of it that is called ``below``."""
        place = f"{self.place}.{below}" if below else self.place
        return FileProblem(self.path, f"{place}: {text}")


def read_file(path: Path, text: bytes) -> tuple[list[Definition], list[Definition]]:
    """Return the services and the checks that a file defines.

    Raises:
        FileProblem: it is no JSON or TOML, or not of the shape that it has to have.
    """
    try:
        value = _parse_toml(text) if path.suffix == ".toml" else _parse_strict_json(text)
        # The same parser as for requests has the last word on what a string and a number may be.
        given = read_document(parse_json(dumps(value)), DOCUMENT, PASSED_OVER)
    except DocumentError as error:
        raise FileProblem(path, str(error)) from None
    except RecursionError:
        raise FileProblem(path, "it is nested too deep") from None
    except (ValueError, TypeError, DecodeError) as error:
        form = "TOML" if path.suffix == ".toml" else "JSON"
        raise FileProblem(path, f"it is not valid {form}: {error}") from None
    return _all(path, given, "service"), _all(path, given, "check")


def _all(path: Path, given: dict[str, Any], kind: str) -> list[Definition]:
    single = [Definition(path, kind, given[kind])] if kind in given else []
    several = given.get(f"{kind}s", [])
    return single + [Definition(path, f"{kind}s[{place}]", each) for place, each in enumerate(several)]


def _parse_toml(text: bytes) -> Any:
    return tomllib.loads(text.decode("utf-8-sig"))


def _parse_strict_json(text: bytes) -> Any:
    """Parse JSON as people write it: errors tell the line, and a key that is given twice is one."""
    return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} is given twice in one object")
    return found


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")
