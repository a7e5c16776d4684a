"""Row 15: no redirects by default; each hop is checked again where they are allowed."""

from typing import Any

import pytest

from probes.certificates import Authority
from probes.support import OK, Target, answer, probe, read_head, recording, redirect, run, target
from registry.keeper.probes import Outcome


async def follow(location: str, status: str = "302 Found", **more: Any) -> tuple[Outcome, Target]:
    """Ask a server that redirects, with redirects allowed; {port} in the location is its own."""
    heads: list[bytes] = []

    async def behave(reader: Any, writer: Any) -> None:
        heads.append(await read_head(reader))
        first = len(heads) == 1 or "loop" in location
        writer.write(redirect(location.format(port=server.port), status) if first else OK)

    async with target(behave) as server:
        definition = {"HTTP": f"http://127.0.0.1:{server.port}/first", **more}
        return await probe(definition, follow_redirects=True), server


def test_row_15_off_by_default_and_by_definition() -> None:
    async def main() -> tuple[Outcome, Outcome, int]:
        async with target(answer(OK)) as other:
            async with target(answer(redirect(f"http://127.0.0.1:{other.port}/"))) as server:
                url = {"HTTP": f"http://127.0.0.1:{server.port}/"}
                default = await probe(url)
                refused = await probe({**url, "DisableRedirects": True}, follow_redirects=True)
            return default, refused, other.connections

    default, refused, reached = run(main())
    assert default.status == refused.status == "critical"
    assert ": 302 Found Output: " in default.output
    assert reached == 0


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "probes may not connect to a link-local address"),
        ("//169.254.169.254/", "probes may not connect to a link-local address"),
        ("http://[::ffff:169.254.169.254]/", "probes may not connect to a link-local address"),
        ("http://2852039166/", "lookup 2852039166: no such host"),
        ("file:///etc/passwd", 'unsupported protocol scheme "file"'),
        ("gopher://127.0.0.1:{port}/_x", 'unsupported protocol scheme "gopher"'),
        ("http://127.0.0.1:{port}\t.evil/", "invalid control character"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("", "302 response missing Location header"),
    ],
)
def test_row_15_hops_are_checked(location: str, why: str) -> None:
    found, server = run(follow(location))
    assert found.status == "critical"
    assert why in found.output
    assert server.connections == 1


def test_row_15_a_loop_ends() -> None:
    found, server = run(follow("http://127.0.0.1:{port}/loop"))
    text = f'Get "http://127.0.0.1:{server.port}/loop": stopped after 10 redirects'
    assert found == Outcome("critical", text)
    assert server.connections == 10


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/next", "/next", "next"])
def test_allowed_redirects_are_followed(location: str) -> None:
    found, server = run(follow(location))
    assert found == Outcome("passing", f"HTTP GET http://127.0.0.1:{server.port}/first: 200 OK Output: ok")
    assert server.connections == 2


@pytest.mark.parametrize(
    ("status", "begins", "ends"),
    [
        ("301 Moved", b"GET /next ", b"\r\n\r\n"),
        ("303 See Other", b"GET /next ", b"\r\n\r\n"),
        ("307 Again", b"PUT /next ", b"\r\n\r\nhello"),
        ("308 Again", b"PUT /next ", b"\r\n\r\nhello"),
    ],
)
def test_method_and_body_of_the_next_request(status: str, begins: bytes, ends: bytes) -> None:
    requests: list[bytes] = []

    async def behave(reader: Any, writer: Any) -> None:
        head = await read_head(reader)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
        requests.append(head + await reader.readexactly(length))
        writer.write(OK if len(requests) > 1 else redirect("/next", status))

    async def main() -> Outcome:
        async with target(behave) as server:
            url = f"http://127.0.0.1:{server.port}/"
            return await probe({"HTTP": url, "Method": "PUT", "Body": "hello"}, follow_redirects=True)

    assert run(main()).status == "passing"
    assert requests[1].startswith(begins)
    assert requests[1].endswith(ends)


SECRETS = {
    "Authorization": ["Bearer s3cret"],
    "Cookie": ["id=s3cret"],
    "X-Kept": ["1"],
    "Host": ["s3cret.name"],
}


@pytest.mark.parametrize("userinfo", ["", "bob:s3cret@"])
def test_row_15_credentials_stay_with_the_origin(userinfo: str) -> None:
    here: list[bytes] = []
    there: list[bytes] = []

    async def main() -> None:
        async with target(recording(there)) as other:
            away = redirect(f"http://127.0.0.1:{other.port}/")

            async def behave(reader: Any, writer: Any) -> None:
                here.append(await read_head(reader))
                writer.write(redirect("/again") if len(here) == 1 else away)

            async with target(behave) as server:
                headers = SECRETS if not userinfo else {"X-Kept": ["1"]}
                url = f"http://{userinfo}127.0.0.1:{server.port}/"
                await probe({"HTTP": url, "Header": headers}, follow_redirects=True)

    run(main())
    assert b"Authorization: " in here[0]
    assert b"Authorization: " in here[1]
    assert b"X-Kept: 1" in there[0]
    assert not [word for word in (b"s3cret", b"Authorization", b"Cookie") if word in there[0]]


def test_from_http_to_https(authority: Authority) -> None:
    async def main() -> tuple[Outcome, Outcome]:
        async with target(answer(OK), authority.server("IP:127.0.0.1")) as secure:
            to = redirect(f"https://127.0.0.1:{secure.port}/")
            async with target(answer(to)) as server:
                url = {"HTTP": f"http://127.0.0.1:{server.port}/"}
                known = await probe(url, follow_redirects=True, ca_file=authority.ca_file)
                return known, await probe(url, follow_redirects=True)

    known, unknown = run(main())
    assert known.status == "passing"
    assert unknown.output.endswith(": x509: certificate signed by unknown authority")
