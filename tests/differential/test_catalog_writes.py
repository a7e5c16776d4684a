"""Writes to the catalog: nodes, services and checks of other nodes, put in and taken out."""

import pytest

from differential import views
from differential.pair import Pair

REGISTER = "/v1/catalog/register"
DEREGISTER = "/v1/catalog/deregister"
READS = (*views.TABLES, *views.of_node("ext"), *views.of_service("redis"))
NODE = {"Node": "ext", "Address": "10.1.1.1"}
ID = "40e4a748-2192-161a-0510-9bf59fe950b5"
OTHER_ID = "40e4a748-0000-161a-0510-9bf59fe950b5"
REDIS = {"ID": "r1", "Service": "redis", "Tags": ["primary"], "Port": 8000}
CHECK = {"CheckID": "c1", "Name": "ping", "ServiceID": "r1", "Status": "passing"}

EVERY_FIELD = {
    "Datacenter": "dc1",
    "ID": ID,
    "Node": "ext",
    "Address": "192.168.10.10",
    "TaggedAddresses": {"lan": "192.168.10.10", "wan": "10.0.10.10"},
    "NodeMeta": {"external-node": "true", "external-probe": "true"},
    "Service": {
        "ID": "r1",
        "Service": "redis",
        "Tags": ["primary", "v1"],
        "Address": "127.0.0.1",
        "TaggedAddresses": {
            "lan": {"Address": "127.0.0.1", "Port": 8000},
            "wan": {"Address": "198.18.0.1", "Port": 80},
        },
        "Meta": {"redis_version": "4.0"},
        "Port": 8000,
        "Weights": {"Passing": 2, "Warning": 1},
        "EnableTagOverride": True,
    },
    "Check": {
        "Node": "ext",
        "CheckID": "service:r1",
        "Name": "Redis health check",
        "Notes": "script based",
        "Output": "<ok>",
        "Status": "passing",
        "ServiceID": "r1",
        "Definition": {
            "TCP": "localhost:8888",
            "Interval": "5s",
            "Timeout": "1s",
            "DeregisterCriticalServiceAfter": "90s",
        },
    },
    "Checks": [{"CheckID": "mem", "Name": "memory", "Status": "warning"}],
    "SkipNodeUpdate": False,
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(NODE, id="node"),
        pytest.param(EVERY_FIELD, id="every field"),
        pytest.param({"node": "ext", "address": "h", "service": {"service": "redis"}}, id="lower case"),
        pytest.param({**NODE, "Service": {"Service": "redis"}}, id="service id from its name"),
        pytest.param({**NODE, "Service": {**REDIS, "Tags": None, "Meta": None}}, id="nulls"),
        pytest.param({**NODE, "Service": {**REDIS, "Meta": {}, "Weights": None}}, id="empty meta"),
        pytest.param({**NODE, "Service": {**REDIS, "Weights": {"Passing": 3}}}, id="half a weight"),
        pytest.param({**NODE, "Service": {**REDIS, "Kind": "odd"}}, id="odd kind"),
        pytest.param({**NODE, "Service": {**REDIS, "Address": "10.0.0.1"}}, id="no addresses are added"),
        pytest.param({**NODE, "Service": {**REDIS, "Connect": {"Native": True}}}, id="native"),
        pytest.param({**NODE, "Check": {"Name": "up"}}, id="check id from its name"),
        pytest.param({**NODE, "Check": {"CheckID": "up"}}, id="check without a name"),
        pytest.param({**NODE, "Check": {"Name": "up", "Status": "sideways"}}, id="any status"),
        pytest.param({**NODE, "Service": REDIS, "Check": CHECK}, id="check of the service"),
        pytest.param({**NODE, "Service": REDIS, "Checks": [CHECK, {"Name": "n"}]}, id="two checks"),
        pytest.param(
            {**NODE, "Service": REDIS, "Check": {**CHECK, "ServiceName": "x", "ServiceTags": ["y"]}},
            id="service name and tags are overwritten",
        ),
        pytest.param({**NODE, "Check": {"Name": "h", "Definition": {"HTTP": "http://h"}}}, id="type http"),
        pytest.param({**NODE, "Check": {"Name": "h", "Type": "mine"}}, id="own type"),
        pytest.param(
            {
                **NODE,
                "Check": {"Name": "h", "Definition": {"Interval": 5e9, "IntervalDuration": "x", "Odd": 1}},
            },
            id="definition tolerates",
        ),
        pytest.param(
            {
                **NODE,
                "Check": {
                    "Name": "h",
                    "Definition": {
                        "HTTP": "https://h",
                        "TLSSkipVerify": True,
                        "Header": {"A": ["b", "c"]},
                        "Method": "POST",
                        "Body": "{}",
                        "Timeout": "1500ms",
                        "ScriptArgs": ["a"],
                        "DockerContainerID": "d",
                        "Shell": "sh",
                        "GRPC": "g",
                        "GRPCUseTLS": True,
                        "AliasNode": "n",
                        "AliasService": "s",
                        "TTL": "30s",
                        "OutputMaxSize": 5,
                    },
                },
            },
            id="whole definition",
        ),
        pytest.param({**NODE, "NodeMeta": {"consul-x": "y", "a b": "z" * 600}}, id="node meta is unchecked"),
        pytest.param({**NODE, "NodeMeta": {}, "TaggedAddresses": {}}, id="empty maps"),
        pytest.param({"Node": "ext", "Address": "0.0.0.0"}, id="any address"),
        pytest.param({"Node": "ext", "SkipNodeUpdate": True}, id="skipped update makes the node"),
        pytest.param({**NODE, "ID": ID.upper()}, id="id in capitals"),
        pytest.param({**NODE, "Service": None, "Check": None, "Checks": None}, id="null parts"),
        pytest.param({"Node": "a b/ü", "Address": "x"}, id="odd node name"),
    ],
)
def test_register(pair: Pair, body: dict[str, object]) -> None:
    pair.read(*READS)
    pair.put(REGISTER, body)
    pair.read(*READS, *views.of_node("a%20b%2F%C3%BC"))
    pair.put(REGISTER, body)
    pair.read("/v1/catalog/nodes", "/v1/catalog/services", "/v1/catalog/service/redis")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Node": "ext"}, id="no address"),
        pytest.param({"Address": "x"}, id="no node"),
        pytest.param({**NODE, "ID": "short"}, id="short id"),
        pytest.param({**NODE, "ID": "zzzzzzzz-2192-161a-0510-9bf59fe950b5"}, id="bad id"),
        pytest.param({**NODE, "Datacenter": "dc9"}, id="unknown datacenter"),
        pytest.param({**NODE, "Service": {"ID": "x"}}, id="service id without name"),
        pytest.param({**NODE, "Service": {}}, id="empty service"),
        pytest.param({**NODE, "Check": {}}, id="empty check"),
        pytest.param({**NODE, "Service": {**REDIS, "Address": "0.0.0.0"}}, id="service address"),
        pytest.param({**NODE, "Service": {**REDIS, "Address": "::"}}, id="service address v6"),
        pytest.param({**NODE, "Check": {**CHECK, "ServiceID": "absent"}}, id="check of an absent service"),
        pytest.param({**NODE, "Check": {"Node": "other", "Name": "x"}}, id="check of another node"),
        pytest.param({**NODE, "Service": {**REDIS, "Meta": {"a b": "c"}}}, id="service meta"),
        pytest.param({**NODE, "Service": {**REDIS, "Weights": {"Passing": -1, "Warning": 0}}}, id="weights"),
        pytest.param({**NODE, "Service": {**REDIS, "Kind": "connect-proxy"}}, id="proxy rules"),
        pytest.param({**NODE, "Check": {"Name": "x", "Definition": {"Interval": "soon"}}}, id="duration"),
        pytest.param({**NODE, "Service": {**REDIS, "Port": "80"}}, id="port as text"),
        pytest.param([], id="a list"),
        pytest.param("", id="an empty body"),
        pytest.param('{"Node": "ext",', id="half a body"),
        pytest.param("nope", id="no JSON"),
        pytest.param("null", id="null"),
    ],
)
def test_refused_registrations_change_nothing(pair: Pair, body: object) -> None:
    pair.put(REGISTER, {**NODE, "Service": {**REDIS, "ID": "r0"}})
    pair.read(*READS)
    pair.put(REGISTER, body)
    pair.read(*READS)


def test_registering_the_same_again(pair: Pair) -> None:
    reads = (*READS, *views.of_service("other"))
    pair.put(REGISTER, {**NODE, "Service": {"Service": "other"}})
    pair.put(REGISTER, EVERY_FIELD)
    pair.read(*reads)
    for _ in range(2):
        pair.put(REGISTER, EVERY_FIELD)
        pair.read(*reads)
    without_checks = {key: value for key, value in EVERY_FIELD.items() if not key.startswith("Check")}
    pair.put(REGISTER, without_checks)
    pair.read(*reads)


def test_changes_of_a_node_reach_its_services(pair: Pair) -> None:
    reads = (*READS, *views.of_service("other"), *views.of_node("ext2"))
    pair.put(REGISTER, {**NODE, "ID": ID, "Service": REDIS})
    pair.put(REGISTER, {"Node": "ext2", "Address": "10.2.2.2", "Service": {"Service": "other"}})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "ID": ID, "Address": "10.9.9.9"})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "ID": ID, "Address": "10.9.9.9", "NodeMeta": {"rack": "7"}})
    pair.read(*reads)
    pair.put(REGISTER, {"Node": "ext", "SkipNodeUpdate": True, "Service": {**REDIS, "Port": 1}})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "Address": "10.9.9.9", "NodeMeta": {"rack": "7"}})
    pair.read(*reads)


def test_other_case_is_the_same_object(pair: Pair) -> None:
    reads = (*READS, *views.of_service("REDIS"))
    pair.put(REGISTER, {**NODE, "Service": REDIS, "Check": CHECK})
    pair.read(*reads)
    pair.put(REGISTER, {"Node": "EXT", "Address": "10.1.1.1"})
    pair.read(*reads)
    pair.put(REGISTER, {"Node": "ext", "Address": "10.1.1.1", "Service": {**REDIS, "ID": "R1"}})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "Service": {**REDIS, "ID": "R1", "Service": "Redis"}})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "Check": {**CHECK, "CheckID": "C1", "ServiceID": "R1"}})
    pair.read(*reads)
    pair.put(DEREGISTER, {"Node": "eXt", "CheckID": "c1"})
    pair.read(*reads)
    pair.put(DEREGISTER, {"Node": "eXt", "ServiceID": "r1"})
    pair.read(*reads)


def test_an_id_renames_its_node(pair: Pair) -> None:
    reads = (*READS, *views.of_node("new"), f"/v1/catalog/node/{ID}", f"/v1/catalog/node/{ID[:8]}")
    pair.put(REGISTER, {**NODE, "ID": ID, "Service": REDIS, "Check": CHECK})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "Node": "new", "ID": ID})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "Node": "new", "ID": OTHER_ID})
    pair.read(*reads)
    pair.put(REGISTER, {**NODE, "ID": ID})
    pair.read(*reads, f"/v1/catalog/node/{ID[:9]}", f"/v1/catalog/node/{ID[:10]}")
    pair.put(REGISTER, NODE)
    pair.read(*reads)


def test_an_id_is_reserved_while_its_node_lives(pair: Pair) -> None:
    alive = {"CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing"}
    pair.put(REGISTER, {**NODE, "ID": ID, "Check": alive})
    pair.read(*READS)
    pair.put(REGISTER, {**NODE, "ID": OTHER_ID})
    pair.put(REGISTER, {**NODE, "Node": "EXT", "ID": OTHER_ID})
    pair.put(REGISTER, {**NODE, "Node": "other", "ID": ID})
    pair.read(*READS)
    pair.put(REGISTER, {**NODE, "ID": ID, "Check": {**alive, "Status": "critical"}})
    pair.put(REGISTER, {**NODE, "ID": OTHER_ID})
    pair.read(*READS)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Node": "ext"}, id="node"),
        pytest.param({"node": "ext", "serviceid": "r1"}, id="service"),
        pytest.param({"Node": "ext", "CheckID": "c1"}, id="check"),
        pytest.param({"Node": "ext", "CheckID": "disk"}, id="check of the node"),
        pytest.param({"Node": "ext", "ServiceID": "r1", "CheckID": "disk"}, id="service before check"),
        pytest.param({"Node": "ext", "ServiceID": "nope"}, id="unknown service"),
        pytest.param({"Node": "ext", "CheckID": "nope"}, id="unknown check"),
        pytest.param({"Node": "nope"}, id="unknown node"),
        pytest.param({"Node": "ext", "Datacenter": "dc9"}, id="unknown datacenter"),
        pytest.param({"Node": "ext", "Address": "10.1.1.1"}, id="address"),
        pytest.param({"ServiceID": "r1"}, id="no node"),
        pytest.param({}, id="nothing"),
        pytest.param("", id="an empty body"),
        pytest.param("null", id="null"),
        pytest.param({"Node": 1}, id="a number"),
    ],
)
def test_deregister(pair: Pair, body: object) -> None:
    disk = {"CheckID": "disk", "Name": "disk", "Status": "passing"}
    pair.put(REGISTER, {**NODE, "Service": REDIS, "Checks": [CHECK, disk]})
    pair.put(REGISTER, {**NODE, "Service": {**REDIS, "ID": "r2", "Port": 8001}})
    pair.put(REGISTER, {"Node": "ext2", "Address": "10.2.2.2", "Service": {"Service": "other"}})
    reads = (*READS, *views.of_service("other"), *views.of_node("ext2"))
    pair.read(*reads)
    pair.put(DEREGISTER, body)
    pair.read(*reads)
    pair.put(DEREGISTER, body)
    pair.read(*reads)


def test_the_last_instance_takes_the_name_along(pair: Pair) -> None:
    pair.put(REGISTER, {**NODE, "Service": REDIS})
    pair.read(*READS)
    pair.put(DEREGISTER, {"Node": "ext", "ServiceID": "r1"})
    pair.read(*READS)
    pair.put(REGISTER, {**NODE, "Service": REDIS})
    pair.read(*READS)
