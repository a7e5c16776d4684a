"""Looking up names."""

import asyncio
import socket
import threading

import pytest

from probes.support import run
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.resolver import MAX_THREADS, Address, Resolver, parse_address

LOOPBACK = Address(socket.AF_INET, "127.0.0.1", 0)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "resolver"}


def test_names_and_addresses() -> None:
    async def main() -> None:
        resolver, before = Resolver(), threads()
        assert await resolver.lookup("127.0.0.1") == (LOOPBACK,)
        assert await resolver.lookup("::ffff:127.0.0.1") == (LOOPBACK,)
        assert LOOPBACK in await resolver.lookup("")
        assert threads() == before, "an address needs no thread"
        assert LOOPBACK in await resolver.lookup("localhost")
        assert LOOPBACK in await resolver.lookup("LocalHost")
        resolver.close()

    run(main())


@pytest.mark.parametrize(
    "host", ["nope.invalid", "a..b", "x" * 70 + ".example", "a\0b", "\ud800.example", "127.1"]
)
def test_names_that_do_not_exist(host: str) -> None:
    async def main() -> None:
        resolver = Resolver()
        with pytest.raises(ProbeFailed, match=r"^lookup .*: no such host$"):
            await resolver.lookup(host)
        resolver.close()

    run(main())


def test_one_name_asked_for_by_many_is_one_lookup_and_many_names_few_threads() -> None:
    async def main() -> tuple[int, int]:
        resolver, before = Resolver(), threads()
        same = await asyncio.gather(*(resolver.lookup("localhost") for _ in range(1000)))
        assert len(set(same)) == 1
        one = len(threads() - before)
        names = (f"x{n}..invalid" for n in range(500))  # which no name server is asked for
        await asyncio.gather(*map(resolver.lookup, names), return_exceptions=True)
        many = len(threads() - before)
        resolver.close()
        return one, many

    one, many = run(main())
    assert one == 1
    assert many == MAX_THREADS


def test_threads_end_with_the_resolver_and_do_not_keep_the_process() -> None:
    async def main() -> list[threading.Thread]:
        resolver, before = Resolver(), threads()
        await resolver.lookup("localhost")
        mine = list(threads() - before)
        assert mine
        assert all(thread.daemon for thread in mine)
        resolver.close()
        return mine

    for thread in run(main()):
        thread.join(10)
        assert not thread.is_alive()


def test_a_lookup_is_given_up_by_one_and_not_by_others() -> None:
    async def main() -> None:
        resolver = Resolver()
        first = asyncio.create_task(resolver.lookup("localhost"))
        second = asyncio.create_task(resolver.lookup("localhost"))
        await asyncio.sleep(0)
        first.cancel()
        assert LOOPBACK in await second
        resolver.close()

    run(main())


def test_zones() -> None:
    assert parse_address("fe80::1%lo") == Address(socket.AF_INET6, "fe80::1", socket.if_nametoindex("lo"))
    assert parse_address("fe80::1%7") == Address(socket.AF_INET6, "fe80::1", 7)
    assert parse_address("fe80::1%no-such") is None
    assert parse_address("127.0.0.1%lo") is None
    assert Address(socket.AF_INET6, "fe80::1", 7).at(80) == ("fe80::1", 80, 0, 7)
