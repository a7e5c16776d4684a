"""gRPC checks against grpcio's own server."""

import contextlib
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.certificates import Authority
from probes.support import OK, TIMEOUT, answer, answer_and_stay, closed_port, hang, probe, run, target
from registry.keeper.probes import Outcome
from registry.keeper.probes.grpc_health import BadMessage, ask, serving_status

STATES = {"": b"\x08\x01", "up": b"\x08\x01", "down": b"\x08\x02", "unsaid": b"", "unknown": b"\x08\x03"}


def check(request: bytes, context: Any) -> bytes:
    """Answer grpc.health.v1.Health/Check as serialised."""
    service = request[2:].decode()
    if service == "denied":
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you, m\u00fcller: 100%\n")
    if service not in STATES:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return STATES[service]


@contextlib.contextmanager
def serving(credentials: Any = None, with_health: bool = True) -> Iterator[int]:
    """Run a server and give its port."""
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    if with_health:
        handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
        )
    place = "127.0.0.1:0"
    port = server.add_secure_port(place, credentials) if credentials else server.add_insecure_port(place)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait(10)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as given_port:
        yield given_port


@pytest.mark.parametrize(
    ("service", "status", "text"),
    [
        ("", "passing", "gRPC check {}: success"),
        ("/", "passing", "gRPC check {}: success"),
        ("/up", "passing", "gRPC check {}: success"),
        ("/down", "critical", "gRPC {} serving status: NOT_SERVING"),
        ("/unsaid", "critical", "gRPC {} serving status: UNKNOWN"),
        ("/unknown", "critical", "gRPC {} serving status: SERVICE_UNKNOWN"),
        ("/other", "critical", "rpc error: code = NotFound desc = unknown service"),
        ("/a/b", "critical", "rpc error: code = NotFound desc = unknown service"),
        ("/denied", "critical", "rpc error: code = PermissionDenied desc = not you, m\u00fcller: 100%\n"),
    ],
)
def test_states(port: int, service: str, status: str, text: str) -> None:
    place = f"127.0.0.1:{port}{service}"
    assert run(probe({"GRPC": place})) == Outcome(status, text.format(place))


def test_server_without_the_health_service() -> None:
    with serving(with_health=False) as port:
        found = run(probe({"GRPC": f"127.0.0.1:{port}"}))
    assert found.status == "critical"
    assert found.output.startswith("rpc error: code = Unimplemented desc = ")


def test_tls(authority: Authority) -> None:
    authority.server("DNS:grpc.example")
    credentials = grpc.ssl_server_credentials([authority.files("DNS:grpc.example")])

    with serving(credentials) as port:
        place = {"GRPC": f"127.0.0.1:{port}", "GRPCUseTLS": True}
        known = {"ca_file": authority.ca_file}
        named = run(probe({**place, "TLSServerName": "grpc.example"}, **known))
        skipped = run(probe({**place, "TLSSkipVerify": True}))
        other = run(probe(place, **known))
        plain = run(probe({"GRPC": place["GRPC"]}))
    assert named == skipped == Outcome("passing", f"gRPC check {place['GRPC']}: success")
    failed = 'connection error: desc = "transport: authentication handshake failed: '
    why = "x509: certificate is not valid for 127.0.0.1"
    assert other == Outcome("critical", f'rpc error: code = Unavailable desc = {failed}{why}"')
    assert plain.output.startswith("rpc error: code = Unavailable desc = ")


def test_nobody_there() -> None:
    place = f"127.0.0.1:{closed_port()}"
    why = f"Error while dialing: dial tcp {place}: connect: connection refused"
    text = f'rpc error: code = Unavailable desc = connection error: desc = "transport: {why}"'
    assert run(probe({"GRPC": f"{place}/service"})) == Outcome("critical", text)
    assert "missing port in address" in run(probe({"GRPC": "127.0.0.1/x"})).output


def test_timeout() -> None:
    async def main() -> Outcome:
        async with target(hang) as server:
            return await probe({"GRPC": f"127.0.0.1:{server.port}", "Timeout": TIMEOUT})

    text = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
    assert run(main()) == Outcome("critical", text)


def frames(*headers: bytes, data: bytes = b"") -> bytes:
    """Return a server's settings and the frames of one answer; the last ends the stream."""
    out = b"\0\0\0\x04\0\0\0\0\0"
    for number, block in enumerate(headers):
        flags = 5 if number == len(headers) - 1 else 4
        out += len(block).to_bytes(3, "big") + bytes([1, flags]) + b"\0\0\0\x01" + block
        if data and number == 0:
            out += len(data).to_bytes(3, "big") + b"\0\0\0\0\0\x01" + data
    return out


OK_200 = b"\x88"
STATUS_0 = b"\x00\x0bgrpc-status\x010"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (OK, "code = Unavailable desc = http2: "),
        (b"", "code = Unavailable desc = connection closed"),
        (
            frames(b"\x08\x03503"),
            "code = Unavailable desc = unexpected HTTP status code received from server: 503",
        ),
        (
            frames(b"\x08\x03418"),
            "code = Unknown desc = unexpected HTTP status code received from server: 418",
        ),
        (frames(OK_200), "code = Internal desc = server closed the stream without sending trailers"),
        (frames(OK_200 + b"\x00\x0bgrpc-status\x0299"), "code = Code(99) desc = "),
        (frames(OK_200, STATUS_0), "code = Internal desc = the answer is not one whole message"),
        (frames(OK_200, STATUS_0, data=b"\1\0\0\0\0"), "code = Internal desc = the answer is compressed"),
        (
            frames(OK_200, STATUS_0, data=b"\0\0\0\0\2\x08\xff"),
            "code = Internal desc = the answer is cut off",
        ),
        (b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07", "desc = stream terminated by RST_STREAM"),
        (b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0", "desc = http2: server sent GOAWAY"),
    ],
    ids=["http1", "nothing", "503", "418", "no-status", "odd", "no-data", "packed", "cut", "reset", "goaway"],
)
def test_answers_that_are_none(sent: bytes, text: str) -> None:
    async def main() -> Outcome:
        async with target(answer_and_stay(sent) if sent else answer(b"")) as server:
            return await probe({"GRPC": f"127.0.0.1:{server.port}"})

    found = run(main())
    assert found.status == "critical"
    assert found.output.startswith("rpc error: ")
    assert text in found.output


def test_message_of_the_server_is_bounded(port: int) -> None:
    found = run(probe({"GRPC": f"127.0.0.1:{port}/denied", "OutputMaxSize": 3}))
    assert found.output == "rpc error: code = PermissionDenied desc = not"


def test_request_is_a_health_check_request() -> None:
    assert ask("") == b"\0\0\0\0\0"
    assert ask("abc") == b"\0\0\0\0\x05\x0a\x03abc"
    long = "s" * 300
    assert ask(long) == b"\0" + (303).to_bytes(4, "big") + b"\x0a\xac\x02" + long.encode()


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"", 0),
        (b"\x08\x01", 1),
        (b"\x08\x01\x08\x02", 2),
        (b"\x12\x03abc\x08\x01", 1),
        (b"\x18\x80\x01\x21" + bytes(8) + b"\x2d" + bytes(4) + b"\x08\x01", 1),
    ],
)
def test_answers_of_later_versions_are_read(message: bytes, status: int) -> None:
    assert serving_status(b"\0" + len(message).to_bytes(4, "big") + message) == status


@given(st.binary(max_size=40), st.booleans())
def test_no_answer_breaks_the_reader(data: bytes, framed: bool) -> None:
    with contextlib.suppress(BadMessage):
        status = serving_status(b"\0" + len(data).to_bytes(4, "big") + data if framed else data)
        assert status >= 0
