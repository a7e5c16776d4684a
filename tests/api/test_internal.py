"""The list of checks and the history of one: filters, pages, and what is refused."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from harness.client import Client
from harness.process import wait_until
from served import TEXT, refused, register, serving

CHECKS = "/v1/internal/checks"
HISTORY = "/v1/internal/check-history"
MOST = 20
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that shows few checks at once, with checks of its own and of others."""
    with serving(tmp_path_factory, "--max-checks-listed", str(MOST)) as server:
        client = server.client
        for number in range(30):
            status = ("passing", "warning", "critical", "odd")[number % 4]
            check = {
                "CheckID": f"c{number:02}",
                "Name": "check",
                "Status": status,
                "ServiceID": "db",
                "Output": f"\n line {number}\nmore",
            }
            register(client, "Zeta", "db", Check=check)
        for name in ("Web", "Other"):
            check = {"TTL": "1h", "CheckID": f"{name}/ttl"}
            reply = client.put("/v1/agent/service/register", {"Name": name, "Check": check})
            assert reply.status == 200, reply.text
        wait_until(lambda: all(check["Since"] for check in everything(client)))
        yield client


def everything(client: Client, query: str = "") -> list[dict[str, Any]]:
    """Return all checks that a query finds, page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        reply = client.get(f"{CHECKS}?after={quote(after)}{query}")
        assert reply.status == 200, reply.text
        found += reply.json["Checks"]
        after = reply.json["Next"]
        if not after:
            return found


def ids(checks: list[dict[str, Any]]) -> list[str]:
    return [check["CheckID"] for check in checks]


def test_what_is_shown_of_a_check(api: Client) -> None:
    (check,) = everything(api, "&service=web")

    assert check["Since"] <= check["NextRun"]
    assert {name: check[name] for name in check if name not in ("Since", "NextRun")} == {
        "Node": "node-a",
        "CheckID": "Web/ttl",
        "Name": "Service 'Web' check",
        "ServiceID": "Web",
        "ServiceName": "Web",
        "Kind": "ttl",
        "Status": "critical",
        "LastRun": None,
        "LatencyMs": None,
        "LastResult": "",
        "Runs": 0,
        "Output": "",
    }


def test_the_first_line_of_the_output_is_shown(api: Client) -> None:
    assert everything(api, "&node=zeta&limit=1")[3]["Output"] == "line 3"


@pytest.mark.parametrize("limit", ["", "&limit=1", "&limit=7", f"&limit={MOST}"])
def test_pages_make_up_the_whole_in_order(api: Client, limit: str) -> None:
    expected = [f"c{number:02}" for number in range(30)]

    assert ids(everything(api, f"&node=Zeta{limit}")) == expected
    assert ids(everything(api, limit)) == ["Other/ttl", "serfHealth", "Web/ttl", *expected]


def test_a_page_is_no_longer_than_max_checks_listed(api: Client) -> None:
    reply = api.get(CHECKS).json

    assert len(reply["Checks"]) == MOST
    assert reply["Next"] != ""


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("&state=passing&node=zeta", [f"c{number:02}" for number in range(0, 30, 4)]),
        ("&state=odd", [f"c{number:02}" for number in range(3, 30, 4)]),
        ("&state=any&service=web", ["Web/ttl"]),
        ("&service=DB&state=warning", [f"c{number:02}" for number in range(1, 30, 4)]),
        ("&kind=ttl", ["Other/ttl", "Web/ttl"]),
        ("&kind=ttl&state=critical&service=other", ["Other/ttl"]),
        ("&kind=http", []),
        ("&service=none", []),
        ("&node=none", []),
    ],
)
def test_filters_are_met_all_at_once(api: Client, query: str, found: list[str]) -> None:
    assert ids(everything(api, query)) == found
    assert ids(everything(api, query + "&limit=3")) == found


@pytest.mark.parametrize("limit", ["0", "-1", "21", "1.5", "x", "9999999999", "\u0663"])
def test_a_wrong_limit_is_refused(api: Client, limit: str) -> None:
    reply = api.get(f"{CHECKS}?limit={quote(limit)}")

    refused(reply, 400, f"Invalid limit {limit!r}: expected a number from 1 to 20 (max_checks_listed)")


@pytest.mark.parametrize("after", ["x", "%ff", "YQ", "_____", "//8="])
def test_a_wrong_cursor_is_refused(api: Client, after: str) -> None:
    reply = api.get(f"{CHECKS}?after={after}")

    assert (reply.status, reply.headers["content-type"]) == (400, TEXT)
    assert reply.text.startswith("Invalid after ")


def test_an_unknown_state_is_refused(api: Client) -> None:
    text = "Invalid state 'blue': expected any, passing, warning, critical"

    refused(api.get(f"{CHECKS}?state=blue"), 400, text)


def test_history_of_a_check(api: Client) -> None:
    shown = api.get(f"{HISTORY}?check=C01&node=ZETA").json

    (line,) = shown.pop("History")
    assert shown == {"Node": "Zeta", "CheckID": "c01", "Status": "warning", "Since": line["Time"]}
    assert (line["From"], line["To"], line["Reason"]) == ("", "warning", "\n line 1\nmore")
    assert api.get(f"{HISTORY}?check=web%2Fttl").json["History"][0]["To"] == "critical"


def test_pretty(api: Client) -> None:
    assert api.get(f"{HISTORY}?check=c01&node=zeta&pretty").text.startswith('{\n    "Node": "Zeta",\n')
    assert api.get(f"{CHECKS}?pretty&limit=1").text.startswith('{\n    "Checks": [\n')


def test_history_without_or_of_an_unknown_check_is_refused(api: Client) -> None:
    refused(
        api.get(HISTORY), 400, "Missing check: expected ?check=CHECK-ID, and &node=NODE for another node's"
    )
    for query, check, node in (("check=c01", "c01", "node-a"), ("check=c01&node=none", "c01", "none")):
        text = f"Unknown check ID '{check}' on node '{node}'; GET {CHECKS} lists those there are"
        refused(api.get(f"{HISTORY}?{query}"), 404, text)


def test_a_cursor_of_a_check_that_has_gone_goes_on_behind_it(api: Client) -> None:
    register(api, "gone", Checks=[{"CheckID": f"g{number}", "Name": "g"} for number in range(3)])
    page = api.get(f"{CHECKS}?node=gone&limit=2").json
    assert ids(page["Checks"]) == ["g0", "g1"]
    api.put("/v1/catalog/deregister", {"Node": "gone", "CheckID": "g1"})

    assert ids(api.get(f"{CHECKS}?node=gone&after={quote(page['Next'])}").json["Checks"]) == ["g2"]
    api.put("/v1/catalog/deregister", {"Node": "gone"})
