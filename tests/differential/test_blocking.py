"""Which writes wake which watchers."""

from collections.abc import Callable, Mapping

import pytest

from differential.pair import Pair
from differential.watching import watch_all

EXT = {"Node": "ext", "Address": "10.1.1.1", "NodeMeta": {"rack": "a"}}
SKIP = {"Node": "ext", "SkipNodeUpdate": True}
REDIS = {"ID": "r1", "Service": "redis", "Tags": ["primary"], "Port": 1}
PING = {"CheckID": "ping", "Name": "ping", "ServiceID": "r1", "Status": "passing", "Output": "pong"}
DISK = {"CheckID": "disk", "Name": "disk", "Status": "passing"}
PROXY = {
    "Kind": "connect-proxy",
    "ID": "rp",
    "Service": "redis-proxy",
    "Port": 2,
    "Proxy": {"DestinationServiceName": "redis"},
}
WEB = {"Name": "web", "Port": 80, "Check": {"TTL": "10m", "Status": "passing"}}

WATCHED = (
    *("/v1/catalog/nodes", "/v1/catalog/nodes?node-meta=rack:a", "/v1/catalog/services"),
    *("/v1/catalog/services?node-meta=rack:a", "/v1/catalog/service/redis", "/v1/catalog/service/web"),
    *(
        "/v1/catalog/service/nope",
        "/v1/catalog/connect/redis",
        "/v1/catalog/node/ext",
        "/v1/catalog/node/ext2",
    ),
    *(
        "/v1/catalog/node/nope",
        "/v1/catalog/node-services/ext",
        "/v1/health/node/ext",
        "/v1/health/node/ext2",
    ),
    *(
        "/v1/health/checks/redis",
        "/v1/health/checks/web",
        "/v1/health/service/redis",
        "/v1/health/service/web",
    ),
    *("/v1/health/service/redis?passing", "/v1/health/service/redis?tag=primary", "/v1/health/service/nope"),
    *("/v1/health/connect/redis", "/v1/health/state/any", "/v1/health/state/critical"),
    *("/v1/health/ingress/redis", "/v1/catalog/gateway-services/redis", "/v1/catalog/nodes?stale"),
    *("/v1/catalog/service/redis?node-meta=rack:a", "/v1/health/service/redis?node-meta=rack:a"),
    *("/v1/health/checks/redis?node-meta=rack:a", "/v1/health/state/any?node-meta=rack:a"),
    *("/v1/health/service/redis?filter=Service.Port==1", "/v1/catalog/node/ext?filter=Port==1&consistent"),
)


def register(body: Mapping[str, object]) -> Callable[[Pair], object]:
    """Return the write of this body to the catalog."""
    return lambda pair: pair.put("/v1/catalog/register", body)


def deregister(body: Mapping[str, object]) -> Callable[[Pair], object]:
    """Return the removal of what this body names from the catalog."""
    return lambda pair: pair.put("/v1/catalog/deregister", body)


def agent(target: str, body: object = None) -> Callable[[Pair], object]:
    """Return a write through the agent."""
    return lambda pair: pair.put(f"/v1/agent/{target}", body)


def prepare(pair: Pair) -> None:
    """Register a small catalog."""
    for body in (
        {**EXT, "Service": REDIS, "Checks": [PING, DISK]},
        {"Node": "ext2", "Address": "10.2.2.2", "Service": {**REDIS, "ID": "r2"}, "Check": DISK},
        {**SKIP, "Service": {"Service": "api"}},
        {**SKIP, "Service": PROXY},
    ):
        pair.put("/v1/catalog/register", body)
    pair.put("/v1/agent/service/register", WEB)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(register({"Node": "new", "Address": "10.3.3.3"}), id="new node"),
        pytest.param(register({**EXT, "Address": "10.9.9.9"}), id="address of a node"),
        pytest.param(register({**EXT, "NodeMeta": {"rack": "b"}}), id="meta of a node"),
        pytest.param(register(EXT), id="same node"),
        pytest.param(register({**SKIP, "Service": {**REDIS, "ID": "r3"}}), id="new instance"),
        pytest.param(register({**SKIP, "Service": {**REDIS, "Port": 2}}), id="port of an instance"),
        pytest.param(register({**SKIP, "Service": {**REDIS, "Tags": []}}), id="tags of an instance"),
        pytest.param(register({**SKIP, "Service": REDIS}), id="same instance"),
        pytest.param(register({**SKIP, "Service": {"Service": "nope"}}), id="new service"),
        pytest.param(register({"Node": "nope", "Address": "x"}), id="node that is waited for"),
        pytest.param(deregister({"Node": "ext", "ServiceID": "r1"}), id="instance removed"),
        pytest.param(deregister({"Node": "ext", "ServiceID": "api"}), id="last instance removed"),
        pytest.param(deregister({"Node": "ext", "ServiceID": "rp"}), id="proxy removed"),
        pytest.param(deregister({"Node": "ext"}), id="node removed"),
        pytest.param(deregister({"Node": "absent"}), id="absent node removed"),
        pytest.param(deregister({"Node": "ext", "ServiceID": "absent"}), id="absent instance removed"),
        pytest.param(register({**SKIP, "Check": {**PING, "CheckID": "p2"}}), id="new check of an instance"),
        pytest.param(register({**SKIP, "Check": {**PING, "Status": "critical"}}), id="status of a check"),
        pytest.param(register({**SKIP, "Check": {**PING, "Output": "late"}}), id="output of a check"),
        pytest.param(register({**SKIP, "Check": PING}), id="same check"),
        pytest.param(register({**SKIP, "Check": {**DISK, "CheckID": "d2"}}), id="new check of a node"),
        pytest.param(
            register({**SKIP, "Check": {**DISK, "Status": "critical"}}), id="status of a node's check"
        ),
        pytest.param(register({**SKIP, "Service": REDIS, "Checks": [PING, DISK]}), id="same everything"),
        pytest.param(deregister({"Node": "ext", "CheckID": "ping"}), id="check of an instance removed"),
        pytest.param(deregister({"Node": "ext", "CheckID": "disk"}), id="check of a node removed"),
        pytest.param(deregister({"Node": "ext", "CheckID": "absent"}), id="absent check removed"),
        pytest.param(agent("service/register", {"Name": "other"}), id="new service of the agent"),
        pytest.param(agent("service/register", WEB), id="same service of the agent"),
        pytest.param(agent("service/register", {**WEB, "Port": 81}), id="port of a service of the agent"),
        pytest.param(agent("service/deregister/web"), id="service of the agent removed"),
        pytest.param(agent("check/fail/service:web"), id="status by hand"),
        pytest.param(agent("check/pass/service:web?note=fine"), id="same status by hand with a note"),
        pytest.param(agent("maintenance?enable=true"), id="maintenance of the node"),
        pytest.param(agent("service/maintenance/web?enable=true"), id="maintenance of a service"),
        pytest.param(
            agent("check/register", {"Name": "beat", "TTL": "10m"}), id="new check of the agent's node"
        ),
    ],
)
def test_wakes(pair: Pair, write: Callable[[Pair], object]) -> None:
    prepare(pair)
    watch_all(pair, WATCHED, write)


def test_names_that_came_and_went(pair: Pair) -> None:
    prepare(pair)
    pair.put("/v1/catalog/deregister", {"Node": "ext", "ServiceID": "api"})
    gone = (
        "/v1/catalog/service/api",
        "/v1/health/service/api",
        "/v1/health/checks/api",
        "/v1/health/node/gone",
    )
    for write in (
        register({**SKIP, "Service": {**REDIS, "Port": 7}}),
        register({**EXT, "Address": "10.4.4.4"}),
        register({**SKIP, "Service": {"Service": "api"}}),
        deregister({"Node": "ext", "ServiceID": "api"}),
    ):
        watch_all(pair, gone, write)


@pytest.mark.parametrize(
    "target", ["/v1/catalog/services", "/v1/health/service/web", "/v1/catalog/node/node-a"]
)
def test_bounds_of_the_wait(pair: Pair, target: str) -> None:
    pair.put("/v1/agent/service/register", {"Name": "web"})
    now = pair.get(target)
    for wait in ("20ms", "0.02s", "20000us", "1ns"):
        targets = [f"{target}?index={reply.index}&wait={wait}" for reply in now]
        replies = pair.each("GET", f"{target}?index=<current>&wait={wait}", (targets[0], targets[1]))
        assert [reply.index for reply in replies] == [reply.index for reply in now]
    future = [f"{target}?index={reply.index + 1000}&wait=20ms" for reply in now]
    replies = pair.each("GET", f"{target}?index=<future>&wait=20ms", (future[0], future[1]))
    assert [reply.index for reply in replies] == [reply.index for reply in now]
    pair.get(f"{target}?index=0&wait=10m")
    pair.get(f"{target}?index=1&wait=10m")
