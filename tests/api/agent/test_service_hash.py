"""agent/service/:id waits on the hash of a service's definition."""

import pytest
from harness.client import Client

from agent.calls import HTTP, TTL, done, refused, register

TARGET = "/v1/agent/service/web"


def content_hash(client: Client) -> str:
    reply = client.get(TARGET)
    assert reply.headers["x-consul-contenthash"] == reply.json["ContentHash"]
    return str(reply.json["ContentHash"])


def test_the_hash_is_that_of_the_definition(agent: Client) -> None:
    register(agent, {"Name": "web", "Port": 1, "Check": TTL})
    first = content_hash(agent)
    assert len(first) == 16
    assert set(first) <= set("0123456789abcdef")
    done(agent.put("/v1/agent/check/pass/service:web"))
    done(agent.put("/v1/agent/check/register", {"Name": "c", "ServiceID": "web", **HTTP}))
    assert content_hash(agent) == first
    register(agent, {"Name": "web", "Port": 2})
    assert content_hash(agent) != first
    register(agent, {"Name": "web", "Port": 1})
    assert content_hash(agent) == first


@pytest.mark.parametrize(
    "change",
    [
        {"Tags": ["a"]},
        {"Meta": {"k": "v"}},
        {"Address": "10.0.0.1"},
        {"Weights": {"Passing": 2, "Warning": 1}},
        {"EnableTagOverride": True},
        {"SocketPath": "/x"},
        {"Kind": "api-gateway"},
        {"Locality": {"Zone": "z"}},
        {"Connect": {"Native": True}, "Port": 1},
    ],
)
def test_every_field_counts(agent: Client, change: dict[str, object]) -> None:
    register(agent, {"Name": "web", "Port": 1})
    first = content_hash(agent)
    register(agent, {"Name": "web", "Port": 1, **change})
    assert content_hash(agent) != first


def test_another_hash_or_none_is_answered_at_once(agent: Client) -> None:
    register(agent, {"Name": "web"})
    for query in (
        "",
        "?hash=",
        "?hash=0000000000000000&wait=60s",
        "?index=99999&wait=60s",
        "?hash=&wait=60s",
    ):
        assert agent.get(TARGET + query).status == 200
    refused(agent.get(f"{TARGET}?hash=x&wait=x"), 400, "Invalid wait time")


def test_the_wait_ends_with_the_same_answer(agent: Client) -> None:
    register(agent, {"Name": "web"})
    seen = content_hash(agent)
    reply = agent.get(f"{TARGET}?hash={seen}&wait=50ms")
    assert (reply.status, reply.json["ContentHash"]) == (200, seen)
    assert reply.seconds >= 0.05


def test_a_change_wakes_and_checks_do_not(agent: Client) -> None:
    register(agent, {"Name": "web", "Check": TTL})
    watch = agent.watch(f"{TARGET}?hash={content_hash(agent)}&wait=60s")
    done(agent.put("/v1/agent/check/pass/service:web"))
    done(agent.put("/v1/agent/check/register", {"Name": "c", "ServiceID": "web", **TTL}))
    register(agent, {"Name": "other"})
    assert not watch.done
    register(agent, {"Name": "web", "Port": 9, "Check": TTL})
    assert watch.result().json["Port"] == 9


def test_a_removal_wakes_with_404(agent: Client) -> None:
    register(agent, {"Name": "web"})
    watch = agent.watch(f"{TARGET}?hash={content_hash(agent)}&wait=60s")
    done(agent.put("/v1/agent/service/deregister/web"))
    refused(watch.result(), 404, "unknown service ID: web")


def test_unknown(agent: Client) -> None:
    refused(agent.get("/v1/agent/service/web-9"), 404, "unknown service ID: web-9")
    refused(agent.get("/v1/agent/service/"), 404, "unknown service ID: ")
    assert "x-consul-contenthash" not in agent.get("/v1/agent/service/web-9").headers


def test_an_index_has_no_effect_but_is_checked(agent: Client) -> None:
    register(agent, {"Name": "web"})
    assert agent.get("/v1/agent/service/web?index=99999&wait=10m").status == 200
    for query in ("index=x", "index=-1", "index=x&hash=y"):
        refused(agent.get(f"/v1/agent/service/web?{query}"), 400, "Invalid index")
    refused(agent.get("/v1/agent/service/nope?index=x"), 400, "Invalid index")
