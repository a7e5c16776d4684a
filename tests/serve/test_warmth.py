"""The list of busy requests: kept, made again at the next start, and harmless whatever it holds."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model.site import DirectStore, Site

from registry.api.routes import ROUTES
from registry.http.routing import ReadRoute
from registry.serve import warmth
from registry.serve.warmth import Warmth
from registry.store.layout import DataFolder

BUSY = (b"/v1/catalog/services", b"")
FILTERED = (b"/v1/health/service/web", b"passing&stale")


class Start:
    """One start of an application on a folder, with its list."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root)
        self.loop = asyncio.new_event_loop()
        self.store = DirectStore(root)
        self.site = Site(self.store, self.loop)
        self.warmth = Warmth(self.folder, self.site.app)

    @property
    def answers(self) -> set[tuple[bytes, bytes]]:
        return set(self.site.app.answers.answers)

    def get(self, key: tuple[bytes, bytes]) -> None:
        target = b"?".join(part for part in key if part).decode()
        assert self.loop.run_until_complete(self.site.get(target)).status == 200

    def restore(self) -> None:
        self.loop.run_until_complete(self.warmth.restore())

    def end(self) -> None:
        self.store.close()
        self.loop.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    made = Start(root)
    yield made
    made.end()


def again(former: Start) -> Start:
    former.store.close()
    return Start(former.folder.root)


def test_what_was_asked_for_twice_is_there_after_the_next_start(start: Start) -> None:
    for key in (BUSY, FILTERED):
        start.get(key)
        start.get(key)
    start.get((b"/v1/catalog/nodes", b"asked=once"))
    start.warmth.save()
    file = start.folder.root / "warm"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in start.folder.root.glob("warm*")] == ["warm"]

    fresh = again(start)
    fresh.restore()
    assert fresh.answers == {BUSY, FILTERED}
    fresh.end()


def test_a_start_without_traffic_keeps_the_former_list(start: Start) -> None:
    start.get(BUSY)
    start.get(BUSY)
    start.warmth.save()
    before = (start.folder.root / "warm").read_bytes()
    fresh = again(start)
    fresh.warmth.save()
    assert (fresh.folder.root / "warm").read_bytes() == before
    fresh.end()


def test_the_list_is_bounded(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmth, "REQUESTS_MAX", 10)
    for number in range(30):
        key = (b"/v1/health/service/svc-%d" % number, b"")
        start.get(key)
        start.get(key)
    start.warmth.save()
    kept = msgspec.msgpack.decode((start.folder.root / "warm").read_bytes())
    assert [path for path, _ in kept] == [b"/v1/health/service/svc-%d" % number for number in range(20, 30)]
    many = msgspec.msgpack.encode([(b"/v1/health/service/x-%d" % number, b"") for number in range(50)])
    (start.folder.root / "warm").write_bytes(many)
    fresh = again(start)
    fresh.restore()
    assert len(fresh.answers) == 10
    fresh.end()


def test_there_may_be_no_list(start: Start) -> None:
    start.restore()
    assert start.answers == set()


def test_a_list_that_cannot_be_written_is_no_error(start: Start) -> None:
    start.get(BUSY)
    start.get(BUSY)
    (start.folder.root / "warm").mkdir()
    start.warmth.save()
    start.restore()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    made = Start(tmp_path_factory.mktemp("shared") / "data")
    yield made
    made.end()


REQUESTS = st.tuples(
    st.one_of(
        st.binary(max_size=40),
        st.builds(
            lambda base, rest: base + rest,
            st.sampled_from([b"/v1/catalog/service/", b"/v1/health/state/", b"/v1/agent/", b"/%", b"/"]),
            st.binary(max_size=20),
        ),
    ),
    st.one_of(st.binary(max_size=40), st.sampled_from([b"index=5&wait=1m", b"filter=%ff", b"near=x&dc=no"])),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(REQUESTS, max_size=5).map(msgspec.msgpack.encode),
        st.recursive(st.none() | st.integers(-9, 9) | st.text(max_size=5), st.lists, max_leaves=5).map(
            msgspec.msgpack.encode
        ),
    )
)
def test_garbage_is_passed_over(shared: Start, content: bytes) -> None:
    """A hint must never keep a worker from starting."""
    (shared.folder.root / "warm").write_bytes(content)
    shared.restore()


def test_one_bad_request_does_not_keep_the_others_cold(start: Start) -> None:
    listed = [(b"\xff\xfe", b"\xff"), (b"/v1/nowhere", b""), (b"/v1/catalog/services", b"dc=other"), BUSY]
    (start.folder.root / "warm").write_bytes(msgspec.msgpack.encode(listed))
    start.restore()
    assert start.answers == {BUSY}


def broken(_: object) -> NoReturn:
    raise ZeroDivisionError


def test_an_answer_that_cannot_be_made_does_not_keep_the_others_cold(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    routes = [*ROUTES, ReadRoute(path="/broken", handler=broken, summary="Fails", any_dc=True)]
    app = Site(start.store, start.loop, routes).app
    (start.folder.root / "warm").write_bytes(msgspec.msgpack.encode([(b"/broken", b""), BUSY]))
    start.loop.run_until_complete(Warmth(start.folder, app).restore())
    assert set(app.answers.answers) == {BUSY}
    assert "/broken" in caplog.text
