"""Services of the agent: registering, showing, changing, removing, putting into maintenance."""

import pytest

from differential import views
from differential.pair import Pair

REGISTER = "/v1/agent/service/register"
TTL = {"TTL": "10m"}
HTTP = {"HTTP": "http://127.0.0.1:1/health", "Interval": "24h"}

EVERY_FIELD = {
    "ID": "web-1",
    "Name": "web",
    "Tags": ["v1", "primary", "v1"],
    "Address": "10.0.0.5",
    "Port": 8080,
    "TaggedAddresses": {
        "lan": {"Address": "10.0.0.5", "Port": 8080},
        "wan": {"Address": "203.0.113.9", "Port": 80},
    },
    "Meta": {"version": "1.2.3", "a_b-C": "<&>'\"é"},
    "EnableTagOverride": True,
    "Weights": {"Passing": 10, "Warning": 3},
    "Check": {
        **HTTP,
        "CheckID": "web-http",
        "Name": "http",
        "Notes": "looks at /health",
        "Method": "GET",
        "Header": {"X-Probe": ["1"]},
        "Timeout": "1s",
        "TLSSkipVerify": True,
        "DeregisterCriticalServiceAfter": "90m",
        "Status": "passing",
    },
    "Checks": [TTL],
    "Connect": {"Native": False, "SidecarService": None},
    "Proxy": None,
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"Name": "web"}, id="name only"),
        pytest.param(EVERY_FIELD, id="every field"),
        pytest.param(
            {"name": "web", "id": "web-1", "port": 80, "tags": ["a"], "meta": {"k": "v"}}, id="lower"
        ),
        pytest.param({"NAME": "web", "iD": "web-1", "enable_tag_override": True}, id="odd case and alias"),
        pytest.param({"Name": "web", "Check": None, "Checks": None, "Tags": None, "Meta": None}, id="nulls"),
        pytest.param({"Name": "web", "Address": "10.0.0.5", "Port": 80}, id="IPv4"),
        pytest.param({"Name": "web", "Address": "fd00::5", "Port": 80}, id="IPv6"),
        pytest.param({"Name": "web", "Address": "web.example", "Port": 80}, id="host name"),
        pytest.param(
            {
                "Name": "web",
                "Address": "10.0.0.5",
                "tagged_addresses": {"lan_ipv4": {"address": "10.0.0.6", "port": 81}},
            },
            id="own tagged address",
        ),
        pytest.param({"Name": "web", "Tags": ["B", "a", "B", ""]}, id="tags as they are"),
        pytest.param({"Name": "web", "Port": -1}, id="negative port"),
        pytest.param({"Name": "web", "Port": 70000}, id="port beyond the range"),
        pytest.param({"Name": "web", "Weights": {"Passing": 5}}, id="half a weight"),
        pytest.param({"Name": "web", "Weights": {"Passing": 65535, "Warning": 0}}, id="extreme weights"),
        pytest.param({"Name": "web", "Kind": "something"}, id="unknown kind"),
        pytest.param({"Name": "web", "Port": 80, "Connect": {"Native": True}}, id="native"),
        pytest.param({"Name": "web", "Connect": {}}, id="empty connect"),
        pytest.param({"Name": "web with space/é.%", "ID": "ü"}, id="odd names"),
        pytest.param({"Name": "web", "Meta": {"k": ""}}, id="empty meta value"),
        pytest.param({"Name": "web", "Token": "anything"}, id="token in the body"),
    ],
)
def test_register(pair: Pair, body: dict[str, object]) -> None:
    pair.put(REGISTER, body)
    pair.read(*views.EVERYTHING, *views.of_service("web"))
    for service in ("web", "web-1", "%C3%BC"):
        pair.read(f"/v1/agent/service/{service}")


def test_native_without_a_port(pair: Pair) -> None:
    # Nothing is read: what Consul takes is refused here.
    pair.put(REGISTER, {"Name": "web", "Connect": {"Native": True}})


def test_unknown_fields(pair: Pair) -> None:
    # Nothing is read: what Consul refuses is taken here.
    pair.put(REGISTER, {"Name": "web", "Script": "x"})
    pair.put(REGISTER, {"Name": "web", "Check": {**TTL, "Script": "x"}})
    pair.put("/v1/agent/check/register", {"Name": "beat", "Unheard": 1, **TTL})
    pair.put("/v1/catalog/deregister", {"Node": "ext", "Unheard": 1})
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "x", "Unheard": 1})


def test_names_with_odd_characters_are_found_again(pair: Pair) -> None:
    pair.put(REGISTER, {"Name": "a/b c", "ID": "x/y", "Check": TTL})
    pair.read(*views.of_service("a/b%20c"), *views.of_service("a%2Fb%20c"), "/v1/agent/service/x%2Fy")
    pair.put("/v1/agent/check/pass/service:x/y")
    pair.read(*views.of_service("a/b%20c"))
    pair.put("/v1/agent/service/deregister/x/y")
    pair.read(*views.EVERYTHING)


def test_look_ups_by_another_case(pair: Pair) -> None:
    pair.put(REGISTER, {"Name": "Web", "ID": "Web-1", "Check": {**TTL, "CheckID": "Beat"}})
    pair.read(*views.of_service("web"), *views.of_service("WEB"), "/v1/agent/service/web-1")
    pair.read("/v1/agent/health/service/id/web-1", *views.of_node("NODE-A"))
    pair.put("/v1/agent/check/pass/beat")
    pair.put("/v1/agent/service/deregister/web-1")
    pair.read(*views.EVERYTHING)


def test_registering_the_same_again_changes_nothing(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"))
    pair.put(REGISTER, EVERY_FIELD)
    pair.read(*reads)
    pair.put(REGISTER, EVERY_FIELD)
    pair.read(*reads)


def test_registering_replaces_the_whole_definition(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"), "/v1/agent/service/web-1")
    pair.put(REGISTER, EVERY_FIELD)
    pair.read(*reads)
    pair.put(REGISTER, {"ID": "web-1", "Name": "web", "Port": 1})
    pair.read(*reads)
    pair.put(REGISTER, {"ID": "web-1", "Name": "web", "Port": 1, "Tags": ["x"]})
    pair.read(*reads)


def test_another_name_moves_the_instance(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("old"), *views.of_service("new"))
    pair.put(REGISTER, {"ID": "one", "Name": "old", "Tags": ["t"], "Check": TTL})
    pair.read(*reads)
    pair.put(REGISTER, {"ID": "one", "Name": "new", "Tags": ["u"], "Check": TTL})
    pair.read(*reads)


def test_another_name_leaves_checks_that_are_not_repeated(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("old"), *views.of_service("new"))
    pair.put(REGISTER, {"ID": "one", "Name": "old", "Tags": ["t"], "Check": TTL})
    pair.put(REGISTER, {"ID": "one", "Name": "new", "Tags": ["u"]})
    pair.read(*reads)
    pair.put(REGISTER, {"ID": "one", "Name": "new", "Tags": ["u"], "Check": TTL})
    pair.read(*reads)


def test_a_new_status_takes_over_name_and_tags(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("old"), *views.of_service("new"))
    pair.put(REGISTER, {"ID": "one", "Name": "old", "Tags": ["t"], "Check": TTL})
    pair.put(REGISTER, {"ID": "one", "Name": "new", "Tags": ["u"]})
    pair.read(*reads)
    pair.put("/v1/agent/check/pass/service:one")
    pair.read(*reads)


@pytest.mark.parametrize(
    "checks",
    [
        pytest.param({"Check": TTL}, id="one"),
        pytest.param({"Checks": [TTL]}, id="one in the list"),
        pytest.param({"Check": TTL, "Checks": [TTL, HTTP]}, id="three"),
        pytest.param({"Checks": [TTL, {**TTL, "CheckID": "mine"}, TTL]}, id="own id keeps its ordinal"),
        pytest.param({"Check": {}, "Checks": [TTL]}, id="empty one is absent"),
        pytest.param({"Check": {}, "Checks": [TTL, TTL]}, id="empty one takes no ordinal"),
        pytest.param(
            {"Checks": [{**TTL, "CheckID": "a", "Notes": "1"}, {**TTL, "CheckID": "a", "Notes": "2"}]},
            id="same id twice",
        ),
        pytest.param({"Check": {**TTL, "Name": "n", "Notes": "o", "Status": "warning"}}, id="named"),
        pytest.param({"Check": {**TTL, "ServiceID": "other", "Status": ""}}, id="service id is ignored"),
        pytest.param({"Check": {"tcp": "127.0.0.1:1", "interval": "24h", "timeout": "2s"}}, id="tcp"),
        pytest.param({"Check": {"GRPC": "127.0.0.1:1", "Interval": "24h"}}, id="grpc"),
        pytest.param({"Check": {**HTTP, "TCP": "127.0.0.1:1"}}, id="two types"),
        pytest.param({"Check": {"TTL": 600_000_000_000}}, id="nanoseconds"),
        pytest.param(
            {"Check": {**HTTP, "deregister_critical_service_after": "90m", "tls_skip_verify": True}},
            id="aliases",
        ),
        pytest.param(
            {"Check": {**TTL, "SuccessBeforePassing": 3, "FailuresBeforeCritical": 3}}, id="thresholds"
        ),
        pytest.param({"Check": {**TTL, "OutputMaxSize": 10}}, id="output size"),
    ],
)
def test_checks_of_a_registration(pair: Pair, checks: dict[str, object]) -> None:
    pair.put(REGISTER, {"Name": "web", "ID": "web-1", "Tags": ["t"], **checks})
    pair.read(*views.EVERYTHING, *views.of_service("web"))


def test_checks_keep_their_state_when_registered_again(pair: Pair) -> None:
    reads = ("/v1/agent/checks", *views.of_service("web"))
    pair.put(REGISTER, {"Name": "web", "Check": {**TTL, "Notes": "one"}})
    pair.put("/v1/agent/check/pass/service:web?note=fine")
    pair.read(*reads)
    pair.put(REGISTER, {"Name": "web", "Check": {**TTL, "Notes": "two", "Status": "critical"}})
    pair.read(*reads)
    pair.put(REGISTER, {"Name": "web", "Check": {**HTTP, "Name": "other type"}})
    pair.read(*reads)
    pair.put(REGISTER, {"Name": "web"})
    pair.read(*reads)


@pytest.mark.parametrize("value", ["", "=", "=true", "=false", "=1", "=x"])
def test_replace_existing_checks(pair: Pair, value: str) -> None:
    pair.put(REGISTER, {"Name": "web", "Check": TTL})
    pair.put("/v1/agent/check/pass/service:web")
    pair.put("/v1/agent/check/register", {"Name": "extra", "ServiceID": "web", **TTL})
    pair.put(f"{REGISTER}?replace-existing-checks{value}", {"Name": "web", "Check": TTL})
    pair.read("/v1/agent/checks", *views.of_service("web"))
    pair.put(f"{REGISTER}?replace-existing-checks{value}", {"Name": "web", "Checks": [TTL, TTL]})
    pair.read("/v1/agent/checks", *views.of_service("web"))
    pair.put(f"{REGISTER}?replace-existing-checks{value}", {"Name": "web"})
    pair.read("/v1/agent/checks", *views.of_service("web"))


def test_check_id_of_another_service_moves(pair: Pair) -> None:
    pair.put(REGISTER, {"Name": "a", "Check": {**TTL, "CheckID": "shared"}})
    pair.put(REGISTER, {"Name": "b", "Check": {**TTL, "CheckID": "shared"}})
    pair.read(*views.AGENT, *views.of_service("a"), *views.of_service("b"))
    pair.put("/v1/agent/service/deregister/a")
    pair.read(*views.AGENT, *views.of_service("a"), *views.of_service("b"))


def test_deregister(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"))
    pair.put(REGISTER, {"Name": "web", "ID": "w1", "Check": TTL})
    pair.put(REGISTER, {"Name": "web", "ID": "w2", "Checks": [TTL, TTL]})
    pair.read(*reads)
    pair.put("/v1/agent/service/deregister/w1")
    pair.read(*reads, "/v1/agent/service/w1")
    pair.put("/v1/agent/service/deregister/w2", {"any": "body"})
    pair.read(*reads)
    pair.put("/v1/agent/service/deregister/w2")
    pair.put("/v1/agent/service/deregister/web")
    pair.put("/v1/agent/service/deregister/")
    pair.put("/v1/agent/service/deregister/consul")
    pair.read(*reads)


def test_maintenance_of_a_service(pair: Pair) -> None:
    reads = (*views.EVERYTHING, *views.of_service("web"), "/v1/agent/health/service/id/web")
    target = "/v1/agent/service/maintenance"
    pair.put(REGISTER, {"Name": "web", "Tags": ["t"]})
    pair.read(*reads)
    for query in ("enable=true&reason=moving+house", "enable=true&reason=again", "enable=0", "enable=0"):
        pair.put(f"{target}/web?{query}")
        pair.read(*reads)
    pair.put(f"{target}/web?enable=T")
    pair.read(*reads)
    for tail in (
        "/web",
        "/web?enable",
        "/web?enable=",
        "/web?enable=x",
        "/?enable=true",
        "/",
        "/nope?enable=true",
    ):
        pair.put(target + tail)
    pair.put(f"{target}/nope")
    pair.put(f"{target}/nope?enable=x")
    pair.put("/v1/agent/service/deregister/web")
    pair.read(*reads)


def test_hash_of_a_service(pair: Pair) -> None:
    target = "/v1/agent/service/web"
    pair.put(REGISTER, {"Name": "web", "Port": 1, "Check": TTL})
    first = pair.get(target)
    pair.put("/v1/agent/check/pass/service:web")
    pair.get(target)
    pair.put(REGISTER, {"Name": "web", "Port": 2})
    pair.get(target)
    pair.put(REGISTER, {"Name": "web", "Port": 1})
    pair.get(target)
    hashes = [reply.headers["x-consul-contenthash"] for reply in first]
    for query in ("wait=20ms", "wait=x", "index=99999&wait=20ms"):
        asked = f"{target}?hash={hashes[0]}&{query}", f"{target}?hash={hashes[1]}&{query}"
        pair.each("GET", f"{target}?hash=<current>&{query}", asked)
    pair.read(f"{target}?hash=&wait=1s", f"{target}?hash=0000000000000000&wait=1s", f"{target}?hash=x&wait=x")


PROXY = {"Kind": "connect-proxy", "Name": "web-proxy", "Port": 21000}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({**PROXY, "Proxy": {"DestinationServiceName": "web"}}, id="proxy"),
        pytest.param(
            {
                **PROXY,
                "Proxy": {
                    "destination_service_name": "web",
                    "destination_service_id": "web-1",
                    "local_service_address": "127.0.0.1",
                    "local_service_port": 8080,
                    "Config": {"protocol": "http", "n": 1, "l": [1.5, True, "x"]},
                    "Upstreams": [
                        {"DestinationName": "db", "LocalBindPort": 5},
                        {"destination_type": "prepared_query", "destination_name": "q", "local_bind_port": 6},
                    ],
                    "MeshGateway": {"Mode": "local"},
                    "Expose": {
                        "Checks": True,
                        "Paths": [{"Path": "/x", "listener_port": 7, "LocalPathPort": 8}],
                    },
                },
            },
            id="proxy with everything",
        ),
        pytest.param(
            {**PROXY, "Port": 0, "Proxy": {"DestinationServiceName": "web"}}, id="proxy without port"
        ),
        pytest.param(PROXY, id="proxy without destination"),
        pytest.param({**PROXY, "Port": 0, "Connect": {"Native": True}}, id="proxy with everything wrong"),
        pytest.param({"Kind": "mesh-gateway", "Name": "gate", "Port": 443}, id="gateway"),
        pytest.param({"Kind": "mesh-gateway", "Name": "gate"}, id="gateway without port"),
        pytest.param({"Kind": "terminating-gateway", "Name": "gate", "Port": 443}, id="terminating gateway"),
        pytest.param({"Kind": "ingress-gateway", "Name": "gate"}, id="ingress gateway"),
        pytest.param(
            {"Name": "web", "Proxy": {"DestinationServiceName": "db"}}, id="destination of a plain service"
        ),
    ],
)
def test_kinds(pair: Pair, body: dict[str, object]) -> None:
    pair.put(REGISTER, body)
    pair.read(*views.EVERYTHING, *views.of_service("web"), *views.of_service("web-proxy"))
    pair.read("/v1/agent/service/web-proxy", "/v1/agent/service/gate", "/v1/catalog/gateway-services/gate")


@pytest.mark.parametrize(
    "sidecar",
    [
        pytest.param({}, id="empty"),
        pytest.param({"Port": 21500, "Tags": ["mine"], "Checks": [TTL]}, id="own values"),
        pytest.param({"ID": "x"}, id="an id"),
        pytest.param({"Connect": {"SidecarService": {}}}, id="nested"),
    ],
)
def test_sidecar(pair: Pair, sidecar: dict[str, object]) -> None:
    # Its checks are left out: a real agent runs them at once, and they fail at different moments.
    reads = (
        "/v1/agent/services",
        "/v1/catalog/services",
        "/v1/catalog/node/node-a",
        "/v1/catalog/connect/web",
    )
    definition = {"Name": "web", "ID": "web-1", "Port": 80, "Tags": ["t"], "Meta": {"k": "v"}}
    pair.put(REGISTER, {**definition, "Connect": {"SidecarService": sidecar}})
    pair.read(*reads, "/v1/agent/service/web-1", "/v1/agent/service/web-1-sidecar-proxy")
    pair.put("/v1/agent/service/deregister/web-1")
    pair.read(*reads)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Name": ""}, id="empty name"),
        pytest.param({"ID": "x"}, id="id only"),
        *[pytest.param({"Name": "w", "Address": bad}, id=bad) for bad in ("0.0.0.0", "::", "[::]")],
        pytest.param({"Name": "w", "Weights": {}}, id="empty weights"),
        pytest.param({"Name": "w", "Weights": {"Passing": 0, "Warning": 1}}, id="weight 0"),
        pytest.param({"Name": "w", "Weights": {"Passing": 1, "Warning": -1}}, id="negative warning"),
        pytest.param({"Name": "w", "Weights": {"Passing": 65536, "Warning": 1}}, id="weight too high"),
        pytest.param({"Name": "w", "Weights": {"Passing": 1, "Warning": 65536}}, id="warning too high"),
        pytest.param({"Name": "w", "Meta": {"": "v"}}, id="blank meta key"),
        pytest.param({"Name": "w", "Meta": {"a b": "v"}}, id="meta key characters"),
        pytest.param({"Name": "w", "Meta": {"k" * 129: "v"}}, id="long meta key"),
        pytest.param({"Name": "w", "Meta": {"k": "v" * 513}}, id="long meta value"),
        pytest.param({"Name": "w", "Meta": {"consul-x": "v"}}, id="reserved meta key"),
        pytest.param({"Name": "w", "Meta": {f"k{n}": "" for n in range(65)}}, id="too many meta pairs"),
        pytest.param({"Name": "w", "Check": {"Name": "n"}}, id="check of no type"),
        pytest.param({"Name": "w", "Checks": [{}]}, id="empty check in the list"),
        pytest.param({"Name": "w", "Check": {"HTTP": "http://h"}}, id="no interval"),
        pytest.param({"Name": "w", "Check": {"TCP": "h:1", "Interval": "0s"}}, id="zero interval"),
        pytest.param({"Name": "w", "Check": {**HTTP, "TTL": "1m"}}, id="interval and ttl"),
        pytest.param({"Name": "w", "Check": {"HTTP": "http://h", "TTL": "1m"}}, id="http and ttl"),
        pytest.param({"Name": "w", "Check": {"AliasService": "x", "TTL": "1m"}}, id="alias and ttl"),
        pytest.param({"Name": "w", "Check": {**TTL, "OutputMaxSize": -1}}, id="negative output size"),
        pytest.param({"Name": "w", "Check": {**TTL, "Status": "fine"}}, id="status"),
        pytest.param({"Name": "w", "Check": {"TTL": "abc"}}, id="duration"),
        pytest.param({"Name": "w", "Check": {"TTL": "10"}}, id="duration without unit"),
        pytest.param({"Name": "w", "Check": {"TTL": "-5s"}}, id="negative ttl"),
        pytest.param({"Name": "w", "Check": {"Args": ["true"], "Interval": "24h"}}, id="script"),
        pytest.param({"Name": "w", "TaggedAddresses": {"lan_ipv4": {"Address": "x"}}}, id="no IPv4"),
        pytest.param({"Name": "w", "TaggedAddresses": {"lan_ipv6": {"Address": "1.1.1.1"}}}, id="no IPv6"),
        pytest.param({"Name": "w", "TaggedAddresses": {"wan_ipv4": {"Address": ""}}}, id="empty IPv4"),
        pytest.param(
            {"Name": "w", "Address": "::", "Weights": {}, "Check": {"Name": "n"}}, id="three mistakes"
        ),
    ],
)
def test_refused_registrations_change_nothing(pair: Pair, body: dict[str, object]) -> None:
    pair.read(*views.EVERYTHING)
    pair.put(REGISTER, body)
    pair.read(*views.EVERYTHING)
