"""Random bodies: every one is answered, none breaks the server, a refused one changes nothing."""

from typing import Any
from urllib.parse import quote

from harness.client import Client
from harness.server import RegistryServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.calls import REGISTER, everything
from agent.conftest import empty

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["10s", "-1s", "passing", "::", "1.2.3.4", "connect-proxy", "mesh-gateway", "\x00", "é"]),
)
ANY = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def likely(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the fields, each of its own kind or of any other."""
    return st.fixed_dictionaries({}, optional={name: kind | ANY for name, kind in fields.items()})


NAMES = st.sampled_from(["web", "WEB", "db", "", "consul", "a/b", "é"])
CHECK = likely(
    CheckID=NAMES,
    Name=NAMES,
    ServiceID=NAMES,
    Status=st.sampled_from(["passing", "critical", "x"]),
    TTL=st.just("10s"),
    HTTP=st.just("http://h"),
    Interval=st.sampled_from(["1s", 5, 1e9]),
    AliasService=NAMES,
    Args=st.lists(st.just("true"), max_size=1),
    Header=st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=2),
    OutputMaxSize=st.integers(-1, 5000),
)
PROXY = likely(
    DestinationServiceName=NAMES,
    Config=st.dictionaries(NAMES, ANY, max_size=2),
    Upstreams=st.lists(likely(DestinationName=NAMES, LocalBindPort=st.integers(0, 2)), max_size=2),
    Expose=likely(Paths=st.lists(likely(Path=NAMES, ListenerPort=st.integers(0, 3)), max_size=2)),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "Kind": st.sampled_from(["", "connect-proxy", "api-gateway", "x"]),
    "ID": NAMES,
    "Tags": st.lists(NAMES, max_size=3),
    "Address": st.sampled_from(["", "10.0.0.1", "::1", "::", "host"]),
    "TaggedAddresses": st.dictionaries(
        st.sampled_from(["lan_ipv4", "wan", "x"]), likely(Address=NAMES), max_size=2
    ),
    "Meta": st.dictionaries(NAMES, NAMES, max_size=2),
    "Port": st.integers(-1, 22000),
    "SocketPath": NAMES,
    "Check": CHECK,
    "Checks": st.lists(CHECK, max_size=3),
    "Weights": likely(Passing=st.integers(-1, 70000), Warning=st.integers(-1, 2)),
    "Locality": likely(Region=NAMES, Zone=NAMES),
    "Proxy": PROXY,
}
SERVICE = likely(Name=NAMES, **FIELDS, Connect=likely(Native=st.booleans(), SidecarService=likely(**FIELDS)))

TEXTS_500 = (
    "Scripts are disabled on this agent from remote calls",
    "Service tagged address",
)
"""What Consul answers bad input with 500 for."""

several = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@several
@given(body=SERVICE)
def test_services(agent: Client, body: Any) -> None:
    before = everything(agent)
    reply = agent.put(REGISTER, body)
    if reply.status == 200:
        assert reply.body == b""
        after = everything(agent)
        assert agent.put(REGISTER, body).status == 200
        assert everything(agent) == after, "the same again changed something"
        for service_id, shown in agent.get("/v1/agent/services").json.items():
            assert agent.get(f"/v1/agent/service/{quote(service_id)}").json["ID"] == shown["ID"] == service_id
        empty(agent)
        return
    assert everything(agent) == before
    assert reply.status == 400 or (reply.status == 500 and reply.text.startswith(TEXTS_500)), reply.text


@several
@given(body=CHECK | ANY)
def test_checks(agent: Client, body: Any) -> None:
    before = everything(agent)
    reply = agent.put("/v1/agent/check/register", body)
    if reply.status == 200:
        after = everything(agent)
        assert agent.put("/v1/agent/check/register", body).status == 200
        assert everything(agent) == after, "the same again changed something"
        empty(agent)
        return
    assert everything(agent) == before
    assert reply.status in (400, 404) or (reply.status == 500 and reply.text.startswith(TEXTS_500)), (
        reply.text
    )


@several
@given(
    target=st.sampled_from(
        [
            "service/register",
            "check/register",
            "check/update/x",
            "check/pass/x",
            "service/deregister/x",
            "maintenance",
            "join/x",
            "force-leave/x",
        ]
    ),
    body=st.binary(max_size=60),
    query=st.text("?&=%aenableron'\"", max_size=12),
)
def test_bytes(agent: Client, target: str, body: bytes, query: str) -> None:
    reply = agent.request("PUT", f"/v1/agent/{target}?{quote(query, safe='?&=%')}", body)
    assert reply.status in (200, 400, 404) or (
        reply.status == 500 and target.split("/")[0] in ("join", "force-leave")
    ), reply.text
    assert "Traceback" not in reply.text


def test_the_server_is_unharmed(agent: Client, agent_server: RegistryServer) -> None:
    assert agent.get("/v1/agent/services").json == {}
    assert "Traceback" not in agent_server.output()
