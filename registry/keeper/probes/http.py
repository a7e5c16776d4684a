"""HTTP checks: the answer's status code decides, its body is shown."""

import contextlib
import zlib

from registry.keeper.probes.deadline import Deadline
from registry.keeper.probes.definition import Definition, output_limit, timeout_s
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.http1 import Exchange
from registry.keeper.probes.http_request import HttpRequest, failing_to
from registry.keeper.probes.http_url import redacted
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.stream import Stream, open_stream
from registry.keeper.probes.tail import Tail
from registry.keeper.probes.target import join
from registry.keeper.probes.tls import Tls
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.wire.duration import SECOND

BODY_BYTES = 64 * 1024
"""Most that is read of a body, and most that becomes of it when it is compressed."""

BODY_PIECES = 1024
"""How many pieces it may come in, which are chunks or what one read gives."""

MAX_REQUESTS = 10
"""How many requests redirects may lead to in all, as in Go."""

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_TOO_MANY_REQUESTS = 429
_GZIP = 16 + zlib.MAX_WBITS


class HttpProbe:
    """Sends a request, and follows where it is redirected to if that is allowed.

    Raises:
        ProbeFailed: the definition's method, URL or headers can't be sent.
    """

    def __init__(self, definition: Definition, tools: Tools) -> None:
        self._request = HttpRequest.of_check(definition, keep=tools.options.max_kept_connections > 0)
        self.place = self._request.url.target.key
        self._shown = f"HTTP {self._request.method} {redacted(definition['HTTP'])}"
        self._timeout_s = timeout_s(definition)
        self._interval_s = int(definition.get("Interval", 0)) / SECOND
        self._limit = output_limit(definition, tools.options)
        self._follow = tools.options.follow_redirects and not definition.get("DisableRedirects")
        self._definition = definition
        self._tools = tools

    async def once(self) -> Outcome:
        """Ask once. The time for it ends the reading of a body too, but the status counts all the same."""
        stream = await self._kept_stream()
        if stream is not None:
            with contextlib.suppress(ProbeFailed):
                return await self._over(stream)
        deadline = self._tools.deadline(self._timeout_s)
        request = self._request
        try:
            for _ in range(MAX_REQUESTS):
                exchange = await self._ask(request, deadline)
                if not self._follow or exchange.status not in _REDIRECTS:
                    return await self._finish(request, exchange, deadline)
                with contextlib.closing(exchange):
                    request = _next(request, exchange)
            with failing_to(request.method, request.url.shown):
                raise ProbeFailed(f"stopped after {MAX_REQUESTS} redirects")
        except ProbeFailed as failure:
            return failed(failure)

    async def _kept_stream(self) -> Stream | None:
        """Return the connection of the last run, if it may be used for this one."""
        if not self._request.keep or not self._tools.kept.has(self):
            return None
        target = self._request.url.target
        try:
            async with self._tools.deadline(self._timeout_s):
                addresses = await self._tools.dialer.addresses(target, "tcp")
        except (TimeoutError, ProbeFailed):
            addresses = []
        return await self._tools.kept.take(self, {join(address.text, target.port) for address in addresses})

    async def _over(self, stream: Stream) -> Outcome:
        """Ask over a kept connection.

        Raises:
            ProbeFailed: there was no answer, for which the connection may be to blame.
        """
        deadline = self._tools.deadline(self._timeout_s)
        try:
            async with deadline:
                exchange = await _head(stream, self._request)
        except TimeoutError:
            raise ProbeFailed("no answer over a kept connection") from None
        if self._follow and exchange.status in _REDIRECTS:
            exchange.close()
            raise ProbeFailed("redirects are followed from the beginning")
        return await self._finish(self._request, exchange, deadline)

    async def _ask(self, request: HttpRequest, deadline: Deadline) -> Exchange:
        """Send a request and return the exchange, the caller's to close, when the answer's head is there."""
        with failing_to(request.method, request.url.shown):
            try:
                async with deadline:
                    stream = await open_stream(self._tools.dialer, request.url.target, self._tls(request))
                    return await _head(stream, request)
            except TimeoutError:
                raise ProbeFailed(
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                    f"{deadline.remark}"
                ) from None

    async def _finish(self, request: HttpRequest, exchange: Exchange, deadline: Deadline) -> Outcome:
        """Read the answer's body, judge it, and close the connection or keep it for the next run."""
        try:
            outcome = await self._judge(request, exchange, deadline)
        except BaseException:
            exchange.close()
            raise
        if request.keep and exchange.complete:
            self._tools.kept.keep(self, self.place, exchange.stream, self._interval_s)
        else:
            exchange.close()
        return outcome

    def _tls(self, request: HttpRequest) -> Tls | None:
        return self._tools.tls.for_check(self._definition, "http/1.1") if request.url.secure else None

    async def _judge(self, request: HttpRequest, exchange: Exchange, deadline: Deadline) -> Outcome:
        body = Tail(self._limit)
        with contextlib.suppress(TimeoutError, ProbeFailed, zlib.error):
            async with deadline:
                compressed = request.wants_gzip and exchange.header("content-encoding").lower() == "gzip"
                await _read(exchange, body, compressed)
        if 200 <= exchange.status <= 299:
            status = PASSING
        else:
            status = WARNING if exchange.status == _TOO_MANY_REQUESTS else CRITICAL
        return Outcome(status, f"{self._shown}: {exchange.status_text} Output: {body.kept}")


async def _head(stream: Stream, request: HttpRequest) -> Exchange:
    """Send a request over a connection, which is closed unless the head of an answer comes."""
    with contextlib.ExitStack() as unless_answered:
        unless_answered.push(stream)
        exchange = Exchange(stream, request)
        await exchange.head()
        unless_answered.pop_all()
    return exchange


def _next(request: HttpRequest, exchange: Exchange) -> HttpRequest:
    location = exchange.header("location")
    if not location:
        with failing_to(request.method, request.url.shown):
            raise ProbeFailed(f"{exchange.status} response missing Location header")
    return request.redirected(exchange.status, location)


async def _read(exchange: Exchange, body: Tail, compressed: bool) -> None:
    """Read the body, up to `BODY_BYTES` of it before and after it is decompressed."""
    inflate = zlib.decompressobj(_GZIP) if compressed else None
    received, made = 0, 0
    for _ in range(BODY_PIECES):
        data = await exchange.more()
        data = data[: BODY_BYTES - received]
        received += len(data)
        if inflate is not None:
            data = inflate.decompress(data, BODY_BYTES - made)
        body.add(data)
        made += len(data)
        if not data or received >= BODY_BYTES or made >= BODY_BYTES:
            return
