"""Row 17: what is read is bounded in size and in time, whatever the target does."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from probes.certificates import Authority
from probes.support import TIMEOUT, answer, flooding, open_sockets, probe, run, target, trickling
from registry.keeper.probes import Options, Outcome, Tools, prober

HEAD = b"HTTP/1.1 200 OK\r\n"
LONG = 600_000_000_000
"""Nanoseconds; a probe that relied on its timeout would not end within the test."""


async def ask(behave: Any, **more: Any) -> Outcome:
    async with target(behave) as server:
        return await probe({"HTTP": f"http://127.0.0.1:{server.port}/", "Timeout": LONG, **more})


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (HEAD + b"\r\n", b"body " * 1000),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", b"body " * 1000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nbody \r\n" * 100),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n" * 1000),
    ],
    ids=["until-close", "length", "chunks", "tiny-chunks"],
)
def test_row_17_endless_body(head: bytes, endless: bytes) -> None:
    found = run(ask(flooding(head, endless)))
    assert found.status == "passing"
    kept = found.output.partition("Output: ")[2]
    assert 1000 <= len(kept) <= 4096
    assert set(kept) <= set("body ")


@pytest.mark.parametrize(
    ("begins", "endless"),
    [(b"0\r\n", b"a: b\r\n"), (b"1;", b"extension"), (b"0", b"0")],
    ids=["trailers", "extension", "length"],
)
def test_row_17_endless_framing(begins: bytes, endless: bytes) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
    found = run(ask(flooding(head + begins, endless * 1000)))
    assert found.output.endswith("200 OK Output: ok")


@pytest.mark.parametrize(
    ("head", "endless", "why"),
    [
        (HEAD, b"X-A: b\r\n" * 1000, "server response headers exceeded"),
        (HEAD + b"X-A: ", b"b" * 1000, "server response headers exceeded"),
        (b"", b"H" * 1000, "server response headers exceeded"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, "too many 1xx informational responses"),
    ],
    ids=["many", "long", "status-line", "interim"],
)
def test_row_17_endless_headers(head: bytes, endless: bytes, why: str) -> None:
    found = run(ask(flooding(head, endless)))
    assert found.status == "critical"
    assert why in found.output


def test_row_17_a_million_headers() -> None:
    found = run(ask(answer(HEAD + b"X-A: b\r\n" * 1_000_000 + b"\r\n")))
    assert "server response headers exceeded" in found.output


def test_row_17_compressed_bomb() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    head = HEAD + b"Content-Encoding: gzip\r\n\r\n"
    found = run(ask(answer(head, bomb)))
    assert found.output.endswith("Output: " + "\0" * 4096)
    twice = run(ask(answer(head, gzip.compress(bomb))))
    assert len(twice.output) < 5000


@pytest.mark.parametrize(
    "definition",
    [{"GRPC": "127.0.0.1:{}"}, {"H2PING": "127.0.0.1:{}", "H2PingUseTLS": False}],
    ids=["grpc", "h2ping"],
)
@pytest.mark.parametrize(
    "frame",
    [
        b"\0\0\x08\x06\0\0\0\0\0pingping",
        b"\0\0\0\x04\0\0\0\0\0",
        b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01",
        b"\0\0\x05\xff\0\0\0\0\0other",
    ],
    ids=["pings", "settings", "windows", "unknown"],
)
def test_row_17_endless_frames(definition: dict[str, Any], frame: bytes) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(24)
        writer.write(b"\0\0\0\x04\0\0\0\0\0")
        while True:
            writer.write(frame * 100)
            await writer.drain()

    async def main() -> Outcome:
        async with target(flood) as server:
            here = {
                name: v.format(server.port) if isinstance(v, str) else v for name, v in definition.items()
            }
            return await probe({**here, "Timeout": LONG})

    found = run(main())
    assert found.status == "critical"
    assert "the answer exceeded" in found.output


def test_row_17_headers_over_http2_are_bounded() -> None:
    block = b"\x88" + b"\x00\x01a\x01b" * 2000
    headers = len(block).to_bytes(3, "big") + b"\x01\x05\0\0\0\x01" + block

    async def answer_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(24)
        writer.write(b"\0\0\0\x04\0\0\0\0\0" + b"\0\0\0\x04\x01\0\0\0\0" + headers)
        await reader.read()

    async def main() -> Outcome:
        async with target(answer_headers) as server:
            return await probe({"GRPC": f"127.0.0.1:{server.port}", "Timeout": LONG})

    assert "Oversized header block" in run(main()).output


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"", "critical"), (HEAD, "critical"), (HEAD + b"X-A: ", "critical"), (HEAD + b"\r\n", "passing")],
    ids=["before-the-status", "before-the-headers", "within-a-header", "in-the-body"],
)
def test_row_17_trickle(head: bytes, status: str) -> None:
    assert run(ask(trickling(head, b"x"), Timeout=TIMEOUT)).status == status


def test_row_17_trickle_over_tls(authority: Authority) -> None:
    async def main() -> Outcome:
        async with target(trickling(HEAD, b"x"), authority.server("IP:127.0.0.1")) as server:
            check = {"HTTP": f"https://127.0.0.1:{server.port}/", "Timeout": TIMEOUT}
            return await probe(check, ca_file=authority.ca_file)

    assert "context deadline exceeded" in run(main()).output


def test_row_17_output_is_kept_as_text_and_not_interpreted() -> None:
    body = b"<script>alert(1)</script>\x1b[31m\0\xff{{7*7}}%s"
    found = run(ask(answer(HEAD + b"\r\n" + body)))
    shown = found.output.partition("Output: ")[2]
    assert shown == body.decode("utf-8", "replace")
    assert json.loads(json.dumps(shown)) == shown


def test_row_17_reason_is_bounded() -> None:
    found = run(ask(answer(b"HTTP/1.1 200 " + b"r" * 10_000 + b"\r\n\r\n")))
    assert len(found.output) < 500


@pytest.mark.parametrize("kind", ["HTTP", "TCP", "GRPC", "H2PING"])
@pytest.mark.parametrize("tls", [False, True])
def test_row_17_nothing_is_left_open_when_a_probe_is_cancelled(
    kind: str, tls: bool, authority: Authority
) -> None:
    """The target completes neither TLS nor an answer, so the probe is in the middle of it."""
    reached = asyncio.Event()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reached.set()
        await reader.read()

    async def main() -> None:
        async with target(note) as server, Tools(Options(ca_file=authority.ca_file)) as tools:
            place = f"127.0.0.1:{server.port}"
            definitions: dict[str, dict[str, Any]] = {
                "HTTP": {"HTTP": f"http{'s' if tls else ''}://{place}/"},
                "TCP": {"TCP": place, "TCPUseTLS": True},
                "GRPC": {"GRPC": place, "GRPCUseTLS": tls},
                "H2PING": {"H2PING": place, "H2PingUseTLS": tls},
            }
            before = open_sockets()
            task = asyncio.create_task(prober({**definitions[kind], "Timeout": LONG}, tools).run())
            await reached.wait()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            while server.open:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert open_sockets() <= before

    run(main())
