"""The answer cache: never stale, never larger than it may be, and kind to what is asked for."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from registry.http.answer import GZIP_FROM_BYTES, Answer
from registry.http.cache import AnswerCache, Key

BOUND = 64 << 10
TOPICS = ["nodes", "services", "service/web", "node/a"]
KEYS: list[Key] = [(b"/v1/%d" % number, b"q") for number in range(12)]


def answer(length: int, *topics: str) -> Answer:
    """Return an answer with a body that compresses badly enough to be worth counting."""
    body = b"".join(b"%d," % (number * 2654435761 % 10007) for number in range(length // 5))
    return Answer(200, [], body.ljust(length, b"x"), index=1, topics=topics)


class CacheMachine(RuleBasedStateMachine):
    """A small cache against the set of what may be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = AnswerCache(BOUND)
        self.newest: dict[Key, Answer] = {}

    @rule(
        key=st.sampled_from(KEYS),
        length=st.sampled_from([0, 100, 3000, 6000, BOUND // 8 + 1]),
        topics=st.sets(st.sampled_from(TOPICS), min_size=1),
    )
    def put(self, key: Key, length: int, topics: set[str]) -> None:
        made = answer(length, *topics)
        self.cache.put(key, made)
        if made.size + len(key[0]) + len(key[1]) <= BOUND // 8:
            self.newest[key] = made
            assert self.cache.answers[key] is made

    @rule(key=st.sampled_from(KEYS))
    def use(self, key: Key) -> None:
        found = self.cache.answers.get(key)
        if found is not None:
            found.used = True

    @rule(key=st.sampled_from(KEYS))
    def compress(self, key: Key) -> None:
        found = self.cache.answers.get(key)
        if found is not None:
            found.gzipped()
        self.cache.grew(key)

    @rule(topics=st.sets(st.sampled_from(TOPICS)))
    def drop(self, topics: set[str]) -> None:
        before = dict(self.cache.answers)
        self.cache.drop(topics)
        kept = {key: each for key, each in before.items() if not topics.intersection(each.topics)}
        assert self.cache.answers == kept

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        assert self.cache.answers == {}

    @invariant()
    def it_holds_what_it_says_and_no_more_than_it_may(self) -> None:
        sizes = [each.size + len(key[0]) + len(key[1]) for key, each in self.cache.answers.items()]
        assert self.cache.bytes_held == sum(sizes) <= BOUND

    @invariant()
    def it_holds_the_newest_answer_or_none(self) -> None:
        for key, each in self.cache.answers.items():
            assert each is self.newest[key]


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_flood_of_odd_requests_pushes_out_itself() -> None:
    cache = AnswerCache(BOUND)
    busy = answer(3000, "nodes")
    cache.put(KEYS[0], busy)
    for number in range(1000):
        busy.used = True
        cache.put((b"/odd", b"%d" % number), answer(3000, "services"))
        assert cache.answers[KEYS[0]] is busy


def test_what_nobody_asks_for_makes_room() -> None:
    cache = AnswerCache(BOUND)
    cache.put(KEYS[0], answer(3000, "nodes"))
    for number in range(100):
        cache.put((b"/odd", b"%d" % number), answer(3000, "services"))
    assert KEYS[0] not in cache.answers
    assert (b"/odd", b"99") in cache.answers


def test_an_answer_that_would_fill_the_cache_is_not_kept() -> None:
    cache = AnswerCache(BOUND)
    cache.put(KEYS[0], answer(BOUND // 8 + 1, "nodes"))
    assert (cache.answers, cache.bytes_held) == ({}, 0)


@given(st.binary(max_size=4000))
def test_a_compressed_answer_is_the_same_answer(body: bytes) -> None:
    plain = Answer(200, [(b"content-type", b"x")], body, index=7, etag=b'W/"7"', topics=("nodes",))
    size = plain.size
    packed = plain.gzipped()
    if len(body) < GZIP_FROM_BYTES:
        assert packed is plain
        return
    assert gzip.decompress(packed.body) == body
    assert packed.headers == [(b"content-type", b"x"), (b"content-encoding", b"gzip")]
    assert (packed.status, packed.index, packed.etag) == (200, 7, b'W/"7"')
    assert plain.gzipped() is packed
    assert plain.size == size + packed.size
    assert plain.headers == [(b"content-type", b"x")]


@pytest.mark.parametrize("length", [0, GZIP_FROM_BYTES - 1])
def test_small_bodies_are_not_compressed(length: int) -> None:
    plain = answer(length)
    assert plain.gzipped() is plain
    assert plain.body_event == {"type": "http.response.body", "body": plain.body}
