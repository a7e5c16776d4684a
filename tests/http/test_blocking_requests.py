"""Blocking queries through the whole application: what is parked, for how long, and what ends it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from model.site import DirectStore, Request, Site, until

from registry.api.world import World
from registry.catalog import topics
from registry.http.answer import Result
from registry.http.request import Read
from registry.http.routing import ReadRoute

WEB = "/v1/health/service/web"

Scenario = Callable[[DirectStore], Coroutine[Any, Any, None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Run a scenario on a fresh store; an exception that nobody has taken fails it."""
    store = DirectStore(tmp_path)

    def run(scenario: Scenario) -> None:
        async def guarded() -> None:
            unhandled: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
            await asyncio.wait_for(scenario(store), 30)
            assert unhandled == []

        asyncio.run(guarded())

    yield run
    store.close()


async def site(store: DirectStore, **options: Any) -> Site:
    """Return an application over a store, whose index has left behind the 1 that stands for nothing."""
    made = Site(store, asyncio.get_running_loop(), **options)
    await made.put("/v1/catalog/register", {"Node": "n0", "Address": "10.0.0.1"})
    await made.put("/v1/catalog/register", {"Node": "n0", "Address": "10.0.0.2"})
    return made


def instance(number: int, service: str = "web", **more: Any) -> dict[str, Any]:
    """Return the registration of an instance on a node of its own."""
    node = {"Node": f"n{number}", "Address": "10.0.0.1"}
    return node | {"Service": {"Service": service, "ID": f"{service}-{number}"} | more}


async def parked(on: Site, asked: str, count: int = 1) -> tuple[Request, "asyncio.Task[Any]"]:
    """Ask for something that must be made to wait."""
    request = Request("GET", asked)
    task = on.ask(request)
    await until(lambda: on.app.watchers.parked == count or task.done())
    assert not task.done(), f"{asked} was answered at once: {task.result()}"
    return request, task


async def sleeps_on(task: "asyncio.Task[Any]") -> None:
    """Require that a request is not answered, however long the loop goes on."""
    for _ in range(50):
        await asyncio.sleep(0)
    assert not task.done()


def test_a_write_elsewhere_wakes_with_the_new_state(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here, there = await site(store), await site(store)
        await there.put("/v1/catalog/register", instance(1))
        first = await here.get(WEB)
        _, task = await parked(here, f"{WEB}?index={first.index}")
        await there.put("/v1/catalog/register", instance(2, "api"))
        here.replica.catch_up()
        await sleeps_on(task)
        await there.put("/v1/catalog/register", instance(2))
        here.replica.catch_up()
        got = await task
        assert [entry["Service"]["ID"] for entry in got.json] == ["web-1", "web-2"]
        assert got.index == here.replica.catalog.index > first.index

    play(scenario)


def test_a_write_here_wakes_too(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        request, task = await parked(here, f"{WEB}?index=1")
        await here.put("/v1/catalog/register", instance(1))
        assert len((await task).json) == 1
        assert request.gone.cancelled(), "the server still watches a client that has been answered"

    play(scenario)


@pytest.mark.parametrize(
    "asked", [WEB, f"{WEB}?passing", f"{WEB}?tag=v1", f"{WEB}?node-meta=a:b", "/v1/catalog/service/web"]
)
def test_what_an_answer_does_not_show_does_not_end_the_wait(play: Play, asked: str) -> None:
    """A check bound to another instance leaves these answers as they are, though not their index."""
    shown_check = {"Node": "n1", "CheckID": "c", "ServiceID": "web-1", "Status": "passing"}
    hidden = instance(2) | {
        "Check": {"Node": "n2", "CheckID": "c", "ServiceID": "web-2", "Status": "critical"}
    }
    every_check_is_shown = asked == WEB

    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        await here.put("/v1/catalog/register", instance(1, Tags=["v1"]) | {"NodeMeta": {"a": "b"}})
        await here.put("/v1/catalog/register", hidden)
        known = await here.get(asked)
        separator = "&" if "?" in asked else "?"
        _, task = await parked(here, f"{asked}{separator}index={known.index}")
        hidden["Check"]["Notes"] = "another"
        await here.put("/v1/catalog/register", hidden)
        moved = (await here.get(asked)).index
        assert moved > known.index
        if not every_check_is_shown:
            await sleeps_on(task)
            await here.put("/v1/catalog/register", instance(1, Tags=["v1"], Port=1) | {"Check": shown_check})
        got = await task
        assert got.body != known.body
        assert got.index >= moved

    play(scenario)


def test_registering_the_same_again_ends_no_wait(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        await here.put("/v1/catalog/register", instance(1))
        known = await here.get(WEB)
        _, task = await parked(here, f"{WEB}?index={known.index}")
        for _ in range(3):
            await here.put("/v1/catalog/register", instance(1))
        assert here.replica.catalog.index == known.index
        await sleeps_on(task)
        await here.put("/v1/catalog/deregister", {"Node": "n1", "ServiceID": "web-1"})
        got = await task
        assert (got.json, got.index) == ([], here.replica.catalog.index)

    play(scenario)


def test_churn_elsewhere_leaves_the_index_of_a_quiet_service(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        await here.put("/v1/catalog/register", instance(1))
        quiet = {asked: await here.get(asked) for asked in (WEB, "/v1/catalog/node/n1", "/v1/health/node/n1")}
        for number in range(2, 12):
            await here.put("/v1/catalog/register", instance(number, "api"))
            await here.put("/v1/catalog/deregister", {"Node": f"n{number}"})
        for count, (asked, known) in enumerate(quiet.items(), 1):
            assert (await here.get(asked)).index == known.index
            await parked(here, f"{asked}?index={known.index}", count)
        await here.app.watchers.drain()

    play(scenario)


@pytest.mark.parametrize(
    "asked", [f"{WEB}?index=9999", f"{WEB}?%69ndex=9999", f"{WEB}?stale&index=9999&cached"]
)
def test_an_index_from_the_future_waits(play: Play, asked: str) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        await here.put("/v1/catalog/register", instance(1))
        await here.get(WEB)
        request, task = await parked(here, asked)
        await here.put("/v1/catalog/register", instance(2))
        await sleeps_on(task)
        request.leave()
        await until(task.done)

    play(scenario)


@pytest.mark.parametrize("query", ["", "?index=0", "?index=0&wait=1h", "?wait=1h", "?index="])
def test_without_an_index_nothing_waits(play: Play, query: str) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        for _ in range(2):
            assert (await here.get(WEB + query)).json == []

    play(scenario)


def test_the_end_of_the_wait_repeats_the_current_answer(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        await here.put("/v1/catalog/register", instance(1))
        known = await here.get(WEB)
        got = await here.get(f"{WEB}?index={known.index}&wait=20ms")
        assert (got.status, got.body, got.index) == (200, known.body, known.index)
        assert here.app.watchers.parked == 0

    play(scenario)


def test_a_client_that_goes_away_frees_its_place(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store, max_waiters="2")
        first, one = await parked(here, f"{WEB}?index=1")
        _, two = await parked(here, f"{WEB}?index=1&passing", count=2)
        refused = await here.get(f"{WEB}?index=1")
        assert (refused.status, refused.headers[b"retry-after"]) == (429, b"1")
        assert (await here.get(WEB)).status == 200
        first.leave()
        await until(one.done)
        assert here.app.watchers.parked == 1
        _, three = await parked(here, f"{WEB}?index=1", count=2)
        await here.put("/v1/catalog/register", instance(1))
        assert [len((await task).json) for task in (two, three)] == [1, 1]

    play(scenario)


def test_an_answer_too_large_for_the_cache_is_waited_for_like_any_other(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store, answer_cache_bytes="1MiB")
        for number in range(1, 5):
            meta = {f"k{key}": "x" * 500 for key in range(60)}
            await here.put("/v1/catalog/register", instance(number, Meta=meta, Tags=["y" * 200] * 60))
        known = await here.get(WEB)
        assert len(known.body) > (1 << 20) // 8
        assert not here.app.answers.answers
        _, task = await parked(here, f"{WEB}?index={known.index}")
        await here.put("/v1/catalog/register", instance(1))
        assert (await task).index > known.index
        again = await here.get(f"{WEB}?index={here.replica.catalog.index}&wait=20ms")
        assert (again.status, again.index) == (200, here.replica.catalog.index)

    play(scenario)


def test_draining_answers_who_is_parked_and_who_comes_later(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        _, task = await parked(here, f"{WEB}?index=1")
        await here.app.watchers.drain()
        assert (await task).json == []
        assert (await here.get(f"{WEB}?index=1")).json == []

    play(scenario)


def test_a_new_catalog_answers_everybody(play: Play) -> None:
    async def scenario(store: DirectStore) -> None:
        here = await site(store)
        await here.put("/v1/catalog/register", instance(1))
        known = await here.get(WEB)
        _, task = await parked(here, f"{WEB}?index={known.index}")
        here.app.changed(None)
        got = await task
        assert (got.body, got.index) == (known.body, known.index)

    play(scenario)


def test_an_answer_that_fails_at_the_end_of_the_wait_is_an_error_and_no_silence(play: Play) -> None:
    broken: list[bool] = []

    def handler(_: Read[World]) -> Result:
        if broken:
            raise RuntimeError("out of order")
        return Result(b"[]", (topics.SERVICES,))

    route = ReadRoute(path="/v1/fragile", handler=handler, summary="", meta=True, blocking=True)

    async def scenario(store: DirectStore) -> None:
        here = Site(store, asyncio.get_running_loop(), routes=[route])
        _, task = await parked(here, "/v1/fragile?index=1&wait=20ms")
        broken.append(True)
        here.app.answers.clear()
        got = await task
        assert got.status == 500
        assert b"out of order" not in got.body
        assert here.app.watchers.parked == 0

    play(scenario)
