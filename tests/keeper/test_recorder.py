"""The history of checks as the keeper writes it: order, bounds, restarts, and a store without room."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from registry.catalog.history import HISTORY, REASON_CHARS, REGISTERED, unpack_history
from registry.catalog.rows import CheckRow, NodeRow, member_key
from registry.keeper import history
from registry.keeper.history import UNSEEN, Recorder
from registry.replica import Draft, Replica
from registry.store.change import Change, Delete, Put
from registry.store.engine import Limits
from registry.store.layout import DataFolder
from registry.store.local import LocalStore

NOW_MS = 1_700_000_000_000

Lines = list[tuple[str, str, str]]
Play = Callable[["Site"], Awaitable[None]]


class Site:
    """A store with a catalog that follows it, and recorders that come and go like keepers."""

    def __init__(self, root: Path, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        folder = DataFolder(root)
        folder.prepare()
        self._loop = loop
        self.store = LocalStore(folder, limits, 512, loop)
        self.replica = Replica(self.store, lambda _: None)
        self.replica.load()
        self.recorder: Recorder | None = None
        self.replica.on_checks(lambda written: self.recorder.take(written) if self.recorder else None)

    def begin(self, most: int = 20) -> Recorder:
        """Have a keeper come."""
        self.recorder = Recorder(self.store, most, lambda: NOW_MS, self._loop)
        self.recorder.reconcile(self.replica.catalog)
        return self.recorder

    async def end(self) -> None:
        """Have the keeper stop."""
        assert self.recorder is not None
        await self.recorder.close()
        self.recorder = None

    async def put(self, check_id: str, status: str, output: str = "") -> None:
        def draft(catalog: object) -> Change | None:
            made = Draft(self.replica.catalog)
            made.put_node(NodeRow("n"))
            made.put_check(CheckRow("n", check_id, status, output=output))
            return made.change()

        await self.replica.write(draft)

    async def remove(self, check_id: str) -> None:
        def draft(catalog: object) -> Change | None:
            made = Draft(self.replica.catalog)
            made.remove_check(self.replica.catalog.nodes["n"].checks[check_id])
            return made.change()

        await self.replica.write(draft)

    def lines(self, check_id: str) -> Lines:
        found = unpack_history(self.store.read(HISTORY, member_key("n", check_id)))
        return [(line.before, line.after, line.reason) for line in found]

    def rows(self) -> int:
        return len(list(self.store.scan(HISTORY)))


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine on a site."""

    def run(acts: Play, **limits: int) -> None:
        async def main() -> None:
            site = Site(tmp_path, asyncio.get_running_loop(), Limits(map_size=1 << 28, **limits))
            try:
                await acts(site)
                if site.recorder is not None:
                    await site.end()
            finally:
                site.store.close()

        asyncio.run(main())

    return run


def test_each_change_has_a_line_in_order(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "critical")
        await site.put("a", "passing", "fine")
        await site.put("a", "passing", "still fine")
        await site.put("a", "warning", "slow")
        await site.put("b", "passing", "up from the start")
        await site.end()

        assert site.lines("a") == [
            ("", "critical", REGISTERED),
            ("critical", "passing", "fine"),
            ("passing", "warning", "slow"),
        ]
        assert site.lines("b") == [("", "passing", "up from the start")]
        times = [line.time_ms for line in unpack_history(site.store.read(HISTORY, member_key("n", "a")))]
        assert times == sorted(times)
        assert times[0] > NOW_MS, "the time of the commit, not of the keeper"

    play(acts)


def test_only_the_newest_are_kept_and_reasons_are_cut(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin(most=3)
        for number in range(8):
            await site.put("a", ("passing", "critical")[number % 2], f"{number}" * 1000)
        await site.end()

        assert site.lines("a") == [
            (
                ("critical", "passing")[number % 2],
                ("passing", "critical")[number % 2],
                f"{number}" * REASON_CHARS,
            )
            for number in range(5, 8)
        ]

    play(acts)


def test_a_check_that_goes_takes_its_history_along(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "critical")
        await site.put("b", "critical")
        await site.end()
        site.begin()
        await site.remove("a")
        await site.remove("b")
        await site.put("b", "passing", "anew")
        await site.end()

        assert site.lines("a") == []
        assert site.lines("b") == [("", "passing", "anew")]
        assert site.rows() == 1

    play(acts)


def test_what_happened_without_a_keeper_is_found_in_the_log(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        for check_id in "abc":
            await site.put(check_id, "passing")
        await site.end()
        await site.put("a", "critical", "x")
        await site.put("a", "warning", "y")
        await site.remove("b")
        await site.put("new", "passing")
        site.begin()
        await site.put("a", "passing", "z")
        await site.end()

        assert site.lines("a") == [
            ("", "passing", REGISTERED),
            ("passing", "critical", "x"),
            ("critical", "warning", "y"),
            ("warning", "passing", "z"),
        ]
        assert site.lines("b") == []
        assert site.lines("c") == [("", "passing", REGISTERED)]
        assert site.lines("new") == [("", "passing", REGISTERED)]

        site.begin()
        await site.end()

        assert len(site.lines("a")) == 4, "nothing is written down twice"

    play(acts)


def test_a_check_that_was_registered_again_without_a_keeper_begins_anew(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "passing")
        await site.end()
        await site.put("a", "critical", "x")
        await site.remove("a")
        await site.put("a", "critical", "y")
        await site.put("a", "warning", "z")
        site.begin()
        await site.end()

        assert site.lines("a") == [("", "critical", "y"), ("critical", "warning", "z")]

    play(acts)


def test_what_the_log_has_forgotten_is_one_line_that_says_so(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "passing")
        await site.end()
        await site.put("a", "critical", "x")
        await site.put("a", "warning", "y")
        await site.put("b", "passing")
        await site.put("b", "critical")
        await site.put("c", "passing")
        site.begin()
        await site.end()

        assert site.lines("a") == [("", "passing", REGISTERED), ("passing", "warning", UNSEEN + "y")]
        assert site.lines("b") == [], "since when is not known"
        assert site.lines("c") == [("", "passing", REGISTERED)], "its registration is the log's last entry"

    play(acts, log_max_entries=1)


def test_switched_off_it_forgets_all(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "critical")
        await site.end()
        assert site.rows() == 1
        site.begin(most=0)
        await site.put("a", "passing")
        await site.put("b", "passing")
        await site.end()

        assert site.rows() == 0

    play(acts)


def test_a_row_that_is_no_history_begins_anew(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        await site.put("a", "critical")
        await site.store.commit(Change((Put(HISTORY, member_key("n", "a"), b"\x01"),)))
        site.begin()
        await site.put("a", "passing", "fine")
        await site.end()

        assert site.lines("a") == [("", "critical", REGISTERED), ("critical", "passing", "fine")]

    play(acts)


def test_many_at_once_are_written_in_batches(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 7)

    async def acts(site: Site) -> None:
        site.begin()
        await asyncio.gather(*[site.put(f"c{number}", "critical") for number in range(50)])
        await asyncio.gather(*[site.put(f"c{number}", "passing") for number in range(50)])
        await site.end()

        assert site.rows() == 50
        assert all(len(site.lines(f"c{number}")) == 2 for number in range(50))

    play(acts)


def test_it_moves_no_index(play: Callable[..., None]) -> None:
    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "critical")
        index = site.store.facts()["index"]
        await site.end()

        assert site.rows() == 1
        assert site.store.facts()["index"] == index

    play(acts)


def test_while_the_store_is_full_lines_wait(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(history, "WRITE_AGAIN_AFTER_S", 0.01)
    padding = member_key("n", "padding")

    async def acts(site: Site) -> None:
        site.begin()
        await site.put("a", "critical", "one")
        await site.end()
        site.begin()
        await site.store.commit(Change((Put(HISTORY, padding, bytes(1 << 20)),)))
        assert site.store.facts()["full"]

        # A change that makes room goes through although the store is full, as a deregistration does.
        def draft(catalog: object) -> Change | None:
            made = Draft(site.replica.catalog)
            made.put_check(CheckRow("n", "a", "passing", output="two"))
            change = made.change()
            return change._replace(shrinks=True) if change else None

        await site.replica.write(draft)
        while "can't be written yet" not in caplog.text:
            await asyncio.sleep(0.01)
        assert site.lines("a") == [("", "critical", "one")]
        await site.store.commit(Change(deletes=(Delete(HISTORY, padding),), shrinks=True))
        await site.end()

        assert site.lines("a") == [("", "critical", "one"), ("critical", "passing", "two")]

    play(acts, max_size=1 << 19)
    assert caplog.text.count("can't be written yet") == 1
