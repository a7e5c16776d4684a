"""The reads of /v1/health, each with every parameter that it has."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import Client
from served import last_index, refused, register, serving, shown

WEB_1 = {"ID": "web-1", "Service": "web", "Tags": ["v1", "Primary"], "Address": "10.1.0.1", "Port": 80}
META = {"env": "prod", "rack": ""}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Instances of ``web`` in every state of health.

    a/web-1 passes; a/web-2 warns; b/web-3 passes, but its node has a critical check; C/web-4 has no
    check at all; d/web-5 is critical in one of its two checks.
    """
    with serving(tmp_path_factory) as server:
        api = server.client
        passing = {"Status": "passing"}
        node = {"CheckID": "disk", "Name": "Disk", "Notes": "space"}
        register(api, "a", NodeMeta=META, Check={**node, **passing}, Address="10.0.0.1")
        more = {"NodeMeta": META, "Address": "10.0.0.1"}
        register(
            api, "a", WEB_1, **more, Check={"CheckID": "web-1", "Name": "n", "ServiceID": "web-1", **passing}
        )
        warning = {"CheckID": "web-2", "Status": "warning", "ServiceID": "web-2", "Output": "slow"}
        register(api, "a", {"ID": "web-2", "Service": "web", "Tags": ["v2"]}, **more, Check=warning)
        register(
            api, "b", {"ID": "web-3", "Service": "web", "Tags": ["V1"]}, Check={**node, "Status": "critical"}
        )
        register(api, "C", {"ID": "web-4", "Service": "Web"}, NodeMeta={"env": "prod"})
        checks = [{"CheckID": each, "ServiceID": "web-5", "Status": each} for each in ("passing", "critical")]
        register(api, "d", {"ID": "web-5", "Service": "web", "Tags": ["v1"]}, Checks=checks)
        proxy = {"DestinationServiceName": "web"}
        sidecar = {"Service": "sidecar", "Kind": "connect-proxy", "Port": 1, "Proxy": proxy, "Tags": ["v1"]}
        register(api, "a", sidecar, **more)
        yield api


ALL = ["a/web-1", "a/web-2", "b/web-3", "C/web-4", "d/web-5"]
HEALTHY = ["a/web-1", "C/web-4"]
ALL_CHECKS = ["a/disk", "a/web-1", "a/web-2", "b/disk", "d/critical", "d/passing", "node-a/serfHealth"]


def read(api: Client, target: str) -> Any:
    reply = api.get(target)
    assert reply.status == 200, reply.text
    return shown(reply.json)


def ids(api: Client, target: str) -> list[str]:
    return [f"{each['Node']['Node']}/{each['Service']['ID']}" for each in read(api, target)]


def check_ids(api: Client, target: str) -> list[str]:
    return [f"{each['Node']}/{each['CheckID']}" for each in read(api, target)]


# service/:service


def test_service(api: Client) -> None:
    found = read(api, "/v1/health/service/web")
    assert [f"{each['Node']['Node']}/{each['Service']['ID']}" for each in found] == ALL
    level = {
        "Node": "a",
        "CheckID": "disk",
        "Name": "Disk",
        "Status": "passing",
        "Notes": "space",
        "Output": "",
        "ServiceID": "",
        "ServiceName": "",
        "ServiceTags": [],
        "Type": "",
        "Interval": "",
        "Timeout": "",
        "ExposedPort": 0,
        "Definition": {},
    }
    bound = {"ServiceID": "web-1", "ServiceName": "web", "ServiceTags": ["v1", "Primary"]}
    assert found[0] == {
        "Node": {
            "ID": "",
            "Node": "a",
            "Address": "10.0.0.1",
            "Datacenter": "dc1",
            "TaggedAddresses": None,
            "Meta": META,
        },
        "Service": {
            **WEB_1,
            "Meta": {},
            "Weights": {"Passing": 1, "Warning": 1},
            "EnableTagOverride": False,
            "Proxy": {"Mode": "", "MeshGateway": {}, "Expose": {}},
            "Connect": {},
            "PeerName": "",
        },
        "Checks": [level, {**level, **bound, "CheckID": "web-1", "Name": "n", "Notes": ""}],
    }


def test_each_instance_has_its_own_checks_and_the_nodes(api: Client) -> None:
    found = read(api, "/v1/health/service/web")
    assert [[check["CheckID"] for check in each["Checks"]] for each in found] == [
        ["disk", "web-1"],
        ["disk", "web-2"],
        ["disk"],
        [],
        ["critical", "passing"],
    ]


def test_order_of_keys(api: Client) -> None:
    entry = api.get("/v1/health/service/web").json[0]
    assert list(entry) == ["Node", "Service", "Checks"]
    indexes = ["CreateIndex", "ModifyIndex"]
    node = ["ID", "Node", "Address", "Datacenter", "TaggedAddresses", "Meta"]
    assert list(entry["Node"]) == [*node, *indexes]
    service = [
        *("ID", "Service", "Tags", "Address", "Meta", "Port", "Weights", "EnableTagOverride", "Proxy"),
        *("Connect", "PeerName"),
    ]
    assert list(entry["Service"]) == [*service, *indexes]
    check = [
        *("Node", "CheckID", "Name", "Status", "Notes", "Output", "ServiceID", "ServiceName", "ServiceTags"),
        *("Type", "Interval", "Timeout", "ExposedPort", "Definition"),
    ]
    assert list(entry["Checks"][0]) == [*check, *indexes]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("passing", HEALTHY),
        ("passing=", HEALTHY),
        *((f"passing={yes}", HEALTHY) for yes in ("1", "t", "T", "TRUE", "true", "True")),
        *((f"passing={no}", ALL) for no in ("0", "f", "F", "FALSE", "false", "False")),
        ("passing=0&passing=1", ALL),
        ("passing&tag=v1", ["a/web-1"]),
        ("tag=v1", ["a/web-1", "b/web-3", "d/web-5"]),
        ("tag=PRIMARY&tag=v1", ["a/web-1"]),
        ("tag=v1&tag=v2", []),
        ("tag=", []),
        ("tag", []),
        ("tag=v1&tag", []),
        ("near=_agent", ALL),
        ("near=d", ALL),
        ("node-meta=env:prod", ["a/web-1", "a/web-2", "C/web-4"]),
        ("node-meta=env:prod&node-meta=rack", ["a/web-1", "a/web-2"]),
        ("node-meta=env:prod&passing", HEALTHY),
        ("node-meta=none:x", []),
        ("peer=other", []),
        ("peer=", ALL),
        ("merge-central-config", ALL),
        ("filter=Service.Port==80", ["a/web-1"]),
        ("filter=Node.Meta.env==prod", ["a/web-1", "a/web-2", "C/web-4"]),
        ("filter=Checks.Status==critical", ["b/web-3", "d/web-5"]),
        ("filter=Checks.Status==passing&passing", ["a/web-1"]),
        ("filter=v2+in+Service.Tags&passing", []),
        ("dc=dc1&ns=default&partition=default", ALL),
        ("cached", ALL),
    ],
)
def test_service_with(api: Client, query: str, found: list[str]) -> None:
    assert ids(api, f"/v1/health/service/WEB?{query}") == found


@pytest.mark.parametrize("value", ["yes", "2", "tRUE", "no", " ", "%00"])
def test_a_bad_passing(api: Client, value: str) -> None:
    for path in ("service", "connect", "ingress"):
        reply = api.get(f"/v1/health/{path}/web?passing={value.replace(' ', '%20')}")
        refused(reply, 400, "Invalid value for ?passing")


def test_what_is_wrong_first(api: Client) -> None:
    target = "/v1/health/service/web?passing=no"
    assert api.get(f"{target}&filter=(").status == 500
    refused(api.get(f"{target}&filter=(&dc=dc2"), 500, "No path to datacenter")
    refused(api.get("/v1/health/service/?passing=no&filter=("), 400, "Missing service name")
    refused(api.get(f"{target}&filter=(&dc=dc2&index=x"), 400, "Invalid index")
    refused(api.get(f"{target}&filter=(&dc=dc2&index=x&wait=x"), 400, "Invalid wait time")
    refused(api.get(f"{target}&index=x&wait=x&max_stale=x"), 400, 'Invalid max_stale value "x"')


def test_health_follows_the_checks(api: Client) -> None:
    target = "/v1/health/service/changing?passing"

    def healthy(status: str, service_id: str = "") -> bool:
        check = {"Name": service_id or "level", "Status": status, "ServiceID": service_id}
        register(api, "changing", SkipNodeUpdate=True, Check=check)
        return bool(api.get(target).json)

    register(api, "changing", "changing")
    assert api.get(target).json
    assert [healthy(each, "changing") for each in ("critical", "warning", "odd", "passing")] == [
        False
    ] * 3 + [True]
    assert [healthy(each) for each in ("critical", "passing")] == [False, True]


# connect/:service and ingress/:service


def test_connect(api: Client) -> None:
    target = "/v1/health/connect/web"
    assert ids(api, target) == ["a/sidecar"]
    for query, kept in (("passing", True), ("tag=V1", True), ("tag=v2", True), ("node-meta=rack", True)):
        assert bool(ids(api, f"{target}?{query}")) is kept, query
    for query in ("peer=x", "filter=Service.Port==2", "node-meta=x:y"):
        assert ids(api, f"{target}?{query}") == [], query
    assert ids(api, "/v1/health/connect/sidecar") == []


def test_ingress(api: Client) -> None:
    reply = api.get("/v1/health/ingress/web?passing&filter=Service.Port==1")
    assert (reply.status, reply.text, reply.index >= 1) == (200, "[]", True)


# node/:node, checks/:service, state/:state


def test_node(api: Client) -> None:
    assert check_ids(api, "/v1/health/node/a") == ["a/disk", "a/web-1", "a/web-2"]
    assert check_ids(api, "/v1/health/node/A?filter=Status==warning") == ["a/web-2"]
    assert check_ids(api, "/v1/health/node/C") == []
    for target in ("/v1/health/node/nope", "/v1/health/node/a?peer=x"):
        reply = api.get(target)
        assert (reply.text, reply.index >= 1) == ("[]", True)


def test_no_node_by_id(api: Client) -> None:
    own = read(api, "/v1/catalog/node/node-a")["Node"]["ID"]
    assert check_ids(api, "/v1/health/node/node-a") == ["node-a/serfHealth"]
    assert check_ids(api, f"/v1/health/node/{own}") == []


def test_the_serf_check(api: Client) -> None:
    reply = api.get("/v1/health/node/node-a")
    assert shown(reply.json) == [
        {
            "Node": "node-a",
            "CheckID": "serfHealth",
            "Name": "Serf Health Status",
            "Status": "passing",
            "Notes": "",
            "Output": "Agent alive and reachable",
            "ServiceID": "",
            "ServiceName": "",
            "ServiceTags": [],
            "Type": "",
            "Interval": "",
            "Timeout": "",
            "ExposedPort": 0,
            "Definition": {},
        }
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a/web-1", "a/web-2", "d/critical", "d/passing"]),
        ("near=_agent", ["a/web-1", "a/web-2", "d/critical", "d/passing"]),
        ("node-meta=env:prod", ["a/web-1", "a/web-2"]),
        ("filter=Status==passing", ["a/web-1", "d/passing"]),
        ("filter=v2+in+ServiceTags", ["a/web-2"]),
        ("passing", ["a/web-1", "a/web-2", "d/critical", "d/passing"]),
        ("peer=x", []),
    ],
)
def test_checks(api: Client, query: str, found: list[str]) -> None:
    assert check_ids(api, f"/v1/health/checks/Web?{query}") == found


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("any", ALL_CHECKS),
        ("passing", ["a/disk", "a/web-1", "d/passing", "node-a/serfHealth"]),
        ("warning", ["a/web-2"]),
        ("critical", ["b/disk", "d/critical"]),
        ("maintenance", []),
        ("PASSING", []),
        ("any?node-meta=env:prod", ["a/disk", "a/web-1", "a/web-2"]),
        ("passing?node-meta=env:prod&node-meta=rack", ["a/disk", "a/web-1"]),
        ("any?near=a", ALL_CHECKS),
        ("any?filter=Output==slow", ["a/web-2"]),
        ("any?peer=x", []),
    ],
)
def test_state(api: Client, state: str, found: list[str]) -> None:
    changing = [name for name in check_ids(api, f"/v1/health/state/{state}") if "changing/" not in name]
    assert changing == found


def test_a_status_of_ones_own(api: Client) -> None:
    register(api, "odd", Check={"Name": "odd", "Status": "on fire"})
    assert check_ids(api, "/v1/health/state/on%20fire") == ["odd/odd"]
    register(api, "odd", Check={"Name": "odd", "Status": "out"})
    assert check_ids(api, "/v1/health/state/on%20fire") == []


# What all have in common

FILTERED = ("service/web", "connect/web", "ingress/web", "node/a", "checks/web", "state/any")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        *(("service", "service name"), ("connect", "service name"), ("ingress", "service name")),
        *(("node", "node name"), ("checks", "service name"), ("state", "check state")),
    ],
)
def test_a_missing_name(api: Client, path: str, what: str) -> None:
    reply = api.get(f"/v1/health/{path}/")
    refused(reply, 400, f"Missing {what}")
    assert "x-consul-index" not in reply.headers


@pytest.mark.parametrize(
    "path", ["service/nope", "connect/nope", "ingress/nope", "node/nope", "checks/nope", "state/nope"]
)
def test_unknown_names_are_empty(api: Client, path: str) -> None:
    reply = api.get(f"/v1/health/{path}")
    assert (reply.status, reply.text, reply.index >= 1) == (200, "[]", True)


@pytest.mark.parametrize("path", FILTERED)
def test_failed_queries(api: Client, path: str) -> None:
    for query, text in (
        ("dc=dc2", "No path to datacenter"),
        ("filter=(", "Failed to create boolean expression evaluator"),
        ("filter=Nope==1", "Failed to create boolean expression evaluator"),
    ):
        reply = api.get(f"/v1/health/{path}?{query}")
        assert (reply.status, text in reply.text) == (500, True)
        failed = [reply.headers[f"x-consul-{name}"] for name in ("index", "knownleader", "lastcontact")]
        assert failed == ["1", "false", "0"]


@pytest.mark.parametrize("path", FILTERED)
def test_pretty(api: Client, path: str) -> None:
    plain, pretty = api.get(f"/v1/health/{path}"), api.get(f"/v1/health/{path}?pretty")
    assert pretty.json == plain.json
    assert pretty.text.endswith("]\n")
    if plain.json:
        assert pretty.text.startswith('[\n    {\n        "')


@pytest.mark.parametrize("path", FILTERED)
def test_namespaces(api: Client, path: str) -> None:
    text = 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'
    refused(api.get(f"/v1/health/{path}?ns=team"), 400, text)
    assert api.get(f"/v1/health/{path}?ns=default").json == api.get(f"/v1/health/{path}").json


@pytest.mark.parametrize("path", FILTERED)
def test_cached(api: Client, path: str) -> None:
    reply = api.get(f"/v1/health/{path}?cached")
    known = path.partition("/")[0] in ("service", "connect", "ingress")
    assert reply.headers.get("x-cache") == ("MISS" if known else None)


def test_reads_change_nothing(api: Client) -> None:
    before = last_index(api)
    for path in FILTERED:
        api.get(f"/v1/health/{path}")
    assert last_index(api) == before
