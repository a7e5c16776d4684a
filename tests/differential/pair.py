"""Sends each request to both servers and gathers every difference that no rule explains."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from harness.client import Reply
from harness.compare import Gap, compare

from differential.patterns import Names, Order
from differential.side import Seen, Side

INDEX_HEADER = "x-consul-index"
HASH_HEADER = "x-consul-contenthash"
REPORTED = 40
WOKE_IN_VAIN = "woke to the same answer"


class Both(NamedTuple):
    """The two answers to one request."""

    theirs: Reply
    ours: Reply


@dataclass(frozen=True)
class Exchange:
    """One request with both answers, and what came before it in the sequence.

    Attributes:
        number: counted from 1 in the sequence.
        method: of the request, or WATCH for what became of a blocking query.
        target: of the request, or what it is called where the two targets differ.
        body: of the request.
        replies: the answers as they came.
        theirs: the comparable form of the reference's answer.
        ours: the comparable form of our answer.
        previous: the previous exchange of the same request.
        writes: targets of the writes since then, or since the beginning.
    """

    number: int
    method: str
    target: str
    body: object
    replies: Both
    theirs: Seen
    ours: Seen
    previous: "Exchange | None"
    writes: tuple[str, ...]

    def __str__(self) -> str:
        shown = "" if self.body is None else f" {self.body!r}"
        return f"[{self.number}] {self.method} {self.target}{shown[:300]}"

    @property
    def path(self) -> str:
        """The target without its query string."""
        return self.target.partition("?")[0]

    @property
    def their_body_moved(self) -> bool:
        """Whether the reference's body is another one than at the previous exchange."""
        return self.previous is None or self.previous.theirs.body != self.theirs.body

    @property
    def our_body_moved(self) -> bool:
        """Whether our body is another one than at the previous exchange."""
        return self.previous is None or self.previous.ours.body != self.ours.body


@dataclass(frozen=True)
class Difference:
    """One place of one exchange in which the answers differ."""

    exchange: Exchange
    where: str
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        sides = f"theirs: {self.theirs!r:.600}", f"ours:   {self.ours!r:.600}"
        return "\n        ".join((f"{self.exchange}\n      {self.where}", *sides))


class Judge(Protocol):
    """Decides which differences are known."""

    def explains(self, difference: Difference) -> bool:
        """Say whether the difference is a known one."""


class Pair:
    """Two servers that are given the same requests, one after the other."""

    def __init__(self, theirs: Side, ours: Side, judge: Judge) -> None:
        """Empty both servers and begin a sequence."""
        self.theirs, self.ours = theirs, ours
        self.differences: list[Difference] = []
        self._judge = judge
        self._count = 0
        self._order = Order()
        self._hashes = Names()
        self._latest: dict[tuple[str, str], Exchange] = {}
        self._writes: list[str] = []
        self._writes_seen: dict[tuple[str, str], int] = {}
        for side in (theirs, ours):
            side.empty()

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Both:
        """Send a GET to both and compare."""
        return self.request("GET", target, headers=headers)

    def put(self, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Both:
        """Send a PUT to both and compare."""
        return self.request("PUT", target, body, headers)

    def read(self, *targets: str) -> None:
        """Send a GET for each target to both and compare."""
        for target in targets:
            self.get(target)

    def request(
        self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Both:
        """Send one request to both and compare the answers."""
        return self.each(method, target, (target, target), body, headers)

    def each(
        self,
        method: str,
        label: str,
        targets: tuple[str, str],
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Both:
        """Send a request whose target differs between the two, such as one with an index of theirs.

        Args:
            method: of the request.
            label: what the request is called in reports.
            targets: the target for the reference, and for ours.
            body: the same for both.
            headers: the same for both.
        """
        if method != "GET":
            self._order.new_step(agent="/v1/agent/" in label)
            self._writes.append(label)
        replies = Both(
            self.theirs.ask(method, targets[0], body, headers),
            self.ours.ask(method, targets[1], body, headers),
        )
        self.note(method, label, body, replies)
        return replies

    def note(self, method: str, label: str, body: object, replies: Both) -> None:
        """Compare two answers that were already received."""
        exchange = self._exchange(method, label, body, replies, self._latest.get((method, label)))
        self._latest[method, label] = exchange
        for gap in self._gaps(exchange):
            self._judge_gap(exchange, gap)

    def note_watcher(self, target: str, replies: Both, outcomes: tuple[str, str]) -> None:
        """Compare what became of a watcher of each, whose last answer before was the latest GET's.

        Ours must not wake to the answer that it had, whatever a Consul did.
        """
        exchange = self._exchange("WATCH", target, None, replies, self._latest["GET", target])
        in_vain = not self.ours.is_consul and outcomes[1] == WOKE_IN_VAIN
        if outcomes[0] != outcomes[1] or in_vain:
            self._judge_gap(exchange, Gap("watcher", *outcomes))

    def report(self) -> str:
        """List the differences that no rule explains; empty if there are none."""
        shown = [f"  {difference}" for difference in self.differences[:REPORTED]]
        more = len(self.differences) - len(shown)
        if more:
            shown.append(f"  ... and {more} more")
        return "\n".join((f"{len(self.differences)} differences", *shown)) if shown else ""

    def _exchange(
        self, method: str, label: str, body: object, replies: Both, previous: Exchange | None
    ) -> Exchange:
        self._count += 1
        seen = self.theirs.see(label, replies.theirs), self.ours.see(label, replies.ours)
        since = self._writes_seen.get((method, label), 0)
        self._writes_seen[method, label] = len(self._writes)
        writes = tuple(self._writes[since:])
        return Exchange(self._count, method, label, body, replies, *seen, previous, writes)

    def _judge_gap(self, exchange: Exchange, gap: Gap) -> None:
        difference = Difference(exchange, gap.where, gap.theirs, gap.ours)
        if not self._judge.explains(difference):
            self.differences.append(difference)

    def _gaps(self, exchange: Exchange) -> Iterator[Gap]:
        theirs, ours = exchange.theirs, exchange.ours
        if theirs.status != ours.status:
            yield Gap("status", theirs.status, ours.status)
        for name in sorted(theirs.headers.keys() | ours.headers.keys()):
            yield from self._header_gaps(exchange, name)
        if theirs.layout != ours.layout:
            yield Gap("layout of the body", theirs.layout, ours.layout)
        judges = {
            "CreateIndex": self._order.judge,
            "ModifyIndex": self._order.judge,
            "ContentHash": self._hashes.judge,
        }
        yield from compare(theirs.body, ours.body, judges, self.theirs.is_own)

    def _header_gaps(self, exchange: Exchange, name: str) -> Iterator[Gap]:
        left, right = exchange.theirs.headers.get(name), exchange.ours.headers.get(name)
        where = f"header {name}"
        if left is None or right is None:
            yield Gap(where, left, right)
        elif name == HASH_HEADER:
            gap = self._hashes.judge(where, left, right)
            if gap:
                yield gap
        elif name == INDEX_HEADER:
            moves = [_move(exchange, side) for side in (0, 1)]
            if moves[0] != moves[1]:
                yield Gap(where, *moves)
        elif left != right:
            yield Gap(where, left, right)


def _move(exchange: Exchange, side: int) -> str:
    """Say how the index moved since the previous exchange of the same request."""
    now = exchange.replies[side].index
    if now < 1:
        return f"is {now}"
    if exchange.previous is None or INDEX_HEADER not in exchange.previous.replies[side].headers:
        return "is there"
    before = exchange.previous.replies[side].index
    return "stood still" if now == before else "rose" if now > before else "fell"
