"""Bodies that a handler has no use for: taken in before the answer, so that the connection stays whole."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from model.site import DirectStore, Got, Request, Site

LENGTH = b"content-length"


def ask(tmp_path: Path, play: Callable[[Site], Awaitable[None]]) -> None:
    """Run a scenario on a fresh application."""

    async def run() -> None:
        store = DirectStore(tmp_path)
        await play(Site(store, asyncio.get_running_loop(), max_body_bytes="1KiB"))
        store.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("/v1/agent/check/pass/none", 500),
        ("/v1/agent/service/deregister/", 500),
        ("/health", 405),
        ("/v1/nothing", 404),
        ("/v1/kv/../agent/self", 301),
    ],
)
@pytest.mark.parametrize("header", [(LENGTH, b"2"), (b"transfer-encoding", b"chunked")])
def test_a_body_that_is_announced_is_taken_in(
    tmp_path: Path, asked: str, status: int, header: tuple[bytes, bytes]
) -> None:
    async def play(site: Site) -> None:
        request = Request("PUT", asked, b"{}", (header,))
        got = await site.request(request)
        assert got.status == status
        assert request.received == 1

    ask(tmp_path, play)


def test_without_one_nothing_is_waited_for(tmp_path: Path) -> None:
    async def play(site: Site) -> None:
        for headers in ((), ((LENGTH, b"0"),)):
            request = Request("PUT", "/v1/agent/check/pass/none", headers=headers)
            await site.request(request)
            assert request.received == 0

    ask(tmp_path, play)


def test_a_body_is_not_taken_in_twice(tmp_path: Path) -> None:
    async def play(site: Site) -> None:
        body = b'{"Node": "n", "Address": "10.0.0.1"}'
        request = Request("PUT", "/v1/catalog/register", body, ((LENGTH, b"%d" % len(body)),))
        assert (await site.request(request)).body == b"true"
        assert request.received == 1

    ask(tmp_path, play)


def test_one_that_is_too_large_is_left_where_it_is(tmp_path: Path) -> None:
    async def play(site: Site) -> None:
        request = Request("PUT", "/v1/agent/check/pass/none", b"x" * 5000, ((LENGTH, b"5000"),))
        got: Got = await site.request(request)
        assert got.status == 500
        assert request.received == 0

    ask(tmp_path, play)
