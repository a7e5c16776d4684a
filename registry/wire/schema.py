"""Objects with declared fields: what a request body is described with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from registry.wire.kinds import Kind, Misfit


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its canonical name, its kind, and other names it goes by."""

    name: str
    kind: Kind
    aliases: tuple[str, ...] = ()


_Entry: TypeAlias = tuple[str, type | None, Callable[[object], Any], str]
"""What decoding needs of a field under one of its names: the canonical name, ``plain`` and
``convert`` of the kind, the step in the path of an error. A bare tuple, as it unpacks fastest."""


class Struct(Kind):
    """An object with declared fields; ``name`` is Go's name of the type, in error texts.

    A key matches a name or an alias whatever its case; a key that matches none is ignored, where
    Consul refuses some. Null means not given. Of several keys for one field the last one that is
    not null counts, and its value replaces the earlier one; Go merges two objects. One case is not
    seen: ``{"Name": 1, "name": 2, "Name": 3}`` gives 2, as a parsed object remembers a repeated key at
    its first place.

    Raises:
        ValueError: two of ``fields`` answer to the same key.
    """

    def __init__(self, name: str, fields: Sequence[Field]) -> None:
        self.go_type = name
        self.fields = tuple(fields)
        # Under the declared spelling and its lower case, so that the usual key takes one look-up.
        self._entries: dict[str, _Entry] = {}
        for field in self.fields:
            for shown in (field.name, *field.aliases):
                entry = (field.name, field.kind.plain, field.kind.convert, f".{shown}")
                for spelling in (shown, shown.lower()):
                    if self._entries.setdefault(spelling, entry)[0] != field.name:
                        raise ValueError(f"struct {name}: two fields answer to the key {spelling!r}")

    def convert(self, value: object) -> dict[str, Any]:
        """Return the given fields of the object ``value`` by canonical name, or raise `Misfit`."""
        if type(value) is not dict:
            raise self.misfit(value)
        entries = self._entries
        given: dict[str, Any] = {}
        for key, each in value.items():
            if each is None:
                continue
            entry = entries.get(key) or entries.get(key.lower())
            if entry is None:
                continue
            name, plain, convert, step = entry
            if type(each) is plain:
                given[name] = each
                continue
            try:
                given[name] = convert(each)
            except Misfit as misfit:
                misfit.path.append(step)
                raise
        return given

    def zero(self) -> dict[str, Any]:
        """Return an object with no field given."""
        return {}
