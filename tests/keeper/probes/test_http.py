"""HTTP checks against servers that behave, more or less."""

import gzip
from typing import Any

import pytest
from aiohttp import web

from probes.certificates import Authority
from probes.support import (
    OK,
    TIMEOUT,
    answer,
    closed_port,
    deaf_port,
    hang,
    probe,
    recording,
    redirect,
    reset,
    run,
    target,
    trickling,
)
from registry.keeper.probes import Outcome

REASONS = {200: "OK", 204: "No Content", 299: "", 301: "Moved Permanently", 400: "Bad Request"}
REASONS |= {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


async def check(port: int, path: str = "", **more: Any) -> Outcome:
    return await probe({"HTTP": f"http://127.0.0.1:{port}{path}", **more})


async def ask_aiohttp(handler: Any, definition: dict[str, Any]) -> tuple[Outcome, int]:
    """Ask an aiohttp server; its port is put into the URL."""
    runner = web.AppRunner(web.Application())
    runner.app.router.add_route("*", "/{path:.*}", handler)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        return await probe({**definition, "HTTP": definition["HTTP"].format(port=port)}), port
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "passing"),
        (204, "passing"),
        (299, "passing"),
        (301, "critical"),
        (400, "critical"),
        (429, "warning"),
        (500, "critical"),
        (503, "critical"),
    ],
)
def test_status_codes(status: int, expected: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, body=None if status == 204 else b"text")

    found, port = run(ask_aiohttp(handler, {"HTTP": "http://127.0.0.1:{port}/x"}))
    shown = f"{status} {REASONS[status]}".strip()
    body = "" if status == 204 else "text"
    assert found == Outcome(expected, f"HTTP GET http://127.0.0.1:{port}/x: {shown} Output: {body}")


def test_request_is_what_the_definition_says() -> None:
    seen: list[web.Request] = []
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.read())
        return web.Response(text="ok")

    definition = {
        "HTTP": "http://127.0.0.1:{port}/a/../b%7e c?q=%zz",
        "Method": "POST",
        "Header": {"X-Many": ["1", "2"], "Host": ["other.example"], "User-Agent": ["mine"]},
        "Body": "hällo",
    }
    found, _ = run(ask_aiohttp(handler, definition))
    assert found.status == "passing"
    request = seen[0]
    assert request.method == "POST"
    assert request.raw_path == "/a/../b%7e%20c?q=%zz"
    assert request.headers.getall("X-Many") == ["1", "2"]
    assert request.headers.getall("Host") == ["other.example"]
    assert request.headers.getall("User-Agent") == ["mine"]
    assert bodies == ["hällo".encode()]


def test_headers_that_consul_sends() -> None:
    heads: list[bytes] = []

    async def main() -> int:
        async with target(recording(heads)) as server:
            assert (await check(server.port, "/x")).status == "passing"
            return server.port

    port = run(main())
    assert heads[0].decode() == (
        f"GET /x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: Consul Health Check\r\n"
        "Accept: text/plain, text/*, */*\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )


def test_method_is_sent_as_it_is_given() -> None:
    heads: list[bytes] = []

    async def main() -> Outcome:
        async with target(recording(heads)) as server:
            return await check(server.port, "/x", Method="purge")

    assert run(main()).output.startswith("HTTP purge http://")
    assert heads[0].startswith(b"purge /x HTTP/1.1\r\n")


@pytest.mark.parametrize("method", ["HEAD", "CONNECT"])
def test_answers_without_a_body(method: str) -> None:
    async def main() -> Outcome:
        async with target(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")) as server:
            return await check(server.port, Method=method)

    assert run(main()).output.endswith(": 200 OK Output: ")


def test_the_end_of_the_body_is_kept() -> None:
    body = bytes(65 + i % 26 for i in range(6000))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n"

    async def main() -> tuple[Outcome, Outcome]:
        async with target(answer(head, body)) as server:
            return await check(server.port), await check(server.port, OutputMaxSize=10)

    whole, short = run(main())
    assert whole.output.partition("Output: ")[2] == body[-4096:].decode()
    assert short.output.partition("Output: ")[2] == body[-10:].decode()


def test_a_check_can_not_raise_the_limit_of_output() -> None:
    async def main() -> Outcome:
        async with target(answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100)) as server:
            definition = {"HTTP": f"http://127.0.0.1:{server.port}", "OutputMaxSize": 50}
            return await probe(definition, max_output_bytes=7)

    assert run(main()).output.endswith("Output: xxxxxxx")


def test_compressed_body_is_shown_in_clear() -> None:
    body = gzip.compress(b"hello" * 10)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"

    async def main() -> tuple[Outcome, Outcome, Outcome]:
        async with target(answer(head, body)) as good, target(answer(head, b"no gzip at all")) as bad:
            asked = await check(good.port, Header={"Accept-Encoding": ["gzip"]})
            return await check(good.port), await check(bad.port), asked

    good, bad, asked = run(main())
    assert good.output.endswith("Output: " + "hello" * 10)
    assert bad.status == "passing"
    assert bad.output.endswith("Output: ")
    assert "hello" not in asked.output, "what the check asked for itself is left as it came"


def test_body_that_is_no_text() -> None:
    async def main() -> Outcome:
        async with target(answer(b"HTTP/1.1 200 OK\r\n\r\n\xff\x00<b>")) as server:
            return await check(server.port)

    assert run(main()).output.endswith("Output: \ufffd\x00<b>")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "200 Output: ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", "200 OK Output: old"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "200 OK Output: ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "200 OK Output: ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "200 OK Output: ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", "200 OK Output: ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "200 OK Output: short"),
    ],
    ids=["no-reason", "http-1.0", "bare-newlines", "continue", "chunks", "bad-chunk", "cut-off"],
)
def test_answers_that_are_odd_but_count(sent: bytes, shown: str) -> None:
    async def main() -> Outcome:
        async with target(answer(sent)) as server:
            return await check(server.port)

    found = run(main())
    assert found.status == "passing"
    assert found.output.endswith(": " + shown)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 200 OK", "unexpected EOF"),
        (b"garbage here\r\n\r\n", 'malformed HTTP response: illegal status line: "garbage here"'),
        (
            b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
            'malformed HTTP response: illegal header line: "bad header"',
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "malformed HTTP response: bad Content-Length"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "malformed HTTP response: "),
    ],
    ids=["nothing", "half-a-line", "garbage", "bad-header", "negative-length", "switching"],
)
def test_answers_that_are_no_http(sent: bytes, why: str) -> None:
    async def main() -> tuple[Outcome, int]:
        async with target(answer(sent)) as server:
            return await check(server.port, "/x"), server.port

    found, port = run(main())
    assert found.status == "critical"
    assert found.output.startswith(f'Get "http://127.0.0.1:{port}/x": ')
    assert why in found.output


def test_nobody_there() -> None:
    port = closed_port()
    assert run(check(port, "/x")) == Outcome(
        "critical", f'Get "http://127.0.0.1:{port}/x": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )


def test_reset_connection() -> None:
    async def main() -> tuple[Outcome, int]:
        async with target(reset) as server:
            return await check(server.port), server.port

    found, port = run(main())
    text = f'Get "http://127.0.0.1:{port}": read tcp 127.0.0.1:{port}: read: connection reset by peer'
    assert found == Outcome("critical", text)


TOO_LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


@pytest.mark.parametrize(
    "behave",
    [hang, trickling(b"", b"H"), trickling(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r"[:1])],
    ids=["hanging", "trickling", "trickling-after-100"],
)
def test_timeout_before_the_answer(behave: Any) -> None:
    async def main() -> tuple[Outcome, int]:
        async with target(behave) as server:
            return await check(server.port, Timeout=TIMEOUT), server.port

    found, port = run(main())
    assert found == Outcome("critical", f'Get "http://127.0.0.1:{port}": {TOO_LATE}')
    assert found.took_s > 0.9 * TIMEOUT / 1e9


def test_timeout_while_connecting() -> None:
    with deaf_port() as port:
        found = run(check(port, Timeout=TIMEOUT))
    assert found == Outcome("critical", f'Get "http://127.0.0.1:{port}": {TOO_LATE}')


def test_timeout_in_the_body_leaves_the_status() -> None:
    async def main() -> Outcome:
        async with target(trickling(b"HTTP/1.1 200 OK\r\n\r\nabc", b"x")) as server:
            return await check(server.port, Timeout=TIMEOUT)

    found = run(main())
    assert found.status == "passing"
    assert found.output.partition("Output: ")[2].startswith("abcx")
    assert found.took_s > 0.9 * TIMEOUT / 1e9


def test_a_failed_request_is_not_sent_twice() -> None:
    async def main() -> int:
        async with target(answer(b"")) as server:
            await check(server.port)
            return server.connections

    assert run(main()) == 1


def test_each_run_has_its_own_connection() -> None:
    async def main() -> int:
        async with target(answer(OK)) as server:
            await check(server.port)
            await check(server.port)
            return server.connections

    assert run(main()) == 2


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("::bad", 'parse "::bad": missing protocol scheme'),
        ("127.0.0.1:80/x", 'parse "127.0.0.1:80/x": first path segment in URL cannot contain colon'),
        ("/x", 'Get "/x": unsupported protocol scheme ""'),
        ("ftp://127.0.0.1/x", 'Get "ftp://127.0.0.1/x": unsupported protocol scheme "ftp"'),
        ("localhost:80/x", 'Get "localhost:80/x": unsupported protocol scheme "localhost"'),
        ("http:///x", 'Get "http:///x": http: no Host in request URL'),
        ("http://h:abc/", 'parse "http://h:abc/": invalid port ":abc" after host'),
        ("http://127.0.0.1:99999/", 'Get "http://127.0.0.1:99999/": dial tcp: address 99999: invalid port'),
        ("http://a b/", 'parse "http://a b/": invalid character " " in host name'),
        ("http://a%20b/", 'parse "http://a%20b/": invalid URL escape "%20"'),
        ("http://127.0.0.1/%zz", 'parse "http://127.0.0.1/%zz": invalid URL escape "%zz"'),
        ("http://[::1/", "parse \"http://[::1/\": missing ']' in host"),
        ("http://[a.b]/", 'parse "http://[a.b]/": invalid host'),
        ("http://x\\@h/", 'parse "http://x\\\\@h/": net/url: invalid userinfo'),
    ],
)
def test_urls_that_are_none(url: str, text: str) -> None:
    assert run(probe({"HTTP": url})) == Outcome("critical", text)


def test_no_such_host() -> None:
    text = 'Get "http://nope.invalid/x": dial tcp: lookup nope.invalid: no such host'
    assert run(probe({"HTTP": "http://nope.invalid/x"})) == Outcome("critical", text)


def test_redirects_are_not_followed() -> None:
    async def main() -> tuple[Outcome, int]:
        async with target(answer(OK)) as other:
            to = redirect(f"http://127.0.0.1:{other.port}/")
            async with target(answer(to)) as server:
                return await check(server.port), other.connections

    found, reached = run(main())
    assert found.status == "critical"
    assert found.output.endswith(": 302 Found Output: ")
    assert not reached


def test_https(authority: Authority) -> None:
    async def main() -> dict[str, Outcome]:
        good = authority.server("IP:127.0.0.1,DNS:good.example")
        wrong = authority.server("DNS:wrong.example")
        old = authority.server("IP:127.0.0.1", "20200101000000Z", "20200102000000Z")
        found = {}
        for name, context in {"good": good, "wrong": wrong, "old": old}.items():
            async with target(answer(OK), context) as server:
                url = {"HTTP": f"https://127.0.0.1:{server.port}/"}
                found[name] = await probe(url, ca_file=authority.ca_file)
                found[f"{name} skipped"] = await probe({**url, "TLSSkipVerify": True})
                named = {**url, "TLSServerName": "wrong.example"}
                found[f"{name} named"] = await probe(named, ca_file=authority.ca_file)
                found[f"{name} unknown"] = await probe(url)
        return found

    found = run(main())
    passing = {name for name, outcome in found.items() if outcome.status == "passing"}
    assert passing == {"good", "good skipped", "wrong skipped", "wrong named", "old skipped"}
    assert found["wrong"].output.endswith(": x509: certificate is not valid for 127.0.0.1")
    assert found["good named"].output.endswith(": x509: certificate is not valid for wrong.example")
    assert found["old"].output.endswith(": x509: certificate has expired or is not yet valid")
    assert found["good unknown"].output.endswith(": x509: certificate signed by unknown authority")


def test_https_where_there_is_none() -> None:
    async def plain(reader: Any, writer: Any) -> None:
        await reader.read(10)
        writer.write(b"SSH-2.0-x\r\n")
        await writer.drain()
        await hang(reader, writer)

    async def main() -> tuple[Outcome, Outcome]:
        async with target(plain) as ssh, target(hang) as silent:
            return (
                await probe({"HTTP": f"https://127.0.0.1:{ssh.port}/"}),
                await probe({"HTTP": f"https://127.0.0.1:{silent.port}/", "Timeout": TIMEOUT}),
            )

    ssh, silent = run(main())
    assert ssh.output.endswith(": tls: first record does not look like a TLS handshake")
    assert silent.output.endswith(TOO_LATE)
