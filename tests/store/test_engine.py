"""The engine: indexes, guards, the log and its bounds, batches, and the bound on size."""

import pytest

from registry.store.change import ABSENT, Change, Delete, Guard, LoggedPut, PrefixGuard, Put, Row
from registry.store.engine import FORMAT, IDENTITY_KEY, Engine
from registry.store.errors import Conflict, LogTrimmed, StoreDamaged, StoreError, StoreFailed, StoreFull
from store.conftest import OpenEngine

HOUR_MS = 3_600_000


def put(key: str, value: str = "v", expect: int | None = None, table: str = "nodes") -> Change:
    return Change((Put(table, key.encode(), value.encode(), expect),))


def commit(engine: Engine, *changes: Change) -> list[int]:
    """Commit changes that must all succeed."""
    results = engine.commit_batch(changes)
    indexes = [result for result in results if isinstance(result, int)]
    assert len(indexes) == len(changes), results
    return indexes


def refusal(engine: Engine, change: Change) -> StoreError:
    """Commit a change that must fail, and return why."""
    (result,) = engine.commit_batch([change])
    assert isinstance(result, StoreError), f"expected a refusal, found index {result}"
    return result


def rows(engine: Engine) -> dict[tuple[str, bytes], Row]:
    """Return what `load` yields, but for the engine's own rows."""
    _, stored = engine.load()
    return {(row.table, row.key): row for row in stored if row.modify}


def newest(engine: Engine) -> int:
    index, stored = engine.load()
    list(stored)
    return index


def test_indexes_count_changes_and_rows_carry_them(engine: Engine) -> None:
    assert commit(engine, put("a", "1"), put("b", "1"), put("a", "2")) == [1, 2, 3]

    assert rows(engine) == {
        ("nodes", b"a"): Row("nodes", b"a", create=1, modify=3, value=b"2"),
        ("nodes", b"b"): Row("nodes", b"b", create=2, modify=2, value=b"1"),
    }
    assert newest(engine) == 3


def test_a_row_can_go_on_under_another_key(engine: Engine) -> None:
    commit(engine, put("a", "1"), put("b", "1"))
    for key in (b"c", b"b"):
        commit(engine, Change((Put("nodes", key, b"2", create=1),), (Delete("nodes", b"a"),)))

    stored = rows(engine)
    assert [(stored["nodes", key].create, stored["nodes", key].modify) for key in (b"c", b"b")] == [
        (1, 3),
        (1, 4),
    ]
    assert [entry.puts[0].create for entry in engine.changes_since(2, 9)] == [1, 1]


def test_what_is_committed_is_there_after_opening_again(open_engine: OpenEngine) -> None:
    engine = open_engine()
    commit(engine, put("a", "1"), put("b", "1"))
    before, identity = rows(engine), engine.store_id

    again = open_engine()

    assert rows(again) == before
    assert newest(again) == 2
    assert again.store_id == identity
    assert commit(again, put("c")) == [3]


def test_a_row_made_again_has_a_new_create_index(engine: Engine) -> None:
    commit(engine, put("a"), Change(deletes=(Delete("nodes", b"a"),)), put("a"))
    assert rows(engine)["nodes", b"a"].create == 3


def test_a_change_replaces_what_it_deletes(engine: Engine) -> None:
    commit(engine, put("a", "old"))
    (index,) = commit(engine, Change((Put("nodes", b"a", b"new"),), (Delete("nodes", b"a"),)))
    assert rows(engine)["nodes", b"a"] == Row("nodes", b"a", index, index, b"new")
    entry = engine.changes_since(index - 1, 10)[0]
    assert (entry.deletes, entry.puts) == ([("nodes", b"a")], [LoggedPut("nodes", b"a", index, b"new")])


def test_the_log_tells_what_was_done(open_engine: OpenEngine) -> None:
    engine = open_engine(now_ms=lambda: 1234)
    commit(engine, put("a", "1"), put("a", "2"))
    commit(engine, Change(deletes=(Delete("nodes", b"a"), Delete("nodes", b"never was"))))

    first, second, third = engine.changes_since(0, 10)

    assert (first.index, first.time_ms) == (1, 1234)
    assert first.puts == [LoggedPut("nodes", b"a", 1, b"1")]
    assert second.puts == [LoggedPut("nodes", b"a", 1, b"2")]
    assert (third.puts, third.deletes) == ([], [("nodes", b"a")])


def test_the_log_is_read_in_pieces(engine: Engine) -> None:
    commit(engine, *(put(str(number)) for number in range(25)))
    read: list[int] = []
    while entries := engine.changes_since(len(read), 10):
        read += [entry.index for entry in entries]
    assert read == list(range(1, 26))
    assert engine.changes_since(100, 10) == []


@pytest.mark.parametrize(
    "change",
    [
        put("a", expect=ABSENT),
        put("a", expect=1),
        put("b", expect=7),
        Change(deletes=(Delete("nodes", b"a", 1),)),
        Change(deletes=(Delete("nodes", b"b", 1),)),
        Change((Put("nodes", b"c", b"v"),), guards=(Guard("nodes", b"a", ABSENT),)),
        Change((Put("nodes", b"c", b"v"),), guards=(Guard("nodes", b"a", 1),)),
        Change((Put("nodes", b"c", b"v"),), guards=(Guard("services", b"a", 2),)),
        Change((Put("nodes", b"c", b"v"), Put("nodes", b"d", b"v", 9))),
    ],
)
def test_a_broken_guard_keeps_the_whole_change_out(engine: Engine, change: Change) -> None:
    commit(engine, put("a", "1"), put("a", "2"))
    before, counted = rows(engine), engine.counter

    reason = refusal(engine, change)

    assert isinstance(reason, Conflict)
    assert rows(engine) == before
    assert newest(engine) == 2
    assert engine.counter == counted, "a change that was refused alone committed a transaction"


@pytest.mark.parametrize(
    "change",
    [
        put("a", "3", expect=2),
        put("b", expect=ABSENT),
        Change(deletes=(Delete("nodes", b"a", 2),)),
        Change((Put("nodes", b"c", b"v"),), guards=(Guard("nodes", b"a", 2), Guard("nodes", b"b", ABSENT))),
    ],
)
def test_a_guard_that_holds_lets_the_change_through(engine: Engine, change: Change) -> None:
    commit(engine, put("a", "1"), put("a", "2"))
    assert commit(engine, change) == [3]


def test_guards_see_earlier_changes_of_the_same_batch(engine: Engine) -> None:
    first, second, third = engine.commit_batch(
        [put("a", "1", expect=ABSENT), put("a", "2", expect=ABSENT), put("a", "3", expect=1)]
    )
    assert (first, third) == (1, 2)
    assert isinstance(second, Conflict)
    assert rows(engine)["nodes", b"a"].value == b"3"


def guarded(rows: int, newest: int) -> Change:
    return Change((Put("meta", b"k", b"v"),), guards=(PrefixGuard("services", b"n\0", rows, newest),))


def test_a_prefix_guard_knows_the_rows_it_was_given(engine: Engine) -> None:
    commit(engine, guarded(0, 0))
    commit(engine, put("n\0a", table="services"), put("n\0b", table="services"))
    commit(engine, put("n", table="services"), put("n\1", table="services"), put("m\0c", table="services"))
    commit(engine, guarded(2, 3))
    for change in (guarded(0, 0), guarded(3, 3), guarded(2, 2), guarded(1, 3)):
        assert isinstance(refusal(engine, change), Conflict)


@pytest.mark.parametrize(
    "meanwhile",
    [
        put("n\0c", table="services"),
        put("n\0a", "v", table="services"),
        Change(deletes=(Delete("services", b"n\0a"),)),
        Change((Put("services", b"n\0c", b"v"),), (Delete("services", b"n\0b"),)),
    ],
)
def test_a_prefix_guard_notices_any_change_of_its_rows(engine: Engine, meanwhile: Change) -> None:
    commit(engine, put("n\0a", table="services"), put("n\0b", table="services"))
    commit(engine, meanwhile)
    assert isinstance(refusal(engine, guarded(2, 2)), Conflict)


def test_the_log_is_trimmed_by_count(open_engine: OpenEngine) -> None:
    engine = open_engine(log_max_entries=10)
    for number in range(40):
        commit(engine, put(str(number)))
        assert engine.facts()["log_entries"] == min(number + 1, 10)

    with pytest.raises(LogTrimmed, match="change 30 has left the log, which begins at 31"):
        engine.changes_since(29, 100)
    assert [entry.index for entry in engine.changes_since(30, 100)] == list(range(31, 41))


def test_the_log_is_trimmed_by_age(open_engine: OpenEngine) -> None:
    now = 10 * HOUR_MS
    engine = open_engine(now_ms=lambda: now, log_max_age_s=3600.0)
    commit(engine, put("a"), put("b"))
    now += HOUR_MS // 2
    commit(engine, put("c"))
    now += HOUR_MS // 2
    commit(engine, put("d"))
    assert engine.facts()["log_entries"] == 4, "an entry exactly as old as allowed stays"
    now += 1
    commit(engine, put("e"))
    assert [entry.index for entry in engine.changes_since(2, 100)] == [3, 4, 5]
    with pytest.raises(LogTrimmed):
        engine.changes_since(1, 100)


def test_the_newest_entry_stays_however_old_it_is(open_engine: OpenEngine) -> None:
    now = HOUR_MS
    engine = open_engine(now_ms=lambda: now, log_max_age_s=1.0, log_max_entries=1)
    commit(engine, put("a"), put("b"), put("c"))
    now += 100 * HOUR_MS
    refusal(engine, put("a", expect=ABSENT))
    assert engine.facts()["log_entries"] == 1
    assert newest(open_engine()) == 3


def test_trimming_much_is_spread_over_commits(open_engine: OpenEngine) -> None:
    engine = open_engine()
    commit(engine, *(put("a", str(number)) for number in range(1000)))
    engine = open_engine(log_max_entries=100)
    lengths = []
    for _ in range(6):
        commit(engine, put("a"))
        lengths.append(int(engine.facts()["log_entries"]))
    assert all(
        before >= after >= before - 256 for before, after in zip([1001, *lengths], lengths, strict=False)
    )
    assert lengths[-1] == 100


def test_one_bad_change_does_not_take_its_batch_along(engine: Engine) -> None:
    too_long = put("k" * 600)
    first, bad, last = engine.commit_batch([put("a"), too_long, put("b")])
    assert (first, last) == (1, 2)
    assert isinstance(bad, StoreFailed)
    assert "nothing was changed" in str(bad)
    assert set(rows(engine)) == {("nodes", b"a"), ("nodes", b"b")}


def test_past_max_size_only_what_shrinks_is_let_through(open_engine: OpenEngine) -> None:
    engine = open_engine(max_size=256 << 10, log_max_entries=1)
    accepted = 0
    while True:
        (result,) = engine.commit_batch([put(f"k{accepted}", "x" * 2000)])
        if isinstance(result, StoreError):
            break
        accepted += 1
    assert isinstance(result, StoreFull)
    assert "max_size" in str(result)
    assert str(256 << 10) in str(result)
    assert engine.facts()["full"] is True
    assert len(rows(engine)) == accepted == newest(engine)

    half = tuple(Delete("nodes", b"k%d" % number) for number in range(accepted // 2))
    assert isinstance(refusal(engine, Change(deletes=half)), StoreFull)
    commit(engine, Change(deletes=half, shrinks=True))
    assert engine.facts()["full"] is False
    commit(engine, put("again", "x" * 2000))


def test_a_full_map_still_takes_deletes(open_engine: OpenEngine) -> None:
    engine = open_engine(map_size=2 << 20, max_size=2 << 20)
    written = 0
    while True:
        results = engine.commit_batch([put(f"k{written + number}", "x" * 900) for number in range(20)])
        written += 20
        if isinstance(results[-1], StoreFull):
            break
    for number in range(written - 20):
        commit(engine, Change(deletes=(Delete("nodes", b"k%d" % number),), shrinks=True))


def test_data_of_another_format_is_refused(open_engine: OpenEngine) -> None:
    engine = open_engine()
    commit(engine, put(IDENTITY_KEY.decode(), "77 0123", table="meta"))
    engine.close()
    with pytest.raises(StoreDamaged, match=f"has format 77, this release reads {FORMAT.decode()}"):
        open_engine()


def test_figures(open_engine: OpenEngine) -> None:
    engine = open_engine(log_max_entries=2)
    assert engine.facts()["index"] == engine.facts()["log_entries"] == 0
    commit(engine, put("a"))
    commit(engine, put("b"), put("c"))
    facts = engine.facts()
    assert (facts["index"], facts["log_entries"], facts["full"]) == (3, 2, False)
    assert 0 < int(facts["bytes_used"]) < int(facts["bytes_on_disk"])
    assert facts["id"] == engine.store_id
