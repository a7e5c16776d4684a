"""gRPC checks: asks a server's health service (grpc.health.v1) about itself or one of its services.

A unary call is one HTTP/2 request, so it is made over the same connections as every other probe.
gRPC's own library would connect to addresses that it looks up itself, beyond the address policy, keeps
connections and threads of its own, and can't be told to skip the verification of certificates.
"""

from http import HTTPStatus
from typing import Any

import h2.events
import h2.exceptions

from registry.keeper.probes.definition import NETWORK_TIMEOUT_NS, Definition, output_limit, timeout_ns
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.grpc_health import (
    PATH,
    SERVING,
    BadMessage,
    ask,
    code_name,
    code_of_http,
    message_text,
    rpc_error,
    serving_name,
    serving_status,
)
from registry.keeper.probes.http2 import Http2
from registry.keeper.probes.http_request import USER_AGENT
from registry.keeper.probes.outcome import Outcome, failed
from registry.keeper.probes.stream import HandshakeFailed, Stream, open_stream
from registry.keeper.probes.target import parse_target
from registry.keeper.probes.tools import Tools
from registry.keeper.rules import PASSING
from registry.wire.duration import MILLISECOND, SECOND

STREAM = 1
_MOST_MILLISECONDS = 99_999_999
"""What fits the eight digits that a timeout may have."""


class RpcFailed(Exception):
    """The call did not succeed; ``str()`` is grpc-go's text."""


class GrpcProbe:
    """Asks with one call.

    Raises:
        ProbeFailed: ``GRPC`` is not of the form ``host:port`` or ``host:port/service``.
    """

    def __init__(self, definition: Definition, tools: Tools) -> None:
        self._shown: str = definition["GRPC"]
        place, _, self._service = self._shown.partition("/")
        try:
            self._target = parse_target(place)
        except ProbeFailed as failure:
            raise ProbeFailed(_unreachable(f"Error while dialing: {failure}")) from None
        self.place = self._target.key
        self._timeout_ns = timeout_ns(definition, NETWORK_TIMEOUT_NS)
        self._limit = output_limit(definition, tools.options)
        self._tls = tools.tls.for_check(definition, "h2") if definition.get("GRPCUseTLS") else None
        self._authority = (self._tls and self._tls.server_name) or place
        self._dialer = tools.dialer
        self._tools = tools

    async def once(self) -> Outcome:
        """Ask once."""
        deadline = self._tools.deadline(self._timeout_ns / SECOND)
        try:
            async with deadline:
                with await self._connect() as stream:
                    status = await self._call(stream)
        except TimeoutError:
            return failed(rpc_error("DeadlineExceeded", f"context deadline exceeded{deadline.remark}"))
        except RpcFailed as failure:
            return failed(failure)
        if status != SERVING:
            return failed(f"gRPC {self._shown} serving status: {serving_name(status)}")
        return Outcome(PASSING, f"gRPC check {self._shown}: success")

    async def _connect(self) -> Stream:
        try:
            return await open_stream(self._dialer, self._target, self._tls)
        except HandshakeFailed as failure:
            raise RpcFailed(_unreachable(f"authentication handshake failed: {failure}")) from None
        except ProbeFailed as failure:
            raise RpcFailed(_unreachable(f"Error while dialing: {failure}")) from None

    async def _call(self, stream: Stream) -> int:
        try:
            link = Http2(stream)
            link.h2.send_headers(STREAM, self._headers())
            link.h2.send_data(STREAM, ask(self._service), end_stream=True)
            headers, frame = await _answer(link)
        except h2.exceptions.ProtocolError as error:  # what can't be put into a header
            raise RpcFailed(rpc_error("Internal", str(error))) from None
        except ProbeFailed as failure:
            raise RpcFailed(rpc_error("Unavailable", str(failure))) from None
        self._check(headers)
        try:
            return serving_status(frame)
        except BadMessage as error:
            raise RpcFailed(rpc_error("Internal", str(error))) from None

    def _headers(self) -> list[tuple[str, str]]:
        milliseconds = min(max(1, self._timeout_ns // MILLISECOND), _MOST_MILLISECONDS)
        return [
            (":method", "POST"),
            (":scheme", "https" if self._tls else "http"),
            (":path", PATH),
            (":authority", self._authority),
            ("content-type", "application/grpc"),
            ("user-agent", USER_AGENT),
            ("te", "trailers"),
            ("grpc-timeout", f"{milliseconds}m"),
        ]

    def _check(self, headers: dict[str, str]) -> None:
        """See whether the call succeeded, by the answer's headers and trailers."""
        http_status, code = headers.get(":status", ""), headers.get("grpc-status")
        if code is None and http_status != str(HTTPStatus.OK.value):
            text = f"unexpected HTTP status code received from server: {http_status}"
            raise RpcFailed(rpc_error(code_of_http(http_status), text))
        if code is None:
            raise RpcFailed(rpc_error("Internal", "server closed the stream without sending trailers"))
        if code != "0":
            text = message_text(headers.get("grpc-message", ""))
            raise RpcFailed(rpc_error(code_name(code), text[: self._limit]))


async def _answer(link: Http2) -> tuple[dict[str, str], bytes]:
    """Return all headers and trailers of the answer, and its data."""
    headers: dict[str, str] = {}
    frame = b""
    while True:
        event = await link.next()
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            headers.update(_decoded(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            frame += event.data
        elif isinstance(event, h2.events.StreamEnded):
            return headers, frame
        elif isinstance(event, h2.events.StreamReset):
            raise ProbeFailed(f"stream terminated by RST_STREAM with error code: {event.error_code}")


def _decoded(headers: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def _unreachable(text: str) -> str:
    return rpc_error("Unavailable", f'connection error: desc = "transport: {text}"')
