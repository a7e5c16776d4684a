"""Parks watchers at both servers, makes one write, and compares which of them wake."""

import time
from collections.abc import Callable

from harness.client import Reply, Watch

from differential.pair import WOKE_IN_VAIN, Both, Pair
from differential.side import Side

WAIT_MILLISECONDS = 600
# Nothing outside a server shows that a request is parked. A watcher that comes late sees the new index
# at once, as one that was woken does, except where the index rose without a wake-up.
SETTLE_SECONDS = 0.15


def watch_all(pair: Pair, targets: tuple[str, ...], write: Callable[[Pair], object]) -> None:
    """Compare for each target whether the write wakes a watcher, and what the target shows afterwards.

    Args:
        pair: both servers.
        targets: endpoints that block on an index, without `index` and `wait`.
        write: makes the change, at both.
    """
    before = {target: pair.get(target) for target in targets}
    watches = {
        target: (_park(pair.theirs, target, seen.theirs), _park(pair.ours, target, seen.ours))
        for target, seen in before.items()
    }
    time.sleep(SETTLE_SECONDS)
    write(pair)
    for target, (theirs, ours) in watches.items():
        replies = Both(theirs.result(), ours.result())
        seen = before[target]
        outcomes = _outcome(replies.theirs, seen.theirs), _outcome(replies.ours, seen.ours)
        pair.note_watcher(target, replies, outcomes)
    pair.read(*targets)


def _park(side: Side, target: str, seen: Reply) -> Watch:
    return side.client.watch(target, seen.index, f"{WAIT_MILLISECONDS}ms")


def _outcome(reply: Reply, seen: Reply) -> str:
    """Say what became of a watcher. No clock decides whether it woke: only its index does."""
    if reply.index > seen.index:
        return WOKE_IN_VAIN if reply.body == seen.body else "woke"
    if reply.index < seen.index:
        return "index fell"
    return "slept" if reply.seconds >= WAIT_MILLISECONDS / 1000 else "came back early"
