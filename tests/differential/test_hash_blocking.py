"""Which writes wake the watchers of one service of the agent, which block on its hash."""

import time

import pytest

from differential.pair import Both, Pair
from differential.watching import GRACE_SECONDS, SETTLE_SECONDS, WAKE_SECONDS

REGISTER = "/v1/agent/service/register"
WEB = {"Name": "web", "Port": 1, "Check": {"TTL": "10m"}}
TARGET = "/v1/agent/service/web"


@pytest.mark.parametrize(
    ("target", "body"),
    [
        pytest.param("service/register", {**WEB, "Port": 2}, id="port"),
        pytest.param("service/register", {**WEB, "Tags": ["t"]}, id="tags"),
        pytest.param("service/register", {**WEB, "Meta": {"k": "v"}}, id="metadata"),
        pytest.param("service/register", {**WEB, "Weights": {"Passing": 2, "Warning": 1}}, id="weights"),
        pytest.param("service/deregister/web", None, id="removed"),
        pytest.param("service/register", WEB, id="same service"),
        pytest.param("service/register", {**WEB, "Check": {"TTL": "20m"}}, id="another check"),
        pytest.param("service/register", {"Name": "other"}, id="another service"),
        pytest.param("check/pass/service:web", None, id="status"),
        pytest.param("check/register", {"Name": "b", "ServiceID": "web", "TTL": "10m"}, id="new check"),
        pytest.param("service/maintenance/web?enable=true", None, id="maintenance"),
        pytest.param("maintenance?enable=true", None, id="maintenance of the node"),
    ],
)
def test_wakes(pair: Pair, target: str, body: object) -> None:
    pair.put(REGISTER, WEB)
    before = pair.get(TARGET)
    digests = [reply.headers["x-consul-contenthash"] for reply in before]
    watches = [
        side.client.watch(f"{TARGET}?wait=60s&hash={digest}")
        for side, digest in zip((pair.theirs, pair.ours), digests, strict=True)
    ]
    for watch in watches:
        watch.sent.wait()
    time.sleep(SETTLE_SECONDS)
    pair.put(f"/v1/agent/{target}", body)
    if any(watch.wait(GRACE_SECONDS) for watch in watches):
        assert [watch.wait(WAKE_SECONDS) for watch in watches] == [True, True]
        pair.note("WATCH", TARGET, None, Both(*(watch.result() for watch in watches)))
    else:
        for watch in watches:
            watch.cancel()
    pair.get(TARGET)
