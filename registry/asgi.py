"""The ASGI application: one request in, one answer out.

The path of a cached lookup stands first and does only what every request needs: check the store's
counter, look the raw request up, glance at the headers, send. It allocates the response's header list
and its request id, nothing else. Everything unusual goes to `_handle`, which parses.
"""

import asyncio
import html
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from registry.api.world import World
from registry.catalog.topics import FLOOR
from registry.config import Settings
from registry.http.answer import Answer
from registry.http.blocking import Watchers
from registry.http.body import Body
from registry.http.cache import AnswerCache, Key
from registry.http.errors import ClientGone, HttpError, NoEndpoint, SlowClient
from registry.http.host import HostPolicy
from registry.http.options import check_tenancy
from registry.http.query import clean_path, decode_path, parse_query
from registry.http.reads import TEXT_MARK, Plan, Reads
from registry.http.request import Request, Response
from registry.http.routing import Found, ReadRoute, Router, WriteRoute
from registry.http.sending import REQUEST_ID, Send, Sender
from registry.store.errors import StoreError

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

HTML = (b"content-type", b"text/html; charset=utf-8")

_UNUSUAL = frozenset(
    (b"if-none-match", b"accept", b"cache-control", b"x-consul-namespace", b"x-consul-partition")
)
"""Headers that can change what a read means; a request with one of them is parsed."""

_KEEPS_CONNECTION = frozenset((301, 404, 405))
"""Refusals after which a client goes on: the body that came with the request is taken in first."""


class App:
    """The application of one worker.

    Args:
        world: what handlers work on.
        router: all routes.
        settings: limits and names.
        read_counter: the store's counter, as cheap as it gets.
        loop: the loop that runs the application.

    Attributes:
        watchers: the parked requests.
        answers: the answer cache.
    """

    def __init__(
        self,
        world: World,
        router: Router,
        settings: Settings,
        read_counter: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._world = world
        self._router = router
        self._settings = settings
        self._read_counter = read_counter
        self._replica = world.replica
        self._replica.on_refresh(self.refreshed)
        self.answers = AnswerCache(settings.answer_cache_bytes)
        self._cached = self.answers.answers
        self._reads = Reads(world, self.answers)
        self.watchers = Watchers(self._reads.answer, settings.max_waiters, loop)
        self._loop = loop
        names = (settings.node_name, *settings.allowed_hosts)
        self._hosts = HostPolicy(settings.http_addr.host, names)
        self._host_verdicts = self._hosts.memo
        self._sender = Sender(self.answers, settings.write_timeout, loop)
        self._accepts_gzip = self._sender.accepts_gzip
        self._request_id = self._sender.request_id
        self._fresh_ids = self._sender.fresh_ids

    def changed(self, topics: set[str] | None) -> None:
        """Drop the answers made from these topics and look after their waiters; None for all."""
        if topics is None or FLOOR in topics:
            # Whoever asks again must not be shown less than another worker has shown already.
            self.answers.clear()
        else:
            self.answers.drop(topics)
        self.watchers.touch(topics)

    def refreshed(self, topics: set[str]) -> None:
        """Drop the answers made from these topics, whose text alone is new; nobody is woken for that."""
        self.answers.drop(topics)

    def warm(self, path: bytes, query: bytes) -> None:
        """Make the answer to a request that has not come in yet; one that is wrong is passed over."""
        given = query.removesuffix(TEXT_MARK)
        headers = {} if given == query else {b"accept": b"text/plain"}
        try:
            found = self._find((path, given), "GET")
            route = found.routes.get("GET")
            if isinstance(route, ReadRoute):
                plan = self._plan(route, found.argument, parse_query(given), (path, given), headers)
                self._reads.answer(plan)
        except HttpError:
            return

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if self._read_counter() != self._replica.seen:
            self._replica.catch_up()
        answer = self._cached.get((scope["raw_path"], scope["query_string"]))
        if answer is None or scope["method"] != "GET" or answer.large:
            return await self._handle(scope, receive, send)
        request_id = b""
        gzip = hosts = 0
        for name, value in scope["headers"]:
            if name == b"host":
                hosts += 1
                if not self._host_verdicts.get(value):
                    return await self._handle(scope, receive, send)
            elif name == b"accept-encoding":
                gzip = self._accepts_gzip(value)
            elif name == REQUEST_ID:
                request_id = request_id or value
            elif name in _UNUSUAL and (name != b"accept" or value.startswith(b"text/plain")):
                return await self._handle(scope, receive, send)
        if hosts != 1:
            return await self._handle(scope, receive, send)
        answer.used = True
        if gzip:
            answer = self._sender.gzipped(answer, (scope["raw_path"], scope["query_string"]))
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    *answer.headers,
                    (REQUEST_ID, self._request_id(request_id)) if request_id else next(self._fresh_ids),
                ],
            }
        )
        await send(answer.body_event)
        return None

    # Everything that is not a plain cached lookup

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = {}
        hosts = 0
        for name, value in scope["headers"]:
            hosts += name == b"host"
            headers.setdefault(name, value)
        request_id = self._request_id(headers.get(REQUEST_ID, b""))
        body = Body(headers, receive, self._settings.max_body_bytes, self._settings.body_timeout)
        try:
            self._check_host(hosts, headers.get(b"host", b""))
            await self._dispatch(scope, headers, body, receive, send, request_id)
        except HttpError as error:
            if error.status in _KEEPS_CONNECTION:
                await body.finish()
            await self._sender.error(send, error, request_id)
        except StoreError as error:
            logger.warning("%s %s: %s", scope["method"], scope["path"], error)
            await self._sender.error(send, HttpError(500, str(error)), request_id)
        except ClientGone:
            # Nobody reads this, unless it was the body that broke the rules of HTTP.
            text = "The request ended before it was complete: its body is cut short or wrongly chunked"
            await self._sender.error(send, HttpError(400, text), request_id)
        except SlowClient:
            raise
        except Exception:
            logger.exception(
                "%s %s failed (request %s)", scope["method"], scope["path"], request_id.decode("latin-1")
            )
            text = f"Internal error; the log tells more under request {request_id.decode('latin-1')}"
            await self._sender.error(send, HttpError(500, text), request_id)

    def _check_host(self, hosts: int, host: bytes) -> None:
        if hosts != 1 or not host:
            raise HttpError(400, f"Expected one Host header, found {hosts if host else 'none'}")
        if not self._hosts.allows(host):
            raise HttpError(
                421,
                f"This registry does not answer to the host name {host.decode('latin-1')!r}; "
                "use its address, or add the name to allowed_hosts",
            )

    async def _dispatch(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        body: Body,
        receive: Receive,
        send: Send,
        request_id: bytes,
    ) -> None:
        key: Key = (scope["raw_path"], scope["query_string"])
        if len(key[1]) > self._settings.max_query_bytes:
            raise HttpError(
                414, f"Query string too long, max allowed is {self._settings.max_query_bytes} bytes"
            )
        method = scope["method"]
        found = self._find(key, method)
        if method == "OPTIONS":
            await self._sender.response(send, Response(headers=((b"allow", found.allow()),)), request_id)
            return
        route = found.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise HttpError(405, f"method {method} not allowed", ((b"allow", found.allow()),))
        params = parse_query(key[1])
        check_tenancy(params, headers)

        if isinstance(route, WriteRoute):
            try:
                response = await route.handler(
                    Request(self._world, found.argument, params, headers, body.read)
                )
            finally:
                await body.finish()
            response = response.laid_out() if "pretty" in params else response
            await self._sender.response(send, response, request_id)
            return
        plan = self._plan(route, found.argument, params, key, headers)
        answer = await self._read(plan, body, receive)
        await self._sender.answer(send, answer, plan.key, headers, request_id)

    def _find(self, key: Key, method: str) -> Found:
        path = decode_path(key[0]) or "/"  # CONNECT names no path
        clean = clean_path(path)
        if clean != path:
            raise _moved(clean, key[1], method)
        found = self._router.find(path)
        if found is None:
            if "/v1/" in path:
                raise NoEndpoint(404, "Invalid URL path: not a recognized HTTP API endpoint\n")
            raise NoEndpoint(
                404,
                "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'\n",
            )
        if found.redirect:
            raise _moved(found.redirect, key[1], method)
        return found

    def _plan(
        self,
        route: ReadRoute,
        argument: str,
        params: dict[str, list[str]],
        key: Key,
        headers: dict[bytes, bytes],
    ) -> Plan[World]:
        accept, cache_control = headers.get(b"accept", b""), headers.get(b"cache-control", b"")
        return self._reads.plan(route, argument, params, key, accept, cache_control)

    # Blocking

    async def _read(self, plan: Plan[World], body: Body, receive: Receive) -> Answer:
        """Return the answer to send: at once, or when it has something new for the client."""
        answer = self._reads.answer(plan)
        if _is_news(answer, plan):
            return answer
        await body.pass_over()  # a GET may have one
        answer = self._reads.answer(plan)
        if _is_news(answer, plan) or self.watchers.draining:
            return answer
        if self.watchers.full:
            raise HttpError(
                429,
                f"Too many blocking queries, max allowed is {self._settings.max_waiters} per worker",
                ((b"retry-after", b"1"),),
            )
        return await self._park(plan, answer, receive)

    async def _park(self, plan: Plan[World], answer: Answer, receive: Receive) -> Answer:
        waiter = self.watchers.park(plan, answer)
        future = waiter.future
        gone = receive()
        watch = getattr(gone, "add_done_callback", None)
        if watch is None:  # the client had gone before it could be parked
            self.watchers.leave(plan, waiter)
            raise ClientGone

        def settle(answer: Answer | None) -> None:
            if not future.done():
                future.set_result(answer)

        def time_is_up() -> None:
            try:
                settle(self._reads.answer(plan))
            except Exception as error:
                if not future.done():
                    future.set_exception(error)

        watch(lambda _: settle(None))
        timer = self._loop.call_later(self._wait_s(plan), time_is_up)
        try:
            result = await future
        finally:
            timer.cancel()
            gone.cancel()  # type: ignore[attr-defined]
            self.watchers.leave(plan, waiter)
        if result is None:
            raise ClientGone
        return result

    def _wait_s(self, plan: Plan[World]) -> float:
        wait_s = plan.options.wait_s or self._settings.default_query_time
        wait_s = min(wait_s, self._settings.max_query_time)
        return wait_s + random.uniform(0, wait_s / 16)  # noqa: S311 (spreads load, hides nothing)


def _is_news(answer: Answer, plan: Plan[World]) -> bool:
    """Say whether an answer has something that the client does not know, so that it need not wait."""
    options = plan.options
    if options.digest:
        return answer.digest != options.digest
    return not options.index or answer.index > options.index


def _moved(path: str, query: bytes, method: str) -> HttpError:
    """Return Go's redirect: with a page for browsers on GET, else without a body."""
    location = quote(path, safe="/~:@!$&'()*+,;=") + (f"?{query.decode('latin-1')}" if query else "")
    page = f'<a href="{html.escape(location)}">Moved Permanently</a>.\n\n' if method == "GET" else ""
    headers = ((b"location", location.encode("latin-1")), *([HTML] if page else []))
    return NoEndpoint(301, page, headers)
