"""From a definition to a prober."""

from typing import Any

import pytest

from probes.support import closed_port, deaf_port, probe, run
from registry.keeper.probes import Outcome, Tools, prober


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({"GRPC", "HTTP", "TCP"}, "rpc error"),
        ({"HTTP", "TCP", "H2PING"}, "Get "),
        ({"TCP", "UDP", "OSService"}, "dial tcp "),
        ({"H2PING", "OSService"}, "Failed to dial to "),
    ],
)
def test_the_first_kind_counts(fields: set[str], begins: str) -> None:
    place = f"127.0.0.1:{closed_port()}"
    values = {"HTTP": f"http://{place}/"}
    assert run(probe({name: values.get(name, place) for name in fields})).output.startswith(begins)


@pytest.mark.parametrize("definition", [{}, {"Interval": 1}, {"DockerContainerID": "x"}, {"Wasm": "later"}])
def test_definitions_that_name_nothing_to_run(definition: dict[str, Any]) -> None:
    found = run(probe(definition))
    assert found.status == "critical"
    assert found.output.startswith("the check names nothing to run; expected one of GRPC, HTTP, ")


def test_a_prober_can_be_made_outside_of_a_loop_and_run_again() -> None:
    port = closed_port()

    async def main() -> list[Outcome]:
        async with Tools() as tools:
            check = prober({"TCP": f"127.0.0.1:{port}"}, tools)
            return [await check.run(), await check.run()]

    first, second = run(main())
    assert first == second
    assert first.took_s > 0


@pytest.mark.parametrize("timeout", [0, -5])
def test_timeouts_that_are_none_mean_the_default(timeout: int) -> None:
    with deaf_port() as port:
        late = run(probe({"TCP": f"127.0.0.1:{port}", "Timeout": 50_000_000}))
    assert late.output.endswith("i/o timeout")
    refused = run(probe({"TCP": f"127.0.0.1:{closed_port()}", "Timeout": timeout}))
    assert refused.output.endswith("connection refused")
