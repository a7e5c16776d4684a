"""Dense numbers for objects, and bitmaps of those numbers by attribute value."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from pyroaring import BitMap

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

SlotSet = BitMap
"""A set of slots, for who passes one on without looking into it."""

EMPTY = SlotSet()


class Slots(Generic[T]):
    """Gives objects small numbers and takes them back; reused ones keep the bitmaps dense.

    Attributes:
        items: the object with each number, None where it is free.
    """

    __slots__ = ("_free", "items")

    def __init__(self) -> None:
        self.items: list[T | None] = []
        self._free: list[int] = []

    def take(self) -> int:
        """Reserve a number; set ``items`` at it."""
        if self._free:
            return self._free.pop()
        self.items.append(None)
        return len(self.items) - 1

    def release(self, slot: int) -> None:
        """Give a number back."""
        self.items[slot] = None
        self._free.append(slot)


class BitmapIndex(Generic[K]):
    """Bitmaps by key; a key without members has none."""

    __slots__ = ("_maps",)

    def __init__(self) -> None:
        self._maps: dict[K, BitMap] = {}

    def add(self, key: K, slot: int) -> None:
        """Put a slot under a key."""
        found = self._maps.get(key)
        if found is None:
            self._maps[key] = BitMap([slot])
        else:
            found.add(slot)

    def add_all(self, key: K, slots: list[int]) -> None:
        """Put slots, at least one, under a key."""
        found = self._maps.get(key)
        if found is None:
            self._maps[key] = BitMap(slots)
        else:
            found |= BitMap(slots)

    def discard(self, key: K, slot: int) -> None:
        """Remove a slot from a key's bitmap, if it is there."""
        found = self._maps.get(key)
        if found is not None:
            found.discard(slot)
            if not found:
                del self._maps[key]

    def get(self, key: K) -> BitMap:
        """Return the slots under a key. Do not change what is returned."""
        return self._maps.get(key, EMPTY)

    def keys(self) -> list[K]:
        """Return the keys that have members."""
        return list(self._maps)
