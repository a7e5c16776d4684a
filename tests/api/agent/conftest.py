"""A server for the tests of the agent's endpoints, emptied before each."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from harness.client import Client
from harness.server import RegistryServer


@pytest.fixture(scope="package")
def agent_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A server with two workers, so that a write and the read after it may meet different ones."""
    server = RegistryServer(tmp_path_factory.mktemp("agent"), workers=2)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def agent(agent_server: RegistryServer) -> Client:
    """A client of that server, with nothing registered through the agent."""
    empty(agent_server.client)
    return agent_server.client


def empty(client: Client) -> None:
    """Remove every service and check of the agent."""
    for service_id in client.get("/v1/agent/services").json:
        client.put(f"/v1/agent/service/deregister/{quote(service_id)}")
    for check_id in client.get("/v1/agent/checks").json:
        client.put(f"/v1/agent/check/deregister/{quote(check_id)}")
