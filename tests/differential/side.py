"""One of the two servers of a comparison: asking it, waiting until it is at rest, emptying it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import httpx
from harness.client import Client, Reply
from harness.process import wait_until

RELEVANT_HEADERS = frozenset(
    ("content-type", "vary", "allow", "location", "content-encoding", "x-cache", "age")
)

# Tags of the service list are the keys of a Go map; local health walks Go maps of services and checks.
_UNORDERED_PATHS = ("/v1/catalog/services", "/v1/agent/health/service/")

_WORST_OF_SEVERAL = "/v1/agent/health/service/name/"


class Server(Protocol):
    """What `RegistryServer` and `ConsulServer` have in common."""

    url: str
    node: str
    client: Client

    def output(self) -> str: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Seen:
    """An answer made comparable: relevant headers only, values that differ by nature named alike."""

    status: int
    headers: Mapping[str, str]
    body: Any
    layout: str


class Side:
    """One server under comparison."""

    def __init__(self, server: Server, is_consul: bool) -> None:
        """``is_consul`` says that the catalog follows the agent with a delay and watchers wake in vain."""
        self.client = server.client
        self.node = server.node
        self.is_consul = is_consul
        own = self.client.get("/v1/agent/self").json
        leader = self.client.get("/v1/status/leader").json
        self._port = int(leader.rpartition(":")[2])
        self._names = {
            own["Config"]["NodeID"]: "<node id>",
            own["Config"]["Version"].partition("+")[0]: "<version>",
            leader: "<rpc address>",
        }

    def ask(self, method: str, target: str, body: object, headers: Mapping[str, str] | None) -> Reply:
        """Send a request; a write through the agent is in the catalog when this returns.

        A connection that ends without an answer is an answer with status 0: Consul does that to requests
        that its handlers stumble over.
        """
        try:
            reply = self.client.request(method, target, body, headers)
        except httpx.RemoteProtocolError:
            reply = Reply(0, {}, b"")
        if method != "GET" and target.startswith("/v1/agent/"):
            self.settle()
        return reply

    def settle(self) -> None:
        """Wait until the catalog shows the agent's services and checks as the agent has them.

        What is only in the catalog of the own node counts as not yet removed: tests that put something
        there do not write through the agent.
        """
        if self.is_consul:
            wait_until(self._in_step, timeout=20, what="the catalog to follow the agent", interval=0.005)

    def empty(self) -> None:
        """Remove everything but the own node, its service and its check."""
        client, node = self.client, quote(self.node)
        for service in client.get("/v1/agent/services").json:
            client.put(f"/v1/agent/service/deregister/{quote(service)}")
        client.put("/v1/agent/maintenance?enable=false")
        for check in client.get("/v1/agent/checks").json:
            client.put(f"/v1/agent/check/deregister/{quote(check)}")
        for entry in client.get("/v1/catalog/nodes").json:
            if entry["Node"] != self.node:
                client.put("/v1/catalog/deregister", {"Node": entry["Node"]})
        for service in client.get(f"/v1/catalog/node/{node}").json["Services"]:
            if service != "consul":
                client.put("/v1/catalog/deregister", {"Node": self.node, "ServiceID": service})
        for check in client.get(f"/v1/health/node/{node}").json:
            if check["CheckID"] != "serfHealth":
                client.put("/v1/catalog/deregister", {"Node": self.node, "CheckID": check["CheckID"]})
        self.settle()

    def see(self, target: str, reply: Reply) -> Seen:
        """Return the comparable form of an answer."""
        headers = {
            name: value
            for name, value in reply.headers.items()
            if name in RELEVANT_HEADERS or name.startswith("x-consul-")
        }
        if reply.status == 503 and target.startswith(_WORST_OF_SEVERAL):
            # Critical and maintenance are equally bad, and a Go map says which instance comes first.
            headers["x-consul-reason"] = "critical or maintenance"
            if reply.text in ("critical", "maintenance"):
                return Seen(reply.status, headers, "critical or maintenance", "text")
        if headers.get("content-type") != "application/json" or not reply.body:
            return Seen(reply.status, headers, self._named(reply.text), "text")
        body = self._named(json.loads(reply.body))
        if target.startswith(_UNORDERED_PATHS):
            body = _sorted_inside(body)
        return Seen(reply.status, headers, body, _layout(reply.text))

    def is_own(self, item: Mapping[str, Any]) -> bool:
        """Say whether an object belongs to the server itself, which each brings about in its own way."""
        return (
            item.get("CheckID") == "serfHealth"
            or "consul" in (item.get("ServiceID"), item.get("Service"))
            or (item.get("Node") == self.node and "Address" in item and "ServiceID" not in item)
        )

    def _named(self, value: Any) -> Any:
        """Return a JSON value with the server's own names replaced by what they stand for."""
        if isinstance(value, str):
            for name, meaning in self._names.items():
                value = value.replace(name, meaning)
            return value
        if isinstance(value, list):
            return [self._named(item) for item in value]
        if isinstance(value, dict):
            own_port = "consul" in (value.get("Service"), value.get("ServiceName"))
            return {
                key: "<rpc port>" if own_port and item == self._port else self._named(item)
                for key, item in value.items()
            }
        return value

    def _in_step(self) -> bool:
        get, node = self.client.get, quote(self.node)
        shown = dict(get(f"/v1/catalog/node/{node}").json["Services"])
        shown.pop("consul", None)
        checks = {item["CheckID"]: item for item in get(f"/v1/health/node/{node}").json}
        checks.pop("serfHealth", None)
        return _essence(get("/v1/agent/services").json, _SERVICE_FIELDS) == _essence(
            shown, _SERVICE_FIELDS
        ) and _essence(get("/v1/agent/checks").json, _CHECK_FIELDS) == _essence(checks, _CHECK_FIELDS)


_SERVICE_FIELDS = (
    *(
        "Service",
        "Tags",
        "Address",
        "Port",
        "Meta",
        "Weights",
        "EnableTagOverride",
        "TaggedAddresses",
        "Kind",
    ),
)
# Not the output: a real agent holds back changes of the output alone for minutes.
_CHECK_FIELDS = ("Status", "Name", "Notes", "Type", "ServiceID")


def _essence(items: Mapping[str, Mapping[str, Any]], fields: tuple[str, ...]) -> dict[str, list[Any]]:
    return {key: [item.get(field) or None for field in fields] for key, item in items.items()}


def _sorted_inside(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_inside(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted_inside(item) for item in value), key=json.dumps)
    return value


def _layout(text: str) -> str:
    """Say how JSON text is laid out: compact, or for human eyes with four spaces and a line end."""
    lines = text.split("\n")
    if len(lines) == 1:
        return "compact"
    steps = [len(line) - len(line.lstrip(" ")) for line in lines]
    first = 0 if len(lines) == 2 else 4
    regular = all(step % 4 == 0 for step in steps) and steps[1] == first and lines[-1] == ""
    return "pretty" if regular else "laid out in another way"
