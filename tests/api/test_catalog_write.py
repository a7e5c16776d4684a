"""catalog/register and catalog/deregister: what they write, and what they refuse."""

from collections.abc import Iterator
from typing import Any

import pytest
from harness.client import Client
from served import DEREGISTER, REGISTER, deregister, done, last_index, refused, register, serving, shown

UUIDS = [f"{number}0e4a748-2192-161a-0510-9bf59fe950b5" for number in range(1, 6)]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory) as server:
        yield server.client


def node(api: Client, name: str) -> Any:
    """A node with its services by ID, None if it is unknown."""
    return api.get(f"/v1/catalog/node/{name}").json


def services(api: Client, name: str) -> Any:
    return shown(node(api, name)["Services"])


def checks(api: Client, name: str) -> dict[str, Any]:
    """The checks of a node by ID."""
    return {check["CheckID"]: shown(check) for check in api.get(f"/v1/health/node/{name}").json}


def unchanged(api: Client, body: object, path: str = REGISTER) -> None:
    """Require that a request succeeds and changes nothing."""
    before = last_index(api)
    done(api.put(path, body))
    assert last_index(api) == before


# Nodes


def test_a_node_with_everything(api: Client) -> None:
    fields = {"ID": UUIDS[0], "TaggedAddresses": {"wan": "9.9.9.9", "lan": "1.1.1.1"}}
    meta = {"z": "1", "a": "<&>"}
    register(api, "whole", Address="host.example", Datacenter="dc1", NodeMeta=meta, **fields)
    found = node(api, "whole")["Node"]
    assert found == {
        "Node": "whole",
        "Address": "host.example",
        "Datacenter": "dc1",
        "Meta": meta,
        **fields,
        "CreateIndex": found["CreateIndex"],
        "ModifyIndex": found["CreateIndex"],
    }
    assert list(found["Meta"]) == ["a", "z"]
    assert r"\u003c\u0026\u003e" in api.get("/v1/catalog/node/whole").text


def test_a_node_is_replaced_field_by_field(api: Client) -> None:
    register(api, "again", NodeMeta={"a": "1"}, ID=UUIDS[1], Address="1.1.1.1")
    before = node(api, "again")["Node"]
    register(api, "AGAIN", Address="2.2.2.2")
    after = node(api, "again")["Node"]
    assert (after["Node"], after["Address"], after["Meta"], after["ID"]) == ("AGAIN", "2.2.2.2", None, "")
    assert after["CreateIndex"] == before["CreateIndex"]
    assert after["ModifyIndex"] > before["ModifyIndex"]


def test_skip_node_update(api: Client) -> None:
    register(api, "kept", Address="1.1.1.1", NodeMeta={"a": "1"})
    before = node(api, "kept")["Node"]
    body: dict[str, Any] = {"Node": "kept", "SkipNodeUpdate": True, "Service": {"Service": "skip"}}
    done(api.put(REGISTER, {**body, "Address": "2.2.2.2", "NodeMeta": {"b": "2"}, "ID": UUIDS[2]}))
    assert node(api, "kept")["Node"] == before
    assert list(services(api, "kept")) == ["skip"]
    # An absent node is created, with whatever address there is.
    done(api.put(REGISTER, {**body, "Node": "made"}))
    assert node(api, "made")["Node"]["Address"] == ""


def test_a_renamed_node_loses_what_is_on_it(api: Client) -> None:
    register(api, "old-name", "lost", ID=UUIDS[3], Check={"Name": "lost too"})
    index = api.get("/v1/health/service/lost").index
    register(api, "new-name", ID=UUIDS[3])
    assert node(api, "old-name") is None
    assert node(api, "new-name")["Services"] == {}
    assert checks(api, "new-name") == {}
    gone = api.get("/v1/health/service/lost")
    assert (gone.json, gone.index > index) == ([], True)


# Services


def test_a_service_with_defaults(api: Client) -> None:
    register(api, "plain", "Plain")
    assert services(api, "plain") == {
        "Plain": {
            "ID": "Plain",
            "Service": "Plain",
            "Tags": [],
            "Address": "",
            "Meta": {},
            "Port": 0,
            "Weights": {"Passing": 1, "Warning": 1},
            "EnableTagOverride": False,
            "PeerName": "",
            "Proxy": {"Mode": "", "MeshGateway": {}, "Expose": {}},
            "Connect": {},
        }
    }


def test_a_service_with_everything(api: Client) -> None:
    given = {
        "ID": "s1",
        "Service": "full",
        "Tags": ["b", "a", "B"],
        "Address": "host.example",
        "TaggedAddresses": {"wan": {"Address": "9.9.9.9", "Port": 1}, "lan": {"Address": "8.8.8.8"}},
        "Meta": {"k": "v", "_-9": ""},
        "Port": -1,
        "SocketPath": "/run/s1",
        "Weights": {"Passing": 10, "Warning": 0},
        "EnableTagOverride": True,
        "Locality": {"Region": "r", "Zone": "z"},
    }
    register(api, "full", given)
    tagged = {"lan": {"Address": "8.8.8.8", "Port": 0}, "wan": {"Address": "9.9.9.9", "Port": 1}}
    found = services(api, "full")["s1"]
    assert found.items() >= {**given, "TaggedAddresses": tagged}.items()


def test_keys_are_matched_whatever_their_case(api: Client) -> None:
    service = {"id": "l1", "SERVICE": "lower", "tags": ["x"], "enable_tag_override": True, "PORT": 7}
    check = {"checkid": "c1", "name": "c", "status": "passing", "serviceid": "l1", "unknown": 1}
    done(
        api.put(REGISTER, {"node": "lower", "address": "1", "service": service, "check": check, "Extra": {}})
    )
    found = services(api, "lower")["l1"]
    assert (found["Service"], found["Tags"], found["Port"]) == ("lower", ["x"], 7)
    assert checks(api, "lower")["c1"]["ServiceName"] == "lower"


def test_what_follows_the_body_is_ignored_and_of_repeated_keys_the_last_counts(api: Client) -> None:
    """As in Consul."""
    fields = '"Node":"first","node":"repeated","Address":"1","Check":{"Name":"x"},"Check":{"Name":"c"}'
    done(api.put(REGISTER, f"{{{fields}}} and more"))
    assert list(checks(api, "repeated")) == ["c"]
    assert node(api, "first") is None


def test_pretty(api: Client) -> None:
    for path in (REGISTER, DEREGISTER):
        assert api.put(f"{path}?pretty", {"Node": "laid-out", "Address": "1.1.1.1"}).text == "true\n"


def test_nothing_else_on_the_node_is_removed(api: Client) -> None:
    register(api, "more", "one", Check={"Name": "node check"})
    register(api, "more", "two")
    register(api, "more")
    assert list(services(api, "more")) == ["one", "two"]
    assert list(checks(api, "more")) == ["node check"]


def test_ids_that_differ_in_case_are_one(api: Client) -> None:
    register(api, "case", {"ID": "S1", "Service": "Case"}, Check={"CheckID": "C1", "ServiceID": "s1"})
    register(api, "CASE", {"ID": "s1", "Service": "case"}, Check={"CheckID": "c1", "ServiceID": "S1"})
    assert list(services(api, "case")) == ["s1"]
    assert list(checks(api, "case")) == ["c1"]
    assert "Case" not in api.get("/v1/catalog/services").json


def test_a_service_moves_to_another_name(api: Client) -> None:
    register(api, "move", {"ID": "m", "Service": "before"}, Check={"Name": "c", "ServiceID": "m"})
    index = api.get("/v1/catalog/service/before").index
    register(api, "move", {"ID": "m", "Service": "after"})
    before = api.get("/v1/catalog/service/before")
    assert (before.json, before.index > index) == ([], True)
    assert [each["ServiceID"] for each in api.get("/v1/catalog/service/after").json] == ["m"]


# Checks


def test_a_check_under_its_services_former_name_follows_its_nodes_metadata(api: Client) -> None:
    check = {"CheckID": "left-behind", "Name": "c", "ServiceID": "moving"}
    register(api, "marked", Service={"ID": "moving", "Service": "former"}, Check=check)
    register(api, "marked", Service={"ID": "moving", "Service": "present"})
    wanted = "/v1/health/checks/former?node-meta=rack:r2"
    before = api.get(wanted)
    assert before.json == []
    register(api, "marked", NodeMeta={"rack": "r2"})
    after = api.get(wanted)
    assert [found["CheckID"] for found in after.json] == ["left-behind"]
    assert after.index == last_index(api) > before.index


def test_a_check_with_defaults(api: Client) -> None:
    register(api, "checked", "web", Check={"Name": "db up"})
    assert checks(api, "checked") == {
        "db up": {
            "Node": "checked",
            "CheckID": "db up",
            "Name": "db up",
            "Status": "critical",
            "Notes": "",
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
    }


def test_a_check_with_everything(api: Client) -> None:
    definition = {
        "HTTP": "http://h/",
        "Header": {"X": ["1", "2"]},
        "TLSSkipVerify": True,
        "Interval": "90s",
        "Timeout": 1_000_000_000,
        "DeregisterCriticalServiceAfter": "1h",
        "TTL": "5s",
        "IntervalDuration": "ignored",
    }
    given = {
        "Node": "DETAILED",
        "CheckID": "c",
        "Name": "n",
        "Status": "sleepy",
        "Notes": "why",
        "Output": "so",
        "ServiceID": "W1",
        "ServiceName": "overwritten",
        "ServiceTags": ["overwritten"],
        "Interval": "1s",
        "Timeout": "2s",
        "ExposedPort": 7,
        "Definition": definition,
    }
    register(api, "detailed", {"ID": "w1", "Service": "web", "Tags": ["t"]}, Check=given)
    assert checks(api, "detailed")["c"] == {
        **given,
        "Node": "detailed",
        "ServiceName": "web",
        "ServiceTags": ["t"],
        "Type": "http",
        "Definition": {
            "HTTP": "http://h/",
            "TLSSkipVerify": True,
            "Header": {"X": ["1", "2"]},
            "TTL": 5_000_000_000,
            "Interval": "1m30s",
            "Timeout": "1s",
            "DeregisterCriticalServiceAfter": "1h0m0s",
        },
    }


def test_check_and_checks_together(api: Client) -> None:
    lists = [
        {"Name": "two", "ServiceID": "s"},
        {"Name": "three", "Definition": {"TCP": "h:1", "Interval": "5s"}},
    ]
    register(api, "several", {"ID": "s", "Service": "several"}, Check={"Name": "one"}, Checks=lists)
    found = checks(api, "several")
    assert list(found) == ["one", "three", "two"]
    assert (found["three"]["Type"], found["two"]["ServiceName"]) == ("tcp", "several")


def test_a_check_for_a_service_that_was_there(api: Client) -> None:
    register(api, "later", {"ID": "S", "Service": "there", "Tags": ["t"]})
    done(
        api.put(REGISTER, {"Node": "later", "SkipNodeUpdate": True, "Check": {"Name": "c", "ServiceID": "s"}})
    )
    found = checks(api, "later")["c"]
    assert (found["ServiceName"], found["ServiceTags"]) == ("there", ["t"])


# The same again


def test_registering_the_same_again_changes_nothing(api: Client) -> None:
    body = {
        "Node": "same",
        "Address": "1.1.1.1",
        "ID": UUIDS[0].replace("0", "a"),
        "NodeMeta": {"b": "1", "a": "2"},
        "Service": {"Service": "same", "Tags": ["x"], "Meta": {"b": "1", "a": "2"}},
        "Checks": [{"Name": "c", "ServiceID": "same", "Output": "o"}, {"Name": "d"}],
    }
    done(api.put(REGISTER, body))
    unchanged(api, body)
    unchanged(api, {**body, "NodeMeta": {"a": "2", "b": "1"}})
    unchanged(api, {**body, "Checks": None})
    unchanged(api, {"Node": "same", "SkipNodeUpdate": True})
    index = api.get("/v1/health/node/same").index
    done(api.put(REGISTER, {**body, "Checks": [{"Name": "c", "ServiceID": "same", "Output": "other"}]}))
    shown = api.get("/v1/health/node/same")
    assert shown.index == index, "text alone is no change"
    assert [check["Output"] for check in shown.json if check["Name"] == "c"] == ["other"]
    done(api.put(REGISTER, {**body, "Checks": [{"Name": "c", "ServiceID": "same", "Notes": "n"}]}))
    assert api.get("/v1/health/node/same").index > index


# Refusals: nothing is written, also where part of the request is right


GIVEN: dict[str, Any] = {"Node": "n", "Address": "1"}
NO_ADDRESS = "Must provide address if SkipNodeUpdate is not set"
NO_KEY = "object missing primary index"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Must provide node"),
        (b"null", "Must provide node"),
        ({"Node": "", "Address": "1"}, "Must provide node"),
        ({"Node": "n"}, NO_ADDRESS),
        ({"Node": "n", "Address": "", "Service": {"Service": "s"}}, NO_ADDRESS),
        ({"Datacenter": "dc2"}, "No path to datacenter"),
        ({**GIVEN, "Datacenter": "DC1"}, "No path to datacenter"),
        ({**GIVEN, "ID": "short"}, "Bad node ID: uuid string is wrong length"),
        ({**GIVEN, "ID": UUIDS[0].replace("-", "") + "----"}, "Bad node ID: uuid is improperly formatted"),
        ({**GIVEN, "ID": "x" * 36}, "Bad node ID: uuid is improperly formatted"),
        (
            {**GIVEN, "Service": {"ID": "s"}},
            "Must provide service name (Service.Service) when service ID is provided",
        ),
        ({**GIVEN, "Service": {}}, f"failed inserting service: failed inserting service: {NO_KEY}"),
        ({**GIVEN, "Service": {"Service": "s", "Address": "0.0.0.0"}}, "Invalid service address"),
        ({**GIVEN, "Service": {"Service": "s", "Address": "::"}}, "Invalid service address"),
        ({**GIVEN, "Check": {}}, f'failed inserting check: failed inserting check: {NO_KEY} on node "n"'),
        (
            {
                **GIVEN,
                "Service": {"Service": "s"},
                "Checks": [{"Name": "a"}, {"Name": "b", "ServiceID": "x"}],
            },
            'failed inserting check: Missing service registration on node "n"',
        ),
        ({**GIVEN, "Check": {"Name": "c", "Node": "m"}}, 'check node "m" does not match node "n"'),
    ],
)
def test_refused_registrations(api: Client, body: object, text: str) -> None:
    before = last_index(api)
    refused(api.put(REGISTER, body), 500, text)
    assert last_index(api) == before
    assert node(api, "n") is None


@pytest.mark.parametrize(
    ("meta", "pair", "why"),
    [
        ({"": "v"}, "('', 'v')", "Key cannot be blank"),
        ({"a b": "v"}, "('a b', 'v')", "Key contains invalid characters"),
        ({"a\n": "v"}, "('a\n', 'v')", "Key contains invalid characters"),
        ({"k" * 129: "v"}, f"('{'k' * 129}', 'v')", "Key is too long (limit: 128 characters)"),
        ({"k": "v" * 513}, f"('k', '{'v' * 513}')", "Value is too long (limit: 512 characters)"),
        ({"consul-x": "v"}, "('consul-x', 'v')", "Key prefix 'consul-' is reserved for internal use"),
    ],
)
def test_bad_service_metadata(api: Client, meta: dict[str, str], pair: str, why: str) -> None:
    before = last_index(api)
    reply = api.put(
        REGISTER, {"Node": "n", "Address": "1", "Service": {"Service": "s", "ID": "i", "Meta": meta}}
    )
    place = "failed inserting service: Invalid Service Meta for node n and serviceID i"
    refused(reply, 500, f"{place}: Couldn't load metadata pair {pair}: {why}")
    assert last_index(api) == before


def test_good_metadata_at_the_limits(api: Client) -> None:
    register(api, "edge", {"Service": "edge", "Meta": {"k" * 128: "é" * 512}})
    register(api, "edge", {"Service": "gw", "Kind": "mesh-gateway", "Port": 1, "Meta": {"consul-x": "v"}})
    assert len(services(api, "edge")) == 2


# deregister


def test_deregister_a_service_takes_its_checks(api: Client) -> None:
    bound, level = {"Name": "bound", "ServiceID": "one"}, {"Name": "level"}
    register(api, "leaving", "one", Checks=[bound, level])
    register(api, "leaving", "two")
    deregister(api, "LEAVING", ServiceID="ONE", CheckID="level")
    assert list(services(api, "leaving")) == ["two"]
    assert list(checks(api, "leaving")) == ["level"]
    deregister(api, "leaving", CheckID="LEVEL")
    assert checks(api, "leaving") == {}
    assert list(services(api, "leaving")) == ["two"]


def test_deregister_a_node_takes_everything(api: Client) -> None:
    register(api, "going", "going", Check={"Name": "c"}, ID=UUIDS[1].replace("0", "b"))
    done(api.put(DEREGISTER, {"node": "going", "address": "10.0.0.1", "Namespace": "", "Datacenter": "dc1"}))
    assert node(api, "going") is None
    assert "going" not in api.get("/v1/catalog/services").json
    assert api.get("/v1/health/node/going").json == []


def test_deregister_what_is_not_there(api: Client) -> None:
    register(api, "stays", "stays")
    for body in (
        {"Node": "nobody"},
        {"Node": "stays", "ServiceID": "nothing"},
        {"Node": "stays", "CheckID": "nothing"},
        {"Node": "nobody", "ServiceID": "nothing", "CheckID": "nothing"},
    ):
        unchanged(api, body, DEREGISTER)
    assert list(services(api, "stays")) == ["stays"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Must provide node"),
        ({"ServiceID": "s"}, "Must provide node"),
        ({"Node": "n", "Datacenter": "dc2"}, "No path to datacenter"),
        ({"Datacenter": "dc2"}, "No path to datacenter"),
    ],
)
def test_refused_deregistrations(api: Client, body: object, text: str) -> None:
    before = last_index(api)
    refused(api.put(DEREGISTER, body), 500, text)
    assert last_index(api) == before


def test_the_own_node_stays(api: Client) -> None:
    register(api, "node-a", "foreign", Address="127.0.0.1", Check={"Name": "foreign check"})
    deregister(api, "node-a")
    assert list(services(api, "node-a")) == ["consul"]
    assert list(checks(api, "node-a")) == ["serfHealth"]


# What moves which index


def test_the_index_of_each_kind_of_read(api: Client) -> None:
    register(api, "moving", "moving", Check={"Name": "c", "ServiceID": "moving"})
    register(api, "moving", "beside")
    reads = {
        "nodes": "/v1/catalog/nodes",
        "services": "/v1/catalog/services",
        "checks": "/v1/health/state/any",
        "moving": "/v1/health/service/moving",
        "beside": "/v1/health/service/beside",
        "node": "/v1/catalog/node/moving",
        "node checks": "/v1/health/node/moving",
        "own node": "/v1/catalog/node/node-a",
    }

    def moved_by(body: dict[str, Any], path: str = REGISTER) -> set[str]:
        before = {name: api.get(target).index for name, target in reads.items()}
        done(api.put(path, {"Node": "moving", "SkipNodeUpdate": True, **body}))
        after = {name: api.get(target).index for name, target in reads.items()}
        assert all(after[name] >= before[name] for name in reads)
        return {name for name in reads if after[name] != before[name]}

    whole = {"SkipNodeUpdate": False, "Address": "1.2.3.4"}
    assert moved_by(whole) == {"nodes", "node", "moving", "beside"}
    assert moved_by({"Service": {"Service": "moving", "Port": 9}}) == {"services", "moving", "node"}
    bound = {"Name": "c", "ServiceID": "moving", "Status": "passing"}
    assert moved_by({"Check": bound}) == {"checks", "node checks", "moving"}
    assert moved_by({"Check": {**bound, "Output": "new"}}) == set()
    assert moved_by({"Check": {**bound, "Notes": "new"}}) == {"checks", "node checks", "moving"}
    level = {"checks", "node checks", "moving", "beside"}
    assert moved_by({"Check": {"Name": "level"}}) == level
    assert moved_by({"CheckID": "level"}, DEREGISTER) >= level
    assert moved_by({"ServiceID": "beside"}, DEREGISTER) == {"services", "beside", "node"}
    assert moved_by({"ServiceID": "moving"}, DEREGISTER) >= {
        "services",
        "checks",
        "node",
        "node checks",
        "moving",
    }
    assert moved_by({}, DEREGISTER) >= {"nodes", "node"}
    assert moved_by({}, DEREGISTER) == set()
