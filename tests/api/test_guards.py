"""What guards do to answers, and the endpoints that list and end them; the rows are written by hand."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from model.site import DirectStore, Got, Request, Site

from registry.catalog.guards import HOLD_OFF_KEY, TRIPS_KEY
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow
from registry.replica import Draft

TEXT = (
    "holding 2 of 3 instances of web: they turned critical; ends at 2001-09-09T01:46:40Z at the latest; "
    "add ?guard=off for the unguarded answer"
)
HELD: dict[str, tuple[str, ...]] = {"n": ("web-0", "web-1", "web-2", "side-0", "side-1")}


class Counter:
    """A site with a service ``web`` of three critical instances, and its proxies ``side``."""

    def __init__(self, root: Path) -> None:
        self.runner = asyncio.Runner()
        self.store = DirectStore(root)
        self.site = Site(self.store, self.runner.get_loop(), max_name_bytes="255")
        self.register("web", 3)
        self.register("side", 2, destination="web")

    def register(self, name: str, count: int, destination: str = "", status: str = "critical") -> None:
        draft = self.draft()
        if not self.site.replica.catalog.nodes:
            draft.put_node(NodeRow("n"))
        for number in range(count):
            key = f"{name[:20]}-{number}"
            draft.put_service(ServiceRow("n", key, name, (f"v{number}",), destination=destination))
            draft.put_check(CheckRow("n", key, status, key, name))
        self.commit(draft)

    def guard(self, name: str = "web", held: dict[str, tuple[str, ...]] = HELD, **fields: Any) -> None:
        draft = self.draft()
        draft.put_guard(GuardRow(name, "they turned critical", 0, 1_000_000_000_123, held, 2, **fields))
        draft.put_meta(TRIPS_KEY, b"7")
        self.commit(draft)

    def draft(self) -> Draft:
        return Draft(self.site.replica.catalog)

    def commit(self, draft: Draft) -> None:
        change = draft.change()
        assert change is not None
        self.store.commit_now(change)
        self.site.replica.catch_up()

    def ask(self, method: str, asked: str) -> Got:
        async def ask() -> Got:
            return await self.site.request(Request(method, asked))

        return self.runner.run(ask())

    def get(self, asked: str) -> Got:
        return self.ask("GET", f"/v1/{asked}")

    def names(self, asked: str) -> list[str]:
        return [each["Service"]["ID"] for each in self.get(asked).json]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.store.close()
    made.runner.close()


def header(got: Got) -> str | None:
    value = got.headers.get(b"x-registry-guard")
    return value.decode() if value is not None else None


def test_held_instances_count_as_healthy_and_the_answer_says_so(counter: Counter) -> None:
    assert counter.names("health/service/web?passing") == []
    counter.guard(held={"n": ("web-0", "web-2")})
    got = counter.get("health/service/web?passing")
    assert [each["Service"]["ID"] for each in got.json] == ["web-0", "web-2"]
    assert {each["Checks"][0]["Status"] for each in got.json} == {"critical"}
    assert header(got) == TEXT
    assert header(counter.get("health/service/web")) == TEXT
    assert counter.names("health/service/Web?passing&tag=v2") == ["web-2"]
    assert counter.names("health/service/web?passing&guard=on") == ["web-0", "web-2"]


def test_one_read_may_ask_for_the_truth(counter: Counter) -> None:
    counter.guard()
    got = counter.get("health/service/web?passing&guard=off")
    assert (got.json, header(got)) == ([], None)


@pytest.mark.parametrize("asked", ["service/web", "connect/web", "ingress/web", "service/nobody"])
def test_other_values_are_refused(counter: Counter, asked: str) -> None:
    got = counter.get(f"health/{asked}?guard=no")
    assert (got.status, got.body) == (400, b"Invalid value for ?guard, expected on or off")


def test_proxies_are_held_by_the_guard_of_their_own_service(counter: Counter) -> None:
    counter.guard()
    assert counter.names("health/connect/web?passing") == []
    assert header(counter.get("health/connect/web")) is None
    counter.guard("side")
    got = counter.get("health/connect/web?passing")
    assert [each["Service"]["ID"] for each in got.json] == ["side-0", "side-1"]
    assert header(got) == TEXT.replace("2 of 3 instances of", "2 of 2 proxies of")
    counter.register("edge", 1, destination="web")
    counter.guard("edge", {"n": ("edge-0",)})
    assert "holding 3 of 3 proxies of web: they turned critical (and 1 more); ends" in str(
        header(counter.get("health/connect/web"))
    )


@pytest.mark.parametrize(
    "asked",
    [
        "catalog/service/web",
        "health/checks/web",
        "health/node/n",
        "health/state/critical",
        "health/ingress/web",
    ],
)
def test_other_answers_show_the_truth_without_a_word(counter: Counter, asked: str) -> None:
    before = counter.get(asked)
    counter.guard()
    after = counter.get(asked)
    assert (after.body, header(after)) == (before.body, None)


def test_a_filter_sees_the_true_statuses(counter: Counter) -> None:
    counter.guard()
    got = counter.get("health/service/web?filter=Checks.Status==passing")
    assert (got.json, header(got)) == ([], TEXT.replace("2 of 3", "3 of 3"))


def test_the_header_is_kept_when_nothing_has_changed(counter: Counter) -> None:
    counter.guard()
    etag = counter.get("health/service/web").headers[b"etag"]

    async def again() -> Got:
        return await counter.site.request(
            Request("GET", "/v1/health/service/web", headers=((b"if-none-match", etag),))
        )

    got = counter.runner.run(again())
    assert (got.status, header(got)) == (304, TEXT.replace("2 of 3", "3 of 3"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('say "hi" / 100%', 'say "hi" / 100%25'),
        ("gr\u00fc\u00df", "gr%C3%BC%C3%9F"),
        ("\u00e9" * 127, ("%C3%A9" * 127)[:300]),
        ("\u0085nel", "%C2%85nel"),
    ],
)
def test_any_name_fits_the_header(counter: Counter, name: str, shown: str) -> None:
    counter.register(name, 1)
    counter.guard(name)
    found = header(counter.ask("GET", f"/v1/health/service/{_escaped(name)}"))
    assert found is not None
    assert found.startswith(f"holding 0 of 1 instances of {shown}: they turned critical; ")
    assert found.isascii()
    assert found.isprintable()
    assert len(found) < 600


def _escaped(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())


def test_the_guards_are_listed(counter: Counter) -> None:
    assert counter.get("internal/guards").json == {"Active": 0, "Trips": 0, "Guards": []}
    counter.guard(held={"n": ("web-0", "web-2")})
    counter.guard("side", everywhere=True, released=True)
    web = {
        "Service": "web",
        "Reason": "they turned critical",
        "Scope": "service",
        "Began": "1970-01-01T00:00:00Z",
        "EndsAtTheLatest": "2001-09-09T01:46:40Z",
        "Released": False,
        "Holding": 2,
        "Instances": 3,
    }
    side = web | {"Service": "side", "Scope": "all", "Released": True, "Holding": 0, "Instances": 2}
    got = counter.get("internal/guards")
    assert got.json == {"Active": 1, "Trips": 7, "Guards": [side, web]}
    assert got.index == counter.site.replica.catalog.index


def test_a_guard_is_ended_by_hand(counter: Counter) -> None:
    counter.guard()
    assert counter.ask("PUT", "/v1/internal/guard/release/WEB").json == {"Released": ["web"]}
    got = counter.get("health/service/web?passing")
    assert (got.json, header(got)) == ([], None)
    assert counter.get("internal/guards").json["Guards"][0]["Released"]
    index = counter.site.replica.catalog.index
    assert counter.ask("PUT", "/v1/internal/guard/release/web").json == {"Released": ["web"]}
    assert counter.site.replica.catalog.index == index


def test_all_guards_are_ended_by_hand(counter: Counter) -> None:
    none = counter.ask("PUT", "/v1/internal/guards/release")
    assert (none.status, none.body) == (404, b"No guard is on")
    counter.guard()
    counter.guard("side")
    assert counter.ask("PUT", "/v1/internal/guards/release").json == {"Released": ["side", "web"]}
    assert counter.get("internal/guards").json["Active"] == 0
    assert counter.site.replica.catalog.meta[HOLD_OFF_KEY] == b"1000000000123"
    index = counter.site.replica.catalog.index
    assert counter.ask("PUT", "/v1/internal/guards/release").json == {"Released": []}
    assert counter.site.replica.catalog.index == index


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("", 400, b"Missing service name"),
        ("db", 404, b"No guard is on for service 'db'; /v1/internal/guards lists those that are"),
    ],
)
def test_what_is_not_guarded_can_not_be_ended(counter: Counter, name: str, status: int, text: bytes) -> None:
    counter.guard()
    index = counter.site.replica.catalog.index
    got = counter.ask("PUT", f"/v1/internal/guard/release/{name}")
    assert (got.status, got.body) == (status, text)
    assert counter.site.replica.catalog.index == index


def test_watchers_of_the_list_are_woken_by_a_guard_and_by_its_end(counter: Counter) -> None:
    async def watch() -> Any:
        index = counter.site.replica.catalog.index
        asked = f"/v1/internal/guards?index={index}&wait=60s"
        parked = counter.site.ask(Request("GET", asked))
        await asyncio.sleep(0)
        counter.guard()
        return (await parked).json["Active"]

    assert counter.runner.run(watch()) == 1


def test_a_node_of_the_same_name_is_not_touched(counter: Counter) -> None:
    draft = counter.draft()
    draft.put_node(NodeRow("web"))
    counter.commit(draft)
    before = [counter.get(asked).index for asked in ("catalog/node/web", "health/node/web")]
    counter.guard()
    assert [counter.get(asked).index for asked in ("catalog/node/web", "health/node/web")] == before
