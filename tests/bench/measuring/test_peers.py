"""The peers: they answer what the registry answers."""

from pathlib import Path

import pytest

from bench import nginx
from bench.bench import Bench
from bench.servers import Reply

BODY = b'[{"Service":"web $x"}]'
HEADERS = [
    (b"content-type", b"application/json"),
    (b"etag", b'W/"18-f5432f50"'),
    (b"x-consul-index", b"42"),
    (b"content-length", b"22"),
    (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
]


def test_nginx_answers_the_constant_with_its_headers(tmp_path: Path) -> None:
    if nginx.binary() is None:
        pytest.skip(nginx.MISSING)
    bench = Bench(tmp_path, quick=True, workers=1, consul=None)
    with bench.nginx(Reply(200, HEADERS, BODY)) as (server,):
        reply = server.get("/v1/health/service/web?passing")
        assert server.process.shared_memory_bytes()
    assert (reply.status, reply.body) == (200, BODY)
    assert set(HEADERS[:4]) <= set(reply.headers)
    assert dict(reply.headers)[b"server"].startswith(b"nginx")


def test_the_bare_server_answers_the_constant_with_its_headers(tmp_path: Path) -> None:
    bench = Bench(tmp_path, quick=True, workers=1, consul=None)
    with bench.bare(Reply(200, HEADERS, BODY)) as server:
        reply = server.get("/v1/health/service/web?passing")
    assert (reply.status, reply.body) == (200, BODY)
    assert set(HEADERS[:4]) <= set(reply.headers)
