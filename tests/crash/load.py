"""Writers that remember what they were promised, and the comparison of that with what is there.

Each writer has services of its own, so what it was told last about one of them is what must be there.
A write whose answer did not come may have happened or not, but never by half: a service and its check
are written in one request with the same version, and must be found with the same version.
"""

import asyncio
import itertools
import random
from dataclasses import dataclass, field

from crash.connection import BROKEN, Connection

ABSENT = 0
"""Version of a service that is not there."""

SHARED_NODES = 15
SERVICES_EACH = 4
NAMES = 20
READS = ("/v1/catalog/services", "/v1/catalog/nodes", "/v1/health/service/svc-7")

Key = tuple[str, str]
"""Node and service ID."""


@dataclass
class Promise:
    """What is known of a service: the version last acknowledged, and those asked for without an answer."""

    version: int = ABSENT
    open: set[int] = field(default_factory=set)

    @property
    def possible(self) -> set[int]:
        """The versions that may be there."""
        return {self.version, *self.open}


@dataclass
class Ledger:
    """What all writers were promised and have seen.

    Attributes:
        promises: by service.
        indexes: the highest X-Consul-Index seen, by target.
        acknowledged: how many writes were.
        refusals: answers that were neither 200 nor expected.
    """

    promises: dict[Key, Promise] = field(default_factory=dict)
    indexes: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    refusals: list[str] = field(default_factory=list)
    versions: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))


class Writer:
    """A client with one connection that registers, changes, repeats and deregisters its services.

    Attributes:
        broken: whether its connection was lost since the last `run` began.
    """

    def __init__(self, number: int, port: int, ledger: Ledger, own_node: str, rng: random.Random) -> None:
        self._port = port
        self._ledger = ledger
        self._rng = rng
        self._agent = number % 4 == 3
        self._private = number % 16 == 2
        shared = own_node if self._agent else f"node-{number % SHARED_NODES}"
        self.node = f"private-{number}" if self._private else shared
        self._ids = [f"svc-{number}-{place}" for place in range(SERVICES_EACH)]
        self.connection: Connection | None = None
        self.broken = False

    async def run(self, stop: asyncio.Event) -> None:
        """Write until told to stop; a lost connection is opened again for as long as that works."""
        self.broken = False
        while not stop.is_set():
            try:
                if self.connection is None:
                    self.connection = await Connection.open(self._port)
                await self._step(self.connection)
            except BROKEN:
                self.broken = True
                self.disconnect()
                await asyncio.sleep(0.01)

    def disconnect(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    async def _step(self, connection: Connection) -> None:
        service_id = self._rng.choice(self._ids)
        promise = self._ledger.promises.setdefault((self.node, service_id), Promise())
        draw = self._rng.random()
        if draw < 0.05:
            await self._read(connection)
        elif self._private and draw < 0.08:
            await self._write(connection, dict.fromkeys(self._promises(), ABSENT), *self._remove_node())
        elif promise.open:
            await self._read(connection)  # what it is has to be found out first
        elif promise.version and draw < 0.35:
            await self._write(connection, {service_id: ABSENT}, *self._remove(service_id))
        elif promise.version and draw < 0.5:
            await self._write(
                connection, {service_id: promise.version}, *self._register(service_id, promise.version)
            )
        else:
            version = next(self._ledger.versions)
            await self._write(connection, {service_id: version}, *self._register(service_id, version))

    def _promises(self) -> list[str]:
        return [name for name in self._ids if (self.node, name) in self._ledger.promises]

    async def _write(self, connection: Connection, wanted: dict[str, int], target: str, body: object) -> None:
        promises = {name: self._ledger.promises[self.node, name] for name in wanted}
        for name, promise in promises.items():
            promise.open.add(wanted[name])
        answer = await connection.request("PUT", target, body)
        if answer.status != 200:
            self._ledger.refusals.append(f"PUT {target} was answered {answer.status} {answer.body!r}")
            return
        for name, promise in promises.items():
            promise.version = wanted[name]
            promise.open.clear()
        self._ledger.acknowledged += 1

    async def _read(self, connection: Connection) -> None:
        target = self._rng.choice(READS)
        answer = await connection.request("GET", target)
        if answer.status != 200:
            self._ledger.refusals.append(f"GET {target} was answered {answer.status} {answer.body!r}")
            return
        self._ledger.indexes[target] = max(self._ledger.indexes.get(target, 0), answer.index)

    def _register(self, service_id: str, version: int) -> tuple[str, object]:
        name = f"svc-{version % NAMES}"
        meta = {"version": str(version)}
        check = {"CheckID": f"check-{service_id}", "Name": "c", "Status": "passing", "Notes": str(version)}
        if self._agent:
            return "/v1/agent/service/register", {
                "ID": service_id,
                "Name": name,
                "Meta": meta,
                "Check": {**check, "TTL": "10h"},
            }
        return "/v1/catalog/register", {
            "Node": self.node,
            "Address": "10.0.0.1",
            "Service": {"ID": service_id, "Service": name, "Meta": meta},
            "Check": {**check, "ServiceID": service_id},
        }

    def _remove(self, service_id: str) -> tuple[str, object]:
        if self._agent:
            return f"/v1/agent/service/deregister/{service_id}", None
        return "/v1/catalog/deregister", {"Node": self.node, "ServiceID": service_id}

    def _remove_node(self) -> tuple[str, object]:
        return "/v1/catalog/deregister", {"Node": self.node}


async def found_versions(connection: Connection, nodes: set[str]) -> dict[Key, tuple[int, int]]:
    """Return the versions of all services on these nodes as their row and as their check have it."""
    found: dict[Key, tuple[int, int]] = {}
    for node in sorted(nodes):
        shown = (await connection.request("GET", f"/v1/catalog/node/{node}")).json or {"Services": {}}
        checks = (await connection.request("GET", f"/v1/health/node/{node}")).json
        for service_id, service in shown["Services"].items():
            if service_id != "consul":
                found[node, service_id] = (_version(service["Meta"].get("version"), service), ABSENT)
        for check in checks:
            if check["CheckID"] != "serfHealth":
                key = (node, check["CheckID"].removeprefix("check-"))
                found[key] = (found.get(key, (ABSENT, ABSENT))[0], _version(check["Notes"], check))
    return found


def _version(text: str | None, of: object) -> int:
    assert text, f"somebody else has written {of}"
    return int(text)


async def reckon(connection: Connection, ledger: Ledger) -> list[str]:
    """Compare what is there with what was promised; return every broken promise, and settle the open ones."""
    problems, ledger.refusals = [*ledger.refusals], []
    found = await found_versions(connection, {node for node, _ in ledger.promises})
    for key in found.keys() - ledger.promises.keys():
        problems.append(f"{key} is there though nobody asked for it")
    for key, promise in ledger.promises.items():
        service, check = found.get(key, (ABSENT, ABSENT))
        if service != check:
            problems.append(f"half of a change: service {key} has version {service}, its check {check}")
        if service not in promise.possible:
            problems.append(f"{key} has version {service}, expected {sorted(promise.possible)}")
        promise.version = service
        promise.open.clear()
    for target, seen in ledger.indexes.items():
        index = (await connection.request("GET", target)).index
        if index < seen:
            problems.append(f"the index of {target} went back from {seen} to {index}")
    newest = (await connection.request("GET", "/health")).json["store"]["index"]
    if newest < max(ledger.indexes.values(), default=0):
        problems.append(f"the newest index is {newest}, below {max(ledger.indexes.values())}, which was seen")
    return problems
