"""Each kind of object offers the selectors of Consul's contract, and no others."""

import pytest

from registry.catalog.filter import (
    CHECK_SERVICE_NODE,
    HEALTH_CHECK,
    NODE,
    NODE_SERVICE,
    SERVICE_NODE,
    FilterError,
    Schema,
    compile_filter,
)

TEXT, NUMBER, FLAG, TEXTS, TEXT_MAP = "== x", "== 1", "== true", "contains x", ".k == x"
ADDRESSES = (".k.Address == x", ".k.Port == 1", "contains k")
PROXY = {
    ".DestinationServiceName": TEXT,
    ".DestinationServiceID": TEXT,
    ".LocalServiceAddress": TEXT,
    ".LocalServicePort": NUMBER,
    ".LocalServiceSocketPath": TEXT,
    ".Mode": TEXT,
    ".MeshGateway.Mode": TEXT,
    ".Expose.Checks": FLAG,
    ".Expose.Paths.Path": TEXT,
    ".Expose.Paths.ListenerPort": NUMBER,
    ".Upstreams.DestinationName": TEXT,
    ".Upstreams.DestinationNamespace": TEXT,
    ".Upstreams.LocalBindPort": NUMBER,
    ".Upstreams.MeshGateway.Mode": TEXT,
    ".TransparentProxy.DialedDirectly": FLAG,
    ".AccessLogs.Enabled": FLAG,
    ".EnvoyExtensions.Name": TEXT,
}


def _expressions(members: dict[str, str | tuple[str, ...]], prefix: str = "") -> list[str]:
    return [
        f"{prefix}{name}{'' if question.startswith('.') else ' '}{question}"
        for name, questions in members.items()
        for question in ([questions] if isinstance(questions, str) else questions)
    ]


NODE_MEMBERS: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(["ID", "Node", "Address", "Datacenter", "PeerName"], TEXT),
    **dict.fromkeys(["TaggedAddresses", "Meta"], TEXT_MAP),
}
SERVICE_NODE_MEMBERS: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(["ID", "Node", "Address", "Datacenter", "PeerName"], TEXT),
    **dict.fromkeys(["ServiceKind", "ServiceID", "ServiceName", "ServiceAddress", "ServiceSocketPath"], TEXT),
    **dict.fromkeys(["TaggedAddresses", "NodeMeta", "ServiceMeta"], TEXT_MAP),
    "ServiceTags": TEXTS,
    "ServiceTaggedAddresses": ADDRESSES,
    **dict.fromkeys(["ServiceWeights.Passing", "ServiceWeights.Warning", "ServicePort"], NUMBER),
    **dict.fromkeys(["ServiceEnableTagOverride", "ServiceConnect.Native"], FLAG),
    **{f"ServiceProxy{name}": question for name, question in PROXY.items()},
}
NODE_SERVICE_MEMBERS: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(["Kind", "ID", "Service", "Address", "SocketPath", "PeerName"], TEXT),
    "Tags": TEXTS,
    "TaggedAddresses": ADDRESSES,
    "Meta": TEXT_MAP,
    **dict.fromkeys(["Port", "Weights.Passing", "Weights.Warning"], NUMBER),
    **dict.fromkeys(["EnableTagOverride", "Connect.Native"], FLAG),
    **{f"Proxy{name}": question for name, question in PROXY.items()},
}
HEALTH_CHECK_MEMBERS: dict[str, str | tuple[str, ...]] = {
    **dict.fromkeys(["Node", "CheckID", "Name", "Status", "Notes", "Output", "ServiceID"], TEXT),
    **dict.fromkeys(["ServiceName", "Type", "Interval", "Timeout", "PeerName"], TEXT),
    "ServiceTags": TEXTS,
    "ExposedPort": NUMBER,
}


@pytest.mark.parametrize(
    ("schema", "expressions"),
    [
        (NODE, _expressions(NODE_MEMBERS)),
        (SERVICE_NODE, _expressions(SERVICE_NODE_MEMBERS)),
        (NODE_SERVICE, _expressions(NODE_SERVICE_MEMBERS)),
        (HEALTH_CHECK, _expressions(HEALTH_CHECK_MEMBERS)),
        (CHECK_SERVICE_NODE, _expressions(NODE_MEMBERS, "Node.")),
        (CHECK_SERVICE_NODE, _expressions(NODE_SERVICE_MEMBERS, "Service.")),
        (CHECK_SERVICE_NODE, _expressions(HEALTH_CHECK_MEMBERS, "Checks.")),
    ],
)
def test_offers_every_selector_of_the_contract(schema: Schema, expressions: list[str]) -> None:
    for expression in expressions:
        assert compile_filter(expression, schema)({}) is False


@pytest.mark.parametrize(
    ("schema", "members"),
    [
        (NODE, NODE_MEMBERS),
        (SERVICE_NODE, SERVICE_NODE_MEMBERS),
        (NODE_SERVICE, NODE_SERVICE_MEMBERS),
        (HEALTH_CHECK, HEALTH_CHECK_MEMBERS),
        (CHECK_SERVICE_NODE, dict.fromkeys(["Node", "Service", "Checks"], TEXT)),
    ],
)
def test_offers_nothing_beyond_the_contract(schema: Schema, members: dict[str, str]) -> None:
    assert {name.split(".")[0] for name in members} == set(schema.members)


@pytest.mark.parametrize(
    ("schema", "selector"),
    [
        (NODE, "CreateIndex"),
        (NODE, "Partition"),
        (SERVICE_NODE, "ServiceProxy.Config"),
        (SERVICE_NODE, "ServiceProxy.Upstreams.Config"),
        (NODE_SERVICE, "ContentHash"),
        (NODE_SERVICE, "Datacenter"),
        (NODE_SERVICE, "ServiceConnect"),
        (NODE_SERVICE, "Connect.SidecarService"),
        (HEALTH_CHECK, "Definition"),
        (CHECK_SERVICE_NODE, "ServiceName"),
    ],
)
def test_does_not_offer(schema: Schema, selector: str) -> None:
    with pytest.raises(FilterError, match=f'Selector "{selector}" is not valid$'):
        compile_filter(f"{selector} == 1", schema)
