"""Who is registered while measuring: the same names, tags and metadata in every run.

An instance has three tags, five pairs of metadata and one check, about 600 bytes in an answer.
"""

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load.connection import NUMBER, TENTH, http_request
from registry.catalog.entities import PASSING
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow
from registry.catalog.state import Catalog
from registry.replica import Draft
from registry.store.change import Change
from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder

SEED = 20_240_229
TAGS = ("v1.42.0", "eu-west", "primary")
META = {"version": "1.42.0", "team": "platform", "zone": "eu-west-1b", "weight": "100", "protocol": "http"}
NODES = 500
PER_SERVICE = 10
ROWS_PER_CHANGE = 500
CHANGES_PER_COMMIT = 20
TTL, TTL_NS = "2h", 7200 * 10**9
"""Longer than any run: nobody sends heartbeats."""


@dataclass(frozen=True, slots=True)
class Member:
    """An instance: the number makes its name, address and port unique."""

    service: str
    number: int

    @property
    def id(self) -> str:
        """Its service ID."""
        return f"{self.service}-{self.number:08d}"

    @property
    def node(self) -> str:
        """The node that it is on."""
        return f"node-{self.number % NODES:04d}"

    @property
    def address(self) -> str:
        """Its address."""
        return f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"

    @property
    def port(self) -> int:
        """Its port."""
        return 20_000 + self.number % 10_000


def even(services: int, name: str = "svc") -> list[Member]:
    """Return services of ten instances each: svc-0000, svc-0001, ..."""
    return [Member(f"{name}-{number // PER_SERVICE:04d}", number) for number in range(services * PER_SERVICE)]


def power_law(instances: int) -> list[Member]:
    """Return services as fleets have them: nearly all below 100 instances, one giant of a hundredth."""
    chance = random.Random(SEED)
    members = even(1)
    while len(members) < instances:
        service = f"fleet-{len(members):06d}"
        size = instances // 100 if len(members) == PER_SERVICE else min(int(chance.paretovariate(0.8)), 100)
        first = len(members)
        members += [Member(service, first + n) for n in range(min(size, instances - first))]
    return members


# Through the API

CHECK = {"Name": "Service check", "Status": PASSING, "Definition": {"TTL": TTL}}


def registration(member: Member, **meta: str) -> bytes:
    """Return the request that puts an instance on its node, with further metadata if any is given."""
    return _catalog_register(
        member.node,
        {
            "ID": member.id,
            "Service": member.service,
            "Tags": TAGS,
            "Address": member.address,
            "Port": member.port,
            "Meta": META | meta,
        },
    )


def revising(member: Member) -> bytes:
    """Return a numbered request that changes an instance which is there: its metadata shows the number."""
    return registration(member, revision=NUMBER.decode())


def changing(service: str, node: str = "node-0000") -> bytes:
    """Return a numbered request that changes one instance of a service: its metadata shows the number."""
    meta = META | {"revision": NUMBER.decode()}
    return _catalog_register(
        node,
        {"ID": f"{service}-changing", "Service": service, "Tags": TAGS, "Port": 8080, "Meta": meta},
    )


def _catalog_register(node: str, service: dict[str, Any]) -> bytes:
    body = {
        "Node": node,
        "Address": "10.0.0.1",
        "Service": service,
        "Checks": [CHECK | {"CheckID": f"service:{service['ID']}", "ServiceID": service["ID"]}],
    }
    return http_request("PUT", "/v1/catalog/register", json.dumps(body).encode())


def agent_registration() -> bytes:
    """Return a numbered request that registers a new instance with the agent, ten to a service."""
    number = NUMBER.decode()
    body = {
        "ID": f"job-{number}",
        "Name": f"job-{TENTH.decode()}",
        "Tags": TAGS,
        "Address": "10.0.0.1",
        "Port": 8080,
        "Meta": META,
        "Check": {"TTL": TTL, "Status": PASSING},
    }
    return http_request("PUT", "/v1/agent/service/register", json.dumps(body).encode())


# Into the store


def rows(member: Member) -> tuple[ServiceRow, CheckRow]:
    """Return the rows of an instance and its check."""
    service = ServiceRow(
        member.node,
        member.id,
        member.service,
        TAGS,
        address=member.address,
        port=member.port,
        meta=dict(sorted(META.items())),
    )
    check = CheckRow(
        member.node,
        f"service:{member.id}",
        PASSING,
        member.id,
        member.service,
        name="Service check",
        service_tags=TAGS,
        definition={"TTL": TTL_NS},
    )
    return service, check


def changes(members: Iterable[Member]) -> Iterator[Change]:
    """Yield changes that register instances, many in each, for data that has none of them yet."""
    nodes: set[str] = set()
    empty = Catalog()
    draft, count = Draft(empty), 0
    for member in members:
        if member.node not in nodes:
            nodes.add(member.node)
            draft.put_node(NodeRow(member.node, "", "10.0.0.1"))
        for row in rows(member):
            draft.put_service(row) if isinstance(row, ServiceRow) else draft.put_check(row)
        count += 1
        if count == ROWS_PER_CHANGE:
            yield _unguarded(draft)
            draft, count = Draft(empty), 0
    if count:
        yield _unguarded(draft)


def _unguarded(draft: Draft) -> Change:
    """Return the change without guards: nobody else writes, and its nodes came with an earlier one."""
    change = draft.change()
    assert change is not None
    return change._replace(guards=())


def fill(data_dir: Path, members: Iterable[Member]) -> None:
    """Write instances into a new data folder that no registry serves."""
    folder = DataFolder(data_dir)
    folder.prepare()
    engine = Engine(folder, Limits())
    waiting = changes(members)
    while batch := list(itertools.islice(waiting, CHANGES_PER_COMMIT)):
        for result in engine.commit_batch(batch):
            if not isinstance(result, int):
                raise result
    engine.close()
