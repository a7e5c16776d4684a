"""Row 19: probes at the same time are limited, in all and for each target."""

import asyncio
from typing import Any

from probes.support import OK, TIMEOUT, hang, probe, read_head, run, target
from registry.keeper.probes import Options, Outcome, Tools, prober
from registry.keeper.probes.budget import Budgets


class Gate:
    """A target that answers nobody until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self.opened = asyncio.Event()

    async def __call__(self, reader: Any, writer: Any) -> None:
        await read_head(reader)
        self.waiting += 1
        await self.opened.wait()
        writer.write(OK)

    async def until(self, waiting: int) -> None:
        while self.waiting < waiting:
            await asyncio.sleep(0)


class Count(asyncio.Protocol):
    """Counts the connections made to a server, and those that are open."""

    made = open = peak = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Count.made += 1
        Count.open += 1
        Count.peak = max(Count.peak, Count.open)

    def connection_lost(self, exc: Exception | None) -> None:
        Count.open -= 1


def test_row_19_ten_thousand_checks_of_one_target() -> None:
    budget, checks = 64, 10_000

    async def main() -> list[Outcome]:
        server = await asyncio.get_running_loop().create_server(Count, "127.0.0.1", 0, backlog=1024)
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, Tools(Options(max_probes_per_target=budget)) as tools:
            outcomes = await asyncio.gather(*(prober({"TCP": place}, tools).run() for _ in range(checks)))
            while Count.made < checks or Count.open:
                await asyncio.sleep(0)
            return outcomes

    assert {outcome.status for outcome in run(main())} == {"passing"}
    assert Count.made == checks
    assert Count.peak <= 2 * budget, "those that are being closed, and those that came in their place"


def test_row_19_no_more_than_the_budget_of_a_target_at_once() -> None:
    budget = 7

    async def main() -> tuple[int, int, list[Outcome]]:
        gate = Gate()
        async with target(gate) as server, Tools(Options(max_probes_per_target=budget)) as tools:
            url = f"http://127.0.0.1:{server.port}/"
            runs = [asyncio.create_task(prober({"HTTP": url + str(n)}, tools).run()) for n in range(200)]
            await gate.until(budget)
            for _ in range(100):
                await asyncio.sleep(0)
            held = server.connections
            gate.opened.set()
            outcomes = await asyncio.gather(*runs)
            return held, server.peak, outcomes

    held, peak, outcomes = run(main())
    assert held == budget
    assert peak <= 2 * budget, "those that are being closed, and those that came in their place"
    assert [outcome.status for outcome in outcomes] == ["passing"] * 200


def test_row_19_no_more_than_the_budget_in_all() -> None:
    async def main() -> tuple[int, set[str]]:
        gate = Gate()
        async with target(gate) as one, target(gate) as other, Tools(Options(max_probes=5)) as tools:
            runs = [
                asyncio.create_task(prober({"HTTP": f"http://127.0.0.1:{port}/"}, tools).run())
                for port in (one.port, other.port) * 10
            ]
            await gate.until(5)
            for _ in range(100):
                await asyncio.sleep(0)
            held = one.connections + other.connections
            gate.opened.set()
            return held, {outcome.status for outcome in await asyncio.gather(*runs)}

    assert run(main()) == (5, {"passing"})


def test_row_19_a_target_that_hangs_does_not_hold_up_others() -> None:
    async def main() -> Outcome:
        async with (
            target(hang) as stuck,
            target(Gate()) as gate,
            Tools(Options(max_probes=4, max_probes_per_target=2)) as tools,
        ):
            runs = [
                asyncio.create_task(prober({"HTTP": f"http://127.0.0.1:{stuck.port}/"}, tools).run())
                for _ in range(50)
            ]
            while stuck.connections < 2:
                await asyncio.sleep(0)
            found = await prober({"TCP": f"127.0.0.1:{gate.port}"}, tools).run()
            for task in runs:
                task.cancel()
            await asyncio.wait(runs)
            return found

    assert run(main()).status == "passing"


def test_row_19_waiting_does_not_count_against_the_timeout_and_is_reported() -> None:
    async def main() -> list[Outcome]:
        async with target(hang) as server, Tools(Options(max_probes_per_target=1)) as tools:
            url = f"http://127.0.0.1:{server.port}/"
            check = prober({"HTTP": url, "Timeout": TIMEOUT}, tools)
            return list(await asyncio.gather(check.run(), check.run()))

    first, second = run(main())
    assert first.output == second.output
    assert first.waited_s < second.waited_s
    assert second.waited_s > 0.9 * TIMEOUT / 1e9
    assert second.took_s > 0.9 * TIMEOUT / 1e9


def test_a_place_is_given_back_when_its_holder_or_a_waiter_is_cancelled() -> None:
    async def main() -> None:
        budgets = Budgets(1, 1)
        held = asyncio.Event()

        async def hold() -> None:
            async with budgets.place("x"):
                held.set()
                await asyncio.Event().wait()

        holder, waiter = asyncio.create_task(hold()), asyncio.create_task(hold())
        await held.wait()
        waiter.cancel()
        await asyncio.wait([waiter])
        holder.cancel()
        await asyncio.wait([holder])
        async with asyncio.timeout(5), budgets.place("x") as waited_s:
            assert waited_s >= 0

    run(main())


def test_outcomes_are_the_same_whatever_their_times() -> None:
    assert Outcome("passing", "x", waited_s=1, took_s=2) == Outcome("passing", "x")
    assert run(probe({"TCP": "127.0.0.1"})).waited_s == 0
