"""Short forms of the calls that most tests make."""

from typing import Any
from urllib.parse import quote

from harness.client import Client, Reply

REGISTER = "/v1/agent/service/register"
TTL: dict[str, Any] = {"TTL": "10m"}
HTTP: dict[str, Any] = {"HTTP": "http://127.0.0.1:1/health", "Interval": "24h"}


def register(client: Client, definition: object, query: str = "") -> None:
    """Register a service, which must succeed as Consul's agent does: 200 without a body."""
    done(client.put(REGISTER + query, definition))


def done(reply: Reply) -> None:
    """Require the answer of a successful agent write."""
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0"), reply.text
    assert "content-type" not in reply.headers


def refused(reply: Reply, status: int, text: str) -> None:
    """Require an error with this text."""
    assert (reply.status, reply.text) == (status, text)
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def service(client: Client, service_id: str) -> Any:
    """Return a service as agent/service shows it."""
    reply = client.get(f"/v1/agent/service/{quote(service_id)}")
    assert reply.status == 200, reply.text
    return reply.json


def checks(client: Client) -> Any:
    """Return the agent's checks."""
    return client.get("/v1/agent/checks").json


def statuses(client: Client) -> dict[str, str]:
    """Return the status of each of the agent's checks."""
    return {check_id: check["Status"] for check_id, check in checks(client).items()}


def everything(client: Client) -> list[bytes]:
    """Return all that a change could show in, with the indexes."""
    targets = (
        "/v1/agent/services",
        "/v1/agent/checks",
        "/v1/catalog/services",
        "/v1/health/state/any",
        "/v1/catalog/nodes",
    )
    replies = [client.get(target) for target in targets]
    return [
        part for reply in replies for part in (reply.body, reply.headers.get("x-consul-index", "").encode())
    ]
