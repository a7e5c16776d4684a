"""Row 16: only known schemes, and nothing gets into a request but what belongs there."""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.support import closed_port, probe, recording, run, target
from registry.keeper.probes.failure import ProbeFailed
from registry.keeper.probes.http_request import HttpRequest
from registry.keeper.probes.http_url import HttpUrl

EVIL = "x\r\nX-Evil: 1"


@pytest.mark.parametrize(
    "definition",
    [
        {"HTTP": "http://127.0.0.1:{port}/\r\nX-Evil: 1"},
        {"HTTP": "http://127.0.0.1:{port}/ HTTP/1.1\r\nX-Evil: 1\r\n\r\n"},
        {"HTTP": "http://127.0.0.1:{port}\r\nX-Evil: 1/"},
        {"HTTP": "http://u\r\nX-Evil:1@127.0.0.1:{port}/"},
        {"Method": "GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"},
        {"Method": "GET\n"},
        {"Method": "GET /x"},
        {"Header": {"X-Fine": [EVIL]}},
        {"Header": {EVIL: ["1"]}},
        {"Header": {"Host": [EVIL]}},
        {"Header": {"User-Agent": [EVIL]}},
        {"Header": {"X: 1\r\nX-Evil": ["1"]}},
        {"Header": {"X Y": ["1"]}},
        {"Header": {"": ["1"]}},
        {"Header": {"X-Nul": ["a\0b"]}},
        {"Header": {"X-Newline": ["a\nb"]}},
        {"HTTP": "https://127.0.0.1:{port}/", "TLSServerName": EVIL},
    ],
)
def test_row_16_nothing_is_sent(definition: dict[str, Any]) -> None:
    async def main() -> tuple[str, int]:
        async with target(recording([])) as server:
            url = definition.get("HTTP", "http://127.0.0.1:{port}/").replace("{port}", str(server.port))
            return (await probe({**definition, "HTTP": url})).output, server.connections

    output, reached = run(main())
    assert "invalid" in output
    assert reached == 0


@pytest.mark.parametrize(
    "definition",
    [
        {"HTTP": "http://127.0.0.1:{port}/%0d%0aX-Evil:%201"},
        {"HTTP": "http://127.0.0.1:{port}/\u010d\u010aX-Evil: 1"},
        {"HTTP": "http://127.0.0.1:{port}/?a b\u2028X-Evil: 1"},
        {"HTTP": "http://u%0d%0aX-Evil%3a1:p%0a@127.0.0.1:{port}/"},
        {"Header": {"X-Fine": ["\u010d\u010aX-Evil: 1"]}},
        {"Header": {"Content-Length": ["99"], "Transfer-Encoding": ["chunked"], "Trailer": ["X-Evil"]}},
        {"Header": {"content-LENGTH": ["99"], "CONNECTION": ["keep-alive, X-Evil"]}},
        {"Header": {"X-Fine": [" padded\t"]}},
        {"Body": "\r\nX-Evil: 1\r\n\r\n", "Method": "POST"},
    ],
)
def test_row_16_the_framing_is_ours(definition: dict[str, Any]) -> None:
    heads: list[bytes] = []

    async def main() -> str:
        async with target(recording(heads)) as server:
            url = definition.get("HTTP", "http://127.0.0.1:{port}/").format(port=server.port)
            return (await probe({**definition, "HTTP": url})).status

    assert run(main()) == "passing"
    names = [line.partition(b":")[0].lower() for line in heads[0].split(b"\r\n")[1:-2]]
    assert b"x-evil" not in names
    assert b"transfer-encoding" not in names
    assert names.count(b"host") == names.count(b"connection") == 1
    assert names.count(b"content-length") == ("Body" in definition)


@pytest.mark.parametrize(
    "scheme", ["file", "gopher", "ftp", "unix", "ws", "javascript", "data", "ldap", "HTTPX"]
)
def test_row_16_schemes(scheme: str) -> None:
    output = run(probe({"HTTP": f"{scheme}://127.0.0.1:{closed_port()}/etc/passwd"})).output
    assert f'unsupported protocol scheme "{scheme.lower()}"' in output


SENT = re.compile(r"[!-~]+")
texts = st.text(max_size=30)


@settings(max_examples=300)
@given(
    st.one_of(
        texts, texts.map("http://h/{}".format), texts.map("http://{}".format), texts.map("http://h?{}".format)
    )
)
@example("http://[::1%25eth0]/")
@example("http://h:/")
@example("//h/x")
def test_row_16_whatever_is_read_as_a_url_can_be_sent(text: str) -> None:
    try:
        url = HttpUrl.parse(text)
    except ProbeFailed:
        return
    assert SENT.fullmatch(url.path), url
    assert url.path.startswith("/")
    assert not re.search(r"[\x00-\x20\x7f@/\\?#]", url.authority), url
    assert url.target.host.lower() in url.authority.lower().replace("%25", "%")


@settings(max_examples=100)
@given(
    st.dictionaries(texts, st.lists(texts, max_size=2), max_size=3),
    st.one_of(st.sampled_from(["GET", "post"]), texts),
)
def test_row_16_whatever_is_read_as_a_request_can_be_sent(header: dict[str, list[str]], method: str) -> None:
    try:
        request = HttpRequest.of_check({"HTTP": "http://h/", "Method": method, "Header": header})
    except ProbeFailed:
        return
    for name, value in request.lines():
        assert re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value)
