"""A server for the tests of one file, and short forms of what most of them ask of it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.client import Client, Reply
from harness.server import RegistryServer

REGISTER = "/v1/catalog/register"
DEREGISTER = "/v1/catalog/deregister"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@contextmanager
def serving(folders: pytest.TempPathFactory, *args: str, workers: int = 1) -> Iterator[RegistryServer]:
    """Run a server in a fresh folder; ``args`` are further flags."""
    server = RegistryServer(folders.mktemp("api"), workers=workers, args=args)
    try:
        yield server.start()
    finally:
        server.close()


def register(client: Client, node: str, service: object = None, **fields: object) -> None:
    """Register a node, and on it a service (a name or an object), which must succeed."""
    body = {"Node": node, "Address": "10.0.0.1", **fields}
    if service is not None:
        body["Service"] = {"Service": service} if isinstance(service, str) else service
    done(client.put(REGISTER, body))


def deregister(client: Client, node: str, **fields: str) -> None:
    """Remove a node, or what ``fields`` name on it, which must succeed."""
    done(client.put(DEREGISTER, {"Node": node, **fields}))


def done(reply: Reply) -> None:
    """Require the answer of a successful catalog write."""
    assert (reply.status, reply.text, reply.headers["content-type"]) == (200, "true", JSON)


def refused(reply: Reply, status: int, text: str) -> None:
    """Require an error with this text."""
    assert (reply.status, reply.text) == (status, text)
    assert reply.headers["content-type"] == TEXT


def last_index(client: Client) -> int:
    """Return the number of the last change of anything; a request that changed nothing leaves it alone."""
    index: int = client.get("/health").json["store"]["index"]
    return index


def shown(value: Any) -> Any:
    """Return a document without its indexes, which depend on what happened before."""
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items() if key not in ("CreateIndex", "ModifyIndex")}
    return [shown(each) for each in value] if isinstance(value, list) else value


def head(method: str, target: str, *lines: str) -> bytes:
    """Return the head of a request with a good Host header and these further lines."""
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines, "", "")).encode()


def connect(server: RegistryServer, timeout: float = 10.0) -> socket.socket:
    """Return a new connection to a server."""
    return socket.create_connection(("127.0.0.1", server.port), timeout)


def to_the_end(connection: socket.socket) -> bytes:
    """Return everything that comes in until the server closes the connection."""
    received = bytearray()
    while piece := connection.recv(1 << 16):
        received += piece
    return bytes(received)
