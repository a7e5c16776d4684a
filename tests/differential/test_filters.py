"""The filter parameter on every endpoint that has it: what is left, and how a bad one is refused.

What expressions mean is compared elsewhere, at length.
"""

import pytest

from differential.pair import Pair
from differential.test_reads import fill

BAD = (
    "?filter=Nope==1",
    "?filter=(",
    "?filter=ID",
    "?filter=%22",
    "?filter=Meta==1",
    "?filter=Node+is+empty",
)

TARGETS: dict[str, tuple[str, ...]] = {
    "/v1/catalog/nodes": ("Meta.rack==a", "Node!=n1", "Address==nope"),
    "/v1/catalog/service/web": ("ServiceID==w1", "blue+in+ServiceTags", "ServicePort==-1"),
    "/v1/catalog/connect/web": ("ServiceKind==%22connect-proxy%22", "Node==n3", "Node==nope"),
    "/v1/catalog/node/n1": ("ID==w1", "Service==web", "Service==nope"),
    "/v1/catalog/node-services/n1": ("ID==w1", "Service==web", "Service==nope"),
    "/v1/health/node/n1": ("Status==passing", "ServiceID==w2", "Status==nope"),
    "/v1/health/checks/web": ("Status==passing", "Node==n1", "Node==nope"),
    "/v1/health/state/any": ("Status==passing", "ServiceName==web", "Node==nope"),
    "/v1/health/service/web": ("Service.ID==w1", "Checks.Status==warning", "Node.Node==nope"),
    "/v1/health/connect/web": ("Service.Kind==%22connect-proxy%22", "Node.Node==n3", "Node.Node==nope"),
    "/v1/health/ingress/web": ("Service.ID==w1",),
    "/v1/agent/services": ("Port==8080", "Service==nope"),
    "/v1/agent/checks": ("Status==passing", "Status==nope"),
}
OTHERS = (
    "tag=blue",
    "passing",
    "node-meta=rack:a",
    "pretty",
    "index=1&wait=10ms",
    "stale",
    "cached",
    "dc=dc2",
)


@pytest.mark.parametrize("target", TARGETS)
def test_filters(pair: Pair, target: str) -> None:
    pair.read(*(target + query for query in BAD))
    fill(pair)
    pair.put("/v1/agent/service/register", {"Name": "own", "Port": 8080, "Check": {"TTL": "10m"}})
    pair.put("/v1/agent/check/pass/service:own")
    pair.get(target)
    for expression in TARGETS[target]:
        pair.get(f"{target}?filter={expression}")
        pair.read(*(f"{target}?filter={expression}&{other}" for other in OTHERS))
        pair.get(f"{target}?filter={expression}&filter=%22")
    pair.read(*(target + query for query in BAD))
    pair.read(f"{target}?filter=%22&dc=dc2", f"{target}?filter=%22&index=x", f"{target}?filter=%22&passing=x")


@pytest.mark.parametrize("target", ["/v1/catalog/node/ext", "/v1/catalog/node-services/ext"])
def test_filters_of_a_node_without_services(pair: Pair, target: str) -> None:
    pair.read(f"{target}?filter=ID==x", f"{target}?filter=%22")
    pair.put("/v1/catalog/register", {"Node": "ext", "Address": "x"})
    pair.read(
        target, f"{target}?filter=ID==x", f"{target}?filter=", f"{target}?filter=%22", f"{target}?pretty"
    )
