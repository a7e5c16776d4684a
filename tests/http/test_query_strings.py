"""Query strings and paths as they come off the wire."""

from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.http.errors import HttpError
from registry.http.query import clean_path, decode_path, parse_query, strip_params

WAITING = frozenset((b"index", b"wait", b"hash"))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
raw = st.lists(st.sampled_from([*"&=+;abc/ é", "%41", "%c3%a9", "%ff", "index"]), max_size=12).map(
    lambda parts: "".join(parts).encode()
)


@given(st.lists(st.tuples(texts, texts), max_size=5))
def test_what_was_written_is_read(pairs: list[tuple[str, str]]) -> None:
    written = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert parse_query(written) == expected


@given(raw)
def test_the_standard_library_reads_the_same(query: bytes) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("utf-8"), keep_blank_values=True):
        expected.setdefault(name, []).append(value)
    assert parse_query(query) == expected


@pytest.mark.parametrize(
    ("query", "params"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"stale", {"stale": [""]}),
        (b"tag=a&tag=b", {"tag": ["a", "b"]}),
        (b"a=b=c", {"a": ["b=c"]}),
        (b"=x", {"": ["x"]}),
        (b"a+b=c+d", {"a b": ["c d"]}),
        (b"a;b=c;d", {"a;b": ["c;d"]}),
        (b"\xff=%FF", {"�": ["�"]}),
    ],
)
def test_queries(query: bytes, params: dict[str, list[str]]) -> None:
    assert parse_query(query) == params


@pytest.mark.parametrize(("query", "offset"), [(b"%", 0), (b"a=%4", 2), (b"a=%41&b=%zz", 8)])
def test_an_incomplete_escape_is_refused_with_its_place(query: bytes, offset: int) -> None:
    with pytest.raises(HttpError, match=rf"offset {offset}$") as refused:
        parse_query(query)
    assert refused.value.status == 400


@given(raw)
def test_stripping_removes_just_what_is_named(query: bytes) -> None:
    stripped = strip_params(query, WAITING)
    known = {name: values for name, values in parse_query(query).items() if name.encode() not in WAITING}
    assert parse_query(stripped) == known
    assert strip_params(stripped, WAITING) == stripped


@pytest.mark.parametrize(
    ("query", "stripped"),
    [
        (b"index=5&wait=1s", b""),
        (b"stale&index=5", b"stale"),
        (b"%69ndex=5&a=1", b"a=1"),
        (b"reindex=5&a=index", b"reindex=5&a=index"),
        (b"hash", b""),
    ],
)
def test_stripped_queries(query: bytes, stripped: bytes) -> None:
    assert strip_params(query, WAITING) == stripped


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12))
def test_a_path_is_decoded_once(path: str) -> None:
    assert decode_path(quote_plus(path, safe="/").replace("+", "%20").encode()) == path


@pytest.mark.parametrize(
    "path", [b"/v1/%00", b"/v1/%0a", b"/v1/%7f", b"/v1/\t", b"/v1/%", b"/v1/%4", b"/%zz"]
)
def test_paths_that_can_not_be_meant_are_refused(path: bytes) -> None:
    with pytest.raises(HttpError) as refused:
        decode_path(path)
    assert (refused.value.status, refused.value.text) == (400, "")


def test_a_path_that_was_encoded_twice_is_decoded_once() -> None:
    assert decode_path(b"/v1/%2541") == "/v1/%41"
    assert unquote_to_bytes(b"%2541") == b"%41"


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/v1/agent/self", "/v1/agent/self"),
        ("/v1//agent///self", "/v1/agent/self"),
        ("/v1/./agent/../catalog/nodes", "/v1/catalog/nodes"),
        ("/../../v1/x", "/v1/x"),
        ("//", "/"),
        ("/v1/x/", "/v1/x/"),
        ("/v1//x/", "/v1/x/"),
        ("/v1/.hidden", "/v1/.hidden"),
        ("/v1/..x", "/v1/..x"),
    ],
)
def test_clean_paths(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@given(st.lists(st.sampled_from(["/", "a", ".", "..", "b.c"]), max_size=10).map("/".join))
def test_cleaning_a_clean_path_changes_nothing(path: str) -> None:
    clean = clean_path("/" + path)
    assert clean.startswith("/")
    assert clean_path(clean) == clean
    assert not {".", ".."} & set(clean.split("/"))
