"""The time that a run may take, and what is added when this process itself was late."""

import asyncio
import time

import pytest

from probes.support import run
from registry.keeper.lag import Lag
from registry.keeper.probes import Tools
from registry.keeper.probes.deadline import Deadline


def test_blocks_share_one_deadline() -> None:
    async def main() -> str:
        deadline = Deadline(0.05, Lag())
        async with deadline:
            await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with deadline:
                    await asyncio.Event().wait()
        return deadline.remark

    assert run(main()) == ""


def test_what_ends_in_time_is_not_disturbed_afterwards() -> None:
    async def main() -> None:
        deadline = Deadline(0.02, Lag())
        async with deadline:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)

    run(main())


def test_a_cancellation_from_outside_is_no_timeout() -> None:
    async def main() -> None:
        async def wait() -> None:
            async with Deadline(10, Lag()):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_an_answer_that_came_while_the_loop_was_busy_is_in_time() -> None:
    """The loop is kept busy past the timeout, then what was waited for happens."""

    async def main() -> str:
        async with Tools() as tools:
            await asyncio.sleep(0.06)  # the ticker has to have begun
            answered = asyncio.Event()
            deadline = tools.deadline(0.2)
            async with deadline:
                time.sleep(0.6)
                asyncio.get_running_loop().call_later(0.01, answered.set)
                await answered.wait()
            return deadline.remark

    assert "the timeout was extended from 200ms to " in run(main())
