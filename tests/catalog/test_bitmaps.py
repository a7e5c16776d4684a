"""Slots and the bitmaps of them."""

from hypothesis import given
from hypothesis import strategies as st

from registry.catalog.bitmaps import BitmapIndex, Slots


@given(st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=60))
def test_slots_stay_as_dense_as_they_have_ever_been_needed(steps: list[int | None]) -> None:
    slots: Slots[str] = Slots()
    held: dict[int, str] = {}
    most = 0
    for number, step in enumerate(steps):
        if step is None:
            slot = slots.take()
            assert slot not in held
            held[slot] = slots.items[slot] = f"thing {number}"
            most = max(most, len(held))
        elif held:
            slot = sorted(held)[step % len(held)]
            slots.release(slot)
            del held[slot]
        assert {at: item for at, item in enumerate(slots.items) if item is not None} == held
        assert len(slots.items) == most


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 5)), max_size=60))
def test_an_index_of_bitmaps_is_a_map_of_sets_without_empty_ones(steps: list[tuple[bool, str, int]]) -> None:
    index: BitmapIndex[str] = BitmapIndex()
    expected: dict[str, set[int]] = {}
    for put, key, slot in steps:
        if put:
            index.add(key, slot)
            expected.setdefault(key, set()).add(slot)
        else:
            index.discard(key, slot)
            expected.get(key, set()).discard(slot)
        expected = {key: members for key, members in expected.items() if members}
        assert sorted(index.keys()) == sorted(expected)
        assert {key: set(index.get(key)) for key in "abc" if index.get(key)} == expected
