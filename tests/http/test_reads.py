"""From a request line to an answer: keys, headers, the cache."""

from dataclasses import replace

import pytest

from registry.http.answer import Answer, Result
from registry.http.cache import AnswerCache, Key
from registry.http.errors import HttpError
from registry.http.query import parse_query
from registry.http.reads import COMMON, Plan, Reads
from registry.http.request import Read
from registry.http.routing import ReadRoute


class Facts:
    """A world of one number."""

    datacenter = "dc1"
    store_id = "0" * 32

    def __init__(self) -> None:
        self.indexes = {"one": 5, "two": 7}
        self.made = 0

    def topic_index(self, topic: str) -> int:
        return self.indexes[topic]


def handler(read: Read[Facts]) -> Result:
    """Answer with what was asked."""
    read.world.made += 1
    if "fail" in read.params:
        raise HttpError(int(read.first("fail")), "wrong")
    return Result(b'{"a":[%d]}' % read.world.made, tuple(read.params.get("topic", ["one"])))


PLAIN = ReadRoute(path="/v1/x/", summary="", handler=handler)
CATALOG = replace(PLAIN, meta=True, blocking=True, effective=True, cached=True)


class Desk:
    """Reads over a world, and the way a request gets there."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.cache = AnswerCache(1 << 20)
        self.reads: Reads[Facts] = Reads(self.facts, self.cache)

    def plan(self, query: bytes = b"", accept: bytes = b"", route: ReadRoute = CATALOG) -> Plan[Facts]:
        key: Key = (b"/v1/x/y", query)
        return self.reads.plan(route, "y", parse_query(query), key, accept, b"")

    def ask(self, query: bytes = b"", accept: bytes = b"", route: ReadRoute = CATALOG) -> Answer:
        return self.reads.answer(self.plan(query, accept, route))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def header(answer: Answer, name: bytes) -> bytes:
    """Return a header's value, b"" when it is absent; there must not be two."""
    values = [value for known, value in answer.headers if known == name]
    assert len(values) <= 1
    return values[0] if values else b""


def test_who_waits_and_who_does_not_share_one_answer(desk: Desk) -> None:
    plain = desk.ask(b"tag=a")
    for query in (b"tag=a&index=3", b"index=3&wait=1s&tag=a", b"tag=a&wait=5s"):
        assert desk.ask(query) is plain
    assert desk.facts.made == 1
    assert list(desk.cache.answers) == [(b"/v1/x/y", b"tag=a")]


def test_other_parameters_are_other_answers(desk: Desk) -> None:
    answers = {id(desk.ask(query)) for query in (b"", b"tag=a", b"tag=b", b"stale", b"pretty")}
    assert len(answers) == 5


def test_the_options_of_a_plan(desk: Desk) -> None:
    options = desk.plan(b"index=3&wait=1m&stale&cached&pretty&hash=ab").options
    assert (options.index, options.wait_s, options.consistency) == (3, 60.0, "stale")
    assert (options.cached, options.pretty, options.digest) == (True, True, "")
    options = desk.plan(b"index=3&wait=1m&hash=ab", route=replace(PLAIN, hashed=True)).options
    assert (options.index, options.wait_s, options.digest) == (0, 60.0, "ab")


def test_a_read_that_can_not_wait_takes_no_notice(desk: Desk) -> None:
    options = desk.plan(b"index=x&wait=y&stale&consistent", route=replace(PLAIN, meta=True)).options
    assert (options.index, options.wait_s, options.consistency) == (0, None, "leader")


def test_the_index_is_the_highest_of_the_topics(desk: Desk) -> None:
    answer = desk.ask(b"topic=one&topic=two")
    assert (answer.index, header(answer, b"x-consul-index")) == (7, b"7")
    assert answer.topics == ("one", "two")


def test_headers_of_a_catalog_read(desk: Desk) -> None:
    answer = desk.ask(b"stale&cached")
    assert answer.headers[: len(COMMON)] == COMMON
    expected = {
        b"content-type": b"application/json",
        b"x-consul-index": b"5",
        b"x-consul-knownleader": b"true",
        b"x-consul-lastcontact": b"0",
        b"x-consul-effective-consistency": b"stale",
        b"x-cache": b"MISS",
        b"etag": answer.etag,
    }
    for name, value in expected.items():
        assert header(answer, name) == value, name


def test_a_read_without_index_has_no_such_headers(desk: Desk) -> None:
    answer = desk.ask(b"cached", route=replace(PLAIN, any_dc=True))
    for name in (b"x-consul-index", b"x-consul-knownleader", b"etag", b"x-cache"):
        assert header(answer, name) == b""
    assert (answer.index, answer.etag) == (0, b"")


def test_an_etag_stands_for_one_index_of_one_store(desk: Desk) -> None:
    first = desk.ask().etag
    assert desk.ask(b"pretty").etag == first
    desk.facts.indexes["one"] = 6
    desk.cache.drop({"one"})
    assert desk.ask().etag != first
    other = Desk()
    other.facts.store_id = "1" * 32
    other.reads = Reads(other.facts, other.cache)
    assert other.ask().etag != first


def test_pretty_is_laid_out(desk: Desk) -> None:
    assert desk.ask(b"pretty").body == b'{\n    "a": [\n        1\n    ]\n}\n'


def test_an_answer_is_made_again_when_its_topic_was_dropped(desk: Desk) -> None:
    first = desk.ask()
    desk.cache.drop({"two"})
    assert desk.ask() is first
    assert first.used
    desk.cache.drop({"one"})
    assert desk.ask() is not first


def test_text_and_json_are_kept_apart(desk: Desk) -> None:
    as_json, as_text = desk.ask(), desk.ask(accept=b"text/plain;q=1")
    assert as_json is not as_text
    assert desk.plan(accept=b"text/plain").read.accept_text
    assert not desk.plan(accept=b"*/*").read.accept_text


@pytest.mark.parametrize(("status", "meta"), [(400, False), (404, False), (500, True)])
def test_errors_are_not_kept(desk: Desk, status: int, meta: bool) -> None:
    for _ in range(2):
        with pytest.raises(HttpError, match=r"^wrong$") as refused:
            desk.ask(b"fail=%d" % status)
        assert refused.value.meta == meta
    assert desk.facts.made == 2
    assert desk.cache.answers == {}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (b"wait=x&index=y", "Invalid wait time"),
        (b"index=y&dc=other", "Invalid index"),
        (b"stale&consistent&wait=x", "Cannot specify ?stale with ?consistent, conflicting semantics."),
        (b"dc=other", "No path to datacenter"),
    ],
)
def test_the_first_thing_wrong_is_told_in_consuls_order(desk: Desk, query: bytes, text: str) -> None:
    with pytest.raises(HttpError) as refused:
        desk.plan(query)
    assert refused.value.text == text


def test_a_read_of_all_datacenters_takes_any_name(desk: Desk) -> None:
    assert desk.ask(b"dc=other", route=replace(PLAIN, any_dc=True)).status == 200
