"""Parks watchers at both servers, makes one write, and compares which of them wake.

Whether a watcher sleeps is not told by the clock of its own wait, which is far longer than the test: once
everything that has to wake has woken, what is still parked sleeps, and is given up. A slow machine can
only make a watcher that wakes in vain look like one that sleeps, never the other way round.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from harness.client import Reply, Watch

from differential.pair import WOKE_IN_VAIN, Both, Pair
from differential.side import Side

WAIT = "60s"
# Nothing outside a server shows that a request is parked. A watcher that comes late sees the new index
# at once, as one that was woken does.
SETTLE_SECONDS = 0.15
# For a watcher whose answer has changed. Only a server that does not wake it needs so long.
WAKE_SECONDS = 5.0
# For a watcher that need not wake, after those that have to have woken.
GRACE_SECONDS = 0.25


def watch_all(pair: Pair, targets: tuple[str, ...], write: Callable[[Pair], object]) -> None:
    """Compare for each target whether the write wakes a watcher, and what the target shows afterwards.

    Args:
        pair: both servers.
        targets: endpoints that block on an index, without `index` and `wait`.
        write: makes the change, at both.
    """
    before = {target: pair.get(target) for target in targets}
    watchers = [
        {target: side.client.watch(target, seen[number].index, WAIT) for target, seen in before.items()}
        for number, side in enumerate((pair.theirs, pair.ours))
    ]
    for watches in watchers:
        for watch in watches.values():
            watch.sent.wait()
    time.sleep(SETTLE_SECONDS)
    write(pair)
    with ThreadPoolExecutor(2) as judges:
        theirs, ours = (
            judges.submit(_outcomes, side, watches, {target: seen[number] for target, seen in before.items()})
            for number, (side, watches) in enumerate(zip((pair.theirs, pair.ours), watchers, strict=True))
        )
    for target, seen in before.items():
        (their_outcome, their_reply), (our_outcome, our_reply) = (
            theirs.result()[target],
            ours.result()[target],
        )
        replies = Both(their_reply or seen.theirs, our_reply or seen.ours)
        pair.note_watcher(target, replies, (their_outcome, our_outcome))
    pair.read(*targets)


def _outcomes(
    side: Side, watches: dict[str, Watch], before: dict[str, Reply]
) -> dict[str, tuple[str, Reply | None]]:
    """Say what became of each watcher of one side, with the answer of those that got one."""
    deadline = time.monotonic() + WAKE_SECONDS
    bodies = {target: side.see(target, seen).body for target, seen in before.items()}
    changed = {
        target for target in watches if side.see(target, side.client.get(target)).body != bodies[target]
    }
    for target in changed:
        watches[target].wait(max(0.0, deadline - time.monotonic()))
    time.sleep(GRACE_SECONDS)
    found: dict[str, tuple[str, Reply | None]] = {}
    for target, watch in watches.items():
        if watch.done:
            reply = watch.result()
            same = side.see(target, reply).body == bodies[target]
            found[target] = _woke(reply.index - before[target].index, same), reply
        else:
            watch.cancel()
            found[target] = "overslept" if target in changed else "slept", None
    return found


def _woke(step: int, same: bool) -> str:
    """Say how a watcher woke: by how much the index rose, and whether to the same answer."""
    if step <= 0:
        return "index fell" if step else "came back early"
    return WOKE_IN_VAIN if same else "woke"
