"""The path of a cached lookup through the application, without the server."""

from bench.parts.conftest import Timed
from bench.parts.world import Surroundings, at_once, get, receive, send
from bench.population import PER_SERVICE, even


def test_cache_hit(timed: Timed, surroundings: Surroundings) -> None:
    surroundings.register(even(1))
    app, scope = surroundings.app, get(b"/v1/health/service/svc-0000", b"passing")
    sent: list[bytes] = []

    async def keep(event: dict[str, object]) -> None:
        body = event.get("body")
        if isinstance(body, bytes):
            sent.append(body)

    at_once(app(scope, receive, keep))
    assert sent[0].count(b'"Service":{') == PER_SERVICE
    assert (scope["raw_path"], scope["query_string"]) in app.answers.answers

    timed(lambda: at_once(app(scope, receive, send)))


def test_cache_hit_with_many_headers(timed: Timed, surroundings: Surroundings) -> None:
    surroundings.register(even(1))
    app, scope = surroundings.app, get(b"/v1/health/service/svc-0000", b"passing")
    scope["headers"] += [(b"x-header-%d" % number, b"value") for number in range(12)]
    scope["headers"] += [(b"accept-encoding", b"gzip, deflate"), (b"connection", b"keep-alive")]
    at_once(app(scope, receive, send))

    timed(lambda: at_once(app(scope, receive, send)))


def test_cache_miss(timed: Timed, surroundings: Surroundings) -> None:
    """Parsed, routed, joined from fragments, kept: each time under another query string."""
    surroundings.register(even(1))
    app, scope = surroundings.app, get(b"/v1/health/service/svc-0000", b"passing")
    number = 0

    def lookup() -> None:
        nonlocal number
        number += 1
        scope["query_string"] = b"passing&n=%d" % number
        at_once(app(scope, receive, send))

    timed(lookup)
    assert (scope["raw_path"], scope["query_string"]) in app.answers.answers
