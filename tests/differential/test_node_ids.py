"""IDs of nodes: finding a node by one, and whose they are."""

from typing import Any

import pytest

from differential import views
from differential.pair import Pair

REGISTER = "/v1/catalog/register"
ID = "40e4a748-2192-161a-0510-9bf59fe950b5"
OTHER = "50e4a748-2192-161a-0510-9bf59fe950b5"
ALIVE = {"CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing"}
READS = ("/v1/catalog/nodes", "/v1/health/state/any", *views.of_node("ext"), *views.of_node("other"))


def node(name: str, node_id: str = "", **fields: Any) -> dict[str, Any]:
    """Return a registration of a node."""
    return {"Node": name, "Address": f"{name}.example", **({"ID": node_id} if node_id else {}), **fields}


@pytest.mark.parametrize(
    "name",
    [
        *("4", "40", "40e", "40E4A7", "40e4a748", "40e4a748-", "40e4a748-2", "40e4a748-21", "4-0e4a748"),
        *(
            "40-e4a7-48",
            "40-e4a748--",
            "40e4a748-----",
            "-----40",
            "40zz",
            ID,
            ID.upper(),
            ID.replace("-", ""),
        ),
        *(ID + "-", ID + "0", ID + "00", "50"),
    ],
)
def test_look_ups(pair: Pair, name: str) -> None:
    pair.put(REGISTER, node("ext", ID, Service={"Service": "redis"}, Check={"Name": "up"}))
    pair.read(*views.of_node(name))
    pair.put(REGISTER, node("other", ID[:-1] + "6"))
    pair.read(*views.of_node(name))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param([node("ext", ID)], node("other", ID), id="renamed"),
        pytest.param([node("ext", ID), node("other")], node("other", ID), id="goes to a node without one"),
        pytest.param([node("ext", ID), node("other", OTHER)], node("other", ID), id="goes to another node"),
        pytest.param([node("ext", ID)], node("ext", ID.upper()), id="in capitals"),
        pytest.param([node("ext", ID.upper())], node("other", ID), id="renamed from capitals"),
        pytest.param([node("ext", ID, Check=ALIVE)], node("ext", OTHER), id="of a live node changed"),
        pytest.param([node("ext", ID, Check=ALIVE)], node("EXT", OTHER), id="of a live node in capitals"),
        pytest.param([node("ext", Check=ALIVE)], node("ext", ID), id="given to a live node"),
        pytest.param(
            [node("ext", Check=ALIVE), node("other", ID)], node("ext", ID), id="moved to a live node"
        ),
        pytest.param(
            [node("ext", OTHER, Check=ALIVE), node("other", ID)],
            node("ext", ID),
            id="moved to a live one with",
        ),
        pytest.param([node("ext", ID, Check=ALIVE)], node("other", ID), id="live node renamed"),
        pytest.param([node("ext", ID, Check=ALIVE)], node("ext", ID.upper()), id="live node in capitals"),
        pytest.param([node("ext", ID, Check=ALIVE)], node("ext"), id="taken from a live node"),
    ],
)
def test_owners(pair: Pair, first: list[dict[str, Any]], second: dict[str, Any]) -> None:
    for body in first:
        pair.put(REGISTER, body)
        pair.put(REGISTER, {**body, "SkipNodeUpdate": True, "Service": {"Service": "redis"}, "Check": None})
    pair.read(*READS)
    pair.put(REGISTER, second)
    pair.read(*READS)
    pair.put(REGISTER, {**second, "Service": {"Service": "redis"}, "Check": {"Name": "up"}})
    pair.read(*READS)
