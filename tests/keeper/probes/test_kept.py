"""Connections that HTTPS checks keep: used again when all is well, and no reason to fail when it is not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from probes.certificates import Authority
from probes.support import OK, Behaviour, Target, hang, open_sockets, read_head, run, target
from probes.test_row_14_addresses import LINK_LOCAL, METADATA, StandInForDns
from registry.keeper.probes import AddressPolicy, Options, Outcome, Tools, prober
from registry.keeper.probes.dialer import Dialer

CHECK = {"TLSSkipVerify": True, "Interval": 10**9, "Timeout": 10**9}
Runs = Callable[[Target, Tools], Awaitable[Any]]
CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def answering(*answers: bytes | Behaviour, heads: list[bytes] | None = None) -> Behaviour:
    """Serve requests on a connection, with these answers in turn and the last of them from then on.

    Something else than bytes is done instead, and ends the connection.
    """

    async def behave(reader: Any, writer: Any) -> None:
        for number in range(1000):
            head = await read_head(reader)
            if heads is not None:
                heads.append(head)
            now = answers[min(number, len(answers) - 1)]
            if callable(now):
                await now(reader, writer)
                return
            writer.write(now)

    return behave


def serve(authority: Authority, behave: Behaviour, runs: Runs, **options: Any) -> tuple[Any, int]:
    """Run something against a target with TLS, and return what it returns and how many connections came."""

    async def main() -> tuple[Any, int]:
        context = authority.server("IP:127.0.0.1")
        async with target(behave, context) as server, Tools(Options(**options)) as tools:
            found = await runs(server, tools)
            return found, server.connections

    return run(main())


def times(count: int, **check: Any) -> Runs:
    """Run one check so many times and return the statuses."""

    async def runs(server: Target, tools: Tools) -> list[str]:
        one = prober({"HTTP": f"https://127.0.0.1:{server.port}/", **CHECK, **check}, tools)
        return [(await one.run()).status for _ in range(count)]

    return runs


def test_a_connection_is_used_again_and_nothing_else_is_asked(authority: Authority) -> None:
    heads: list[bytes] = []

    found = serve(authority, answering(OK, heads=heads), times(3))

    assert found == (["passing"] * 3, 1)
    assert len(set(heads)) == 1
    assert b"connection" not in heads[0].lower()


@pytest.mark.parametrize(
    "check",
    [{"Method": "POST"}, {"Method": "PUT"}, {"Body": "b"}, {"Interval": 60 * 10**9}],
    ids=["post", "put", "body", "interval of a minute"],
)
def test_what_must_not_be_sent_twice_and_what_would_not_live_is_not_kept(
    authority: Authority, check: dict[str, Any]
) -> None:
    async def behave(reader: Any, writer: Any) -> None:
        assert await reader.read(65536)
        writer.write(OK)

    assert serve(authority, behave, times(2, **check)) == (["passing"] * 2, 2)


def test_none_is_kept_without_tls_or_when_the_target_says_so(authority: Authority) -> None:
    async def plain() -> int:
        async with target(answering(OK)) as server, Tools() as tools:
            one = prober({"HTTP": f"http://127.0.0.1:{server.port}/", **CHECK}, tools)
            for _ in range(2):
                assert (await one.run()).status == "passing"
            return server.connections

    assert run(plain()) == 2
    assert serve(authority, answering(CLOSE), times(2)) == (["passing"] * 2, 2)
    assert serve(authority, answering(OK), times(2), max_kept_connections=0) == (["passing"] * 2, 2)


@pytest.mark.parametrize("then", ["closed", "hangs", "nonsense", "cut off"])
def test_a_kept_connection_that_has_died_is_no_failure(authority: Authority, then: str) -> None:
    async def close(reader: Any, writer: Any) -> None:
        """End the connection once the next request is there."""

    ways: dict[str, bytes | Behaviour] = {
        "closed": close,
        "hangs": hang,
        "nonsense": b"SSH-2.0\r\n\r\n",
        "cut off": b"HTTP/1.1 200 OK\r\nConte",
    }
    check = times(2, Timeout=300_000_000)

    statuses, connections = serve(authority, answering(OK, ways[then], hang), check)

    assert statuses == ["passing"] * 2
    assert connections == 2


def test_one_that_the_target_closed_meanwhile_is_not_tried(authority: Authority) -> None:
    heads: list[bytes] = []

    async def once(reader: Any, writer: Any) -> None:
        heads.append(await read_head(reader))
        writer.write(OK)

    async def runs(server: Target, tools: Tools) -> list[str]:
        one = prober({"HTTP": f"https://127.0.0.1:{server.port}/", **CHECK}, tools)
        statuses = []
        for _ in range(2):
            statuses.append((await one.run()).status)
            while tools.kept.count:
                await asyncio.sleep(0)
        return statuses

    assert serve(authority, once, runs) == (["passing"] * 2, 2)
    assert len(heads) == 2


def test_an_answer_that_nobody_asked_for_is_nobody_s_answer(authority: Authority) -> None:
    refusal = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"

    async def runs(server: Target, tools: Tools) -> tuple[str, int, str]:
        one = prober({"HTTP": f"https://127.0.0.1:{server.port}/", **CHECK}, tools)
        first = (await one.run()).status
        while tools.kept.count:
            await asyncio.sleep(0)
        return first, tools.kept.count, (await one.run()).status

    (first, kept, second), connections = serve(authority, answering(OK + refusal), runs)

    assert (first, kept, second, connections) == ("passing", 0, "passing", 2)


def test_a_failure_of_the_target_itself_is_one(authority: Authority) -> None:
    refusal = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"

    found = serve(authority, answering(OK, refusal), times(3))

    assert found == (["passing", "critical", "critical"], 1)


def test_row_14_a_kept_connection_is_not_used_when_the_name_has_moved(authority: Authority) -> None:
    async def main() -> tuple[list[Outcome], int]:
        dns = StandInForDns(moving=[["127.0.0.1"], ["127.0.0.1"], [METADATA]])
        context = authority.server("DNS:moving")
        async with target(answering(OK), context) as server, Tools() as tools:
            tools.dialer = Dialer(dns, AddressPolicy())
            one = prober({"HTTP": f"https://moving:{server.port}/", **CHECK}, tools)
            return [await one.run() for _ in range(3)], server.connections

    outcomes, connections = run(main())

    assert [outcome.status for outcome in outcomes] == ["passing", "passing", "critical"]
    assert LINK_LOCAL in outcomes[2].output
    assert connections == 1


def test_row_18_a_kept_connection_belongs_to_one_check(authority: Authority) -> None:
    async def runs(server: Target, tools: Tools) -> int:
        url = f"https://127.0.0.1:{server.port}/"
        checks = [prober({"HTTP": url, **CHECK, "Header": {"Authorization": [who]}}, tools) for who in "ab"]
        for one in checks * 2:
            assert (await one.run()).status == "passing"
        return tools.kept.count

    assert serve(authority, answering(OK), runs) == (2, 2)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [({"max_kept_connections": 3}, 3), ({"max_probes_per_target": 2}, 2)],
    ids=["in all", "for a target"],
)
def test_row_19_kept_connections_are_limited(authority: Authority, limit: dict[str, int], kept: int) -> None:
    async def runs(server: Target, tools: Tools) -> tuple[int, int]:
        url = f"https://127.0.0.1:{server.port}/"
        checks = [prober({"HTTP": f"{url}{number}", **CHECK}, tools) for number in range(8)]
        for _ in range(2):
            assert {outcome.status for outcome in await asyncio.gather(*(c.run() for c in checks))} == {
                "passing"
            }
        while server.open > tools.kept.count:
            await asyncio.sleep(0)
        return tools.kept.count, server.open

    assert serve(authority, answering(OK), runs, **limit)[0] == (kept, kept)


def test_nothing_is_left_open_in_the_end(authority: Authority) -> None:
    before = open_sockets()

    serve(authority, answering(OK), times(2))

    assert open_sockets() == before
