"""The answer cache: never stale, never larger than it may be, and kind to what is asked for."""

import gzip
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.wishes import mixed

from registry.http.answer import GZIP_FROM_BYTES, Answer
from registry.http.cache import AnswerCache, Key

BOUND = 64 << 10
TOPICS = ["nodes", "services", "service/web", "node/a"]
KEYS: list[Key] = [(b"/v1/%d" % number, b"q") for number in range(12)]


def answer(length: int, *topics: str) -> Answer:
    """Return an answer with a body that compresses badly enough to be worth counting."""
    body = b"".join(b"%d," % (number * 2654435761 % 10007) for number in range(length // 5))
    return Answer(200, [], body.ljust(length, b"x"), index=1, topics=topics)


class Play:
    """A small cache against the set of what may be in it."""

    def __init__(self) -> None:
        self.cache = AnswerCache(BOUND)
        self.newest: dict[Key, Answer] = {}

    def put(self, key: Key, length: int, topics: set[str]) -> None:
        made = answer(length, *topics)
        self.cache.put(key, made)
        if made.size + len(key[0]) + len(key[1]) <= BOUND // 8:
            self.newest[key] = made
            assert self.cache.answers[key] is made

    def use(self, key: Key) -> None:
        found = self.cache.answers.get(key)
        if found is not None:
            found.used = True

    def compress(self, key: Key) -> None:
        found = self.cache.answers.get(key)
        if found is not None:
            found.gzipped()
        self.cache.grew(key)

    def drop(self, topics: set[str]) -> None:
        before = dict(self.cache.answers)
        self.cache.drop(topics)
        kept = {key: each for key, each in before.items() if not topics.intersection(each.topics)}
        assert self.cache.answers == kept

    def clear(self) -> None:
        self.cache.clear()
        assert self.cache.answers == {}

    def check(self) -> None:
        """Require that it holds what it says, no more than it may, and the newest answer or none."""
        sizes = [each.size + len(key[0]) + len(key[1]) for key, each in self.cache.answers.items()]
        assert self.cache.bytes_held == sum(sizes) <= BOUND
        for key, each in self.cache.answers.items():
            assert each is self.newest[key]


keys = st.sampled_from(KEYS)
lengths = st.sampled_from([0, 100, 3000, 3000, 5000, BOUND // 8 + 1])
puts = st.tuples(st.just("put"), keys, lengths, st.sets(st.sampled_from(TOPICS), min_size=1))
drops = st.tuples(st.just("drop"), st.sets(st.sampled_from(TOPICS), max_size=2))
steps = mixed(
    (8, puts),
    (3, st.tuples(st.just("use"), keys)),
    (4, st.tuples(st.just("compress"), keys)),
    (1, drops),
    (1, st.just(("clear",))),
)


@settings(deadline=None)
@given(st.lists(steps, min_size=10, max_size=60))
def test_the_cache_holds_what_it_may_and_nothing_old(sequence: list[tuple[Any, ...]]) -> None:
    play = Play()
    for action, *arguments in sequence:
        getattr(play, action)(*arguments)
        play.check()


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


def test_what_was_asked_for_once_makes_room_in_the_end() -> None:
    cache = AnswerCache(BOUND)
    old = answer(3000, "nodes")
    cache.put(KEYS[0], old)
    old.used = True
    for number in range(20):
        cache.put((b"/odd", b"%d" % number), answer(3000, "services"))
    assert cache.answers[KEYS[0]] is old, "it was asked for since the last look"
    for number in range(20, 100):
        cache.put((b"/odd", b"%d" % number), answer(3000, "services"))
    assert KEYS[0] not in cache.answers


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
