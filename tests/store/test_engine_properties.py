"""The engine against a model of a few lines: any batches of changes, whether their guards hold or not."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.store.change import ABSENT, Change, Delete, Guard, LogEntry, PrefixGuard, Put, Refresh
from registry.store.engine import Engine, Limits
from registry.store.errors import Conflict
from registry.store.layout import DataFolder

Rows = dict[tuple[str, bytes], tuple[int, int, bytes]]

TABLES = st.sampled_from(["services", "checks"])
NAMES = [node + b"\0" + member for node in (b"n", b"m") for member in (b"a", b"b", b"c")]
KEYS = st.sampled_from(NAMES)
EXPECTED = st.one_of(st.none(), st.integers(ABSENT, 12))
CREATED = st.one_of(st.just(0), st.integers(1, 12))
PUTS = st.lists(st.builds(Put, TABLES, KEYS, st.binary(max_size=8), EXPECTED, CREATED), max_size=3)
DELETES = st.lists(st.builds(Delete, TABLES, KEYS, EXPECTED), max_size=2)
REFRESHES = st.lists(st.builds(Refresh, TABLES, KEYS, st.binary(max_size=8), st.integers(1, 12)), max_size=2)
GUARDS = st.lists(
    st.one_of(
        st.builds(Guard, TABLES, KEYS, st.integers(ABSENT, 12)),
        st.builds(
            PrefixGuard, TABLES, st.sampled_from([b"n\0", b"m\0"]), st.integers(0, 3), st.integers(0, 12)
        ),
    ),
    max_size=1,
)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    puts = {(put.table, put.key): put for put in draw(PUTS)}
    deletes = {(delete.table, delete.key): delete for delete in draw(DELETES)}
    written = puts.keys() | deletes.keys()
    refreshes = [each for each in draw(REFRESHES) if (each.table, each.key) not in written]
    return Change(
        tuple(puts.values()), tuple(deletes.values()), tuple(draw(GUARDS)), refreshes=tuple(refreshes)
    )


class Model:
    """The rows as they should be, and what a commit should answer."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.index = 0

    def commit(self, change: Change) -> int | None:
        """Return the index of a change, None for a conflict."""
        guarded: list[Put | Delete | Refresh] = [*change.puts, *change.deletes, *change.refreshes]
        if not all(self._holds(guard) for guard in change.guards):
            return None
        if any(op.expect is not None and self._modify(op.table, op.key) != op.expect for op in guarded):
            return None
        self.index += 1
        for delete in change.deletes:
            self.rows.pop((delete.table, delete.key), None)
        for put in change.puts:
            create = put.create or self.rows.get((put.table, put.key), (self.index,))[0]
            self.rows[put.table, put.key] = (create, self.index, put.value)
        for refresh in change.refreshes:
            create, modify, _ = self.rows[refresh.table, refresh.key]
            self.rows[refresh.table, refresh.key] = (create, modify, refresh.value)
        return self.index

    def _holds(self, guard: Guard | PrefixGuard) -> bool:
        if isinstance(guard, Guard):
            return self._modify(guard.table, guard.key) == guard.expect
        return summary(self.rows, guard.table, guard.prefix) == (guard.rows, guard.newest)

    def _modify(self, table: str, key: bytes) -> int:
        return self.rows.get((table, key), (0, ABSENT))[1]


def summary(rows: Rows, table: str, prefix: bytes) -> tuple[int, int]:
    modifies = [row[1] for (where, key), row in rows.items() if where == table and key.startswith(prefix)]
    return len(modifies), max(modifies, default=0)


def replay(entries: Sequence[LogEntry]) -> Rows:
    """Return the rows that the log alone leads to."""
    rows: Rows = {}
    for entry in entries:
        for table, key in entry.deletes:
            del rows[table, key]
        for table, key, create, value in entry.puts:
            rows[table, key] = (create, entry.index, value)
        for table, key, value in entry.refreshes:
            rows[table, key] = (*rows[table, key][:2], value)
    return rows


def load(engine: Engine) -> tuple[int, Rows]:
    index, stored = engine.load()
    return index, {(row.table, row.key): (row.create, row.modify, row.value) for row in stored if row.modify}


@contextmanager
def fresh_folder() -> Iterator[Callable[[], Engine]]:
    """Yield what opens an engine on a folder of its own."""
    with tempfile.TemporaryDirectory() as root:
        folder = DataFolder(Path(root))
        folder.prepare()
        yield lambda: Engine(folder, Limits())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(changes(), min_size=1, max_size=6), max_size=6))
def test_the_engine_does_what_the_model_does(batches: list[list[Change]]) -> None:
    model = Model()
    with fresh_folder() as open_engine:
        engine = open_engine()
        for batch in batches:
            results = engine.commit_batch(batch)
            indexes = [None if isinstance(result, Conflict) else result for result in results]
            assert indexes == [model.commit(change) for change in batch]
        assert load(engine) == (model.index, model.rows)
        entries = engine.changes_since(0, 1000)
        assert [entry.index for entry in entries] == list(range(1, model.index + 1))
        assert replay(entries) == model.rows
        engine.close()

        again = open_engine()
        assert load(again) == (model.index, model.rows)
        again.close()


@settings(max_examples=200, deadline=None)
@given(st.lists(changes(), max_size=8), st.lists(changes(), max_size=4))
def test_rows_with_the_same_summary_are_the_same_rows(first: list[Change], second: list[Change]) -> None:
    """What `PrefixGuard` rests on: count and highest ModifyIndex identify a set of rows at one time."""
    model = Model()
    for change in first:
        model.commit(change)
    before = dict(model.rows)
    for change in second:
        model.commit(change)
    for prefix in (b"n\0", b"m\0"):
        if summary(before, "services", prefix) == summary(model.rows, "services", prefix):
            assert under(before, prefix) == under(model.rows, prefix)


def under(rows: Rows, prefix: bytes) -> Rows:
    return {
        where: row for where, row in rows.items() if where[0] == "services" and where[1].startswith(prefix)
    }
