"""The list of services: every name with the union of its instances' tags.

It is asked for constantly and changes rarely, so it is kept as counts and rendered piecewise: a
registration that brings neither a new name nor a new tag leaves the rendered bytes as they are.
"""

from collections.abc import Collection, Iterable

from registry.catalog.entities import Instance
from registry.wire.encode import dumps


class _Entry:
    """One name: its instances and, for each tag, how many of them carry it."""

    __slots__ = ("fragment", "instances", "tags")

    def __init__(self) -> None:
        self.instances = 0
        self.tags: dict[str, int] = {}
        self.fragment: bytes | None = None


class ServiceList:
    """Names and tags with how many instances have them; names keep their spelling."""

    __slots__ = ("_body", "_entries", "_names")

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._names: list[str] | None = None
        self._body: bytes | None = None

    def add(self, instance: Instance) -> None:
        """Count an instance in."""
        self.add_many(instance.name, instance.tags, 1)

    def add_many(self, name: str, tags: Collection[str], count: int) -> None:
        """Count instances in that have the same service name and tags."""
        entry = self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = _Entry()
            self._names = self._body = None
        entry.instances += count
        for tag in set(tags):
            carriers = entry.tags.get(tag, 0)
            entry.tags[tag] = carriers + count
            if not carriers:
                entry.fragment = self._body = None

    def remove(self, instance: Instance) -> None:
        """Count an instance out."""
        entry = self._entries[instance.name]
        entry.instances -= 1
        for tag in set(instance.tags):
            entry.tags[tag] -= 1
            if not entry.tags[tag]:
                del entry.tags[tag]
                entry.fragment = self._body = None
        if not entry.instances:
            del self._entries[instance.name]
            self._names = self._body = None

    def body(self) -> bytes:
        """Return ``{"name":["tag",...],...}`` in order; the same object while nothing changed."""
        if self._body is None:
            if self._names is None:
                self._names = sorted(self._entries)
            parts: list[bytes] = []
            for name in self._names:
                entry = self._entries[name]
                if entry.fragment is None:
                    entry.fragment = _fragment(name, entry.tags)
                parts.append(entry.fragment)
            self._body = b"".join((b"{", b",".join(parts), b"}"))
        return self._body


def render(instances: Iterable[Instance]) -> bytes:
    """Return the same body for some of the instances."""
    tags: dict[str, set[str]] = {}
    for instance in instances:
        tags.setdefault(instance.name, set()).update(instance.tags)
    return b"".join((b"{", b",".join([_fragment(name, tags[name]) for name in sorted(tags)]), b"}"))


def _fragment(name: str, tags: Iterable[str]) -> bytes:
    return dumps(name) + b":" + dumps(sorted(tags))
