"""/v1/catalog/register and deregister: nodes, services and checks written as they are given.

Errors found behind the HTTP layer are 500 with Consul's texts, as clients match on them; what only this
registry limits is 400.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from registry.api.agent.check_limit import refuse_too_many
from registry.api.agent.proxy_rules import kind_problems, listed
from registry.api.agent.service_rules import weights_problem
from registry.api.bodies import read_object
from registry.api.catalog_definitions import DEREGISTER, REGISTER, check_definition, check_type
from registry.api.limits import check_meta, check_name, check_room, check_tags
from registry.api.services import build_service
from registry.api.world import World
from registry.catalog.entities import Check, Node
from registry.catalog.rows import CheckRow, NodeRow, ServiceRow, fold, unpack_service
from registry.catalog.state import Catalog
from registry.http.errors import HttpError
from registry.http.request import TRUE, Request, Response
from registry.http.routing import WriteRoute
from registry.replica import Draft
from registry.store.change import Change

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


async def register(request: Request[World]) -> Response:
    """Write a node, and on it a service and checks, in one change."""
    body = await read_object(request, REGISTER)
    world = request.world
    _check_request(world, body)
    registration = _Registration(world, body)
    await world.write(registration.draft)
    return TRUE


async def deregister(request: Request[World]) -> Response:
    """Remove a service, a check, or a node with everything on it; absent ones are no error."""
    body = await read_object(request, DEREGISTER)
    world = request.world
    _check_datacenter(world, body)
    if not body.get("Node"):
        raise HttpError(500, "Must provide node")

    def draft(catalog: Catalog) -> Change | None:
        node = catalog.nodes.get(fold(body["Node"]))
        if node is None:
            return None
        changes = Draft(catalog)
        if body.get("ServiceID"):
            instance = node.instances.get(fold(body["ServiceID"]))
            if instance is not None:
                changes.remove_instance(instance)
        elif body.get("CheckID"):
            check = node.checks.get(fold(body["CheckID"]))
            if check is not None:
                changes.remove_check(check)
        elif node is world.own_node:
            _remove_foreign(changes, node)
        else:
            changes.remove_node(node)
        return changes.change()

    await world.write(draft)
    return TRUE


def _remove_foreign(changes: Draft, node: Node) -> None:
    """Clear the own node of what did not come through the agent.

    Consul's agent brings the rest back within seconds; here it has no other copy, so it stays.
    """
    removed = set()
    for instance in node.instances.values():
        if not instance.local and instance.key != "consul":
            changes.remove_instance(instance)
            removed.add(instance.key)
    for check in node.checks.values():
        if not check.local and check.key != "serfhealth" and check.service_key not in removed:
            changes.remove_check(check)


def _check_request(world: World, body: dict[str, Any]) -> None:
    """Refuse what is wrong whatever the catalog holds."""
    _check_datacenter(world, body)
    if not body.get("Node"):
        raise HttpError(500, "Must provide node")
    if not body.get("Address") and not body.get("SkipNodeUpdate"):
        raise HttpError(500, "Must provide address if SkipNodeUpdate is not set")
    check_name(world.settings, "Node", body["Node"])
    pairs, allowed = len(body.get("NodeMeta", {})), world.settings.max_meta_pairs
    if pairs > allowed:
        raise HttpError(400, f"NodeMeta has {pairs} pairs, max allowed is {allowed} (max_meta_pairs)")
    _check_node_id(body.get("ID", ""))


def _check_datacenter(world: World, body: dict[str, Any]) -> None:
    if body.get("Datacenter", "") not in ("", world.datacenter):
        raise HttpError(500, "No path to datacenter")


def _check_node_id(text: str) -> None:
    if not text:
        return
    if len(text) != 36:
        raise HttpError(500, "Bad node ID: uuid string is wrong length")
    if not _UUID.fullmatch(text):
        raise HttpError(500, "Bad node ID: uuid is improperly formatted")


class _Registration:
    """One catalog/register request; `draft` may run several times."""

    def __init__(self, world: World, body: dict[str, Any]) -> None:
        self._world = world
        self._body = body
        self._node = body["Node"]
        self._service = self._service_row()
        given = ([body["Check"]] if "Check" in body else []) + body.get("Checks", [])
        self._checks = [self._check_row(check, index) for index, check in enumerate(given)]

    def draft(self, catalog: Catalog) -> Change | None:
        """Return the change that the request makes of the catalog."""
        draft = Draft(catalog)
        node = catalog.nodes.get(fold(self._node))
        if node is None or not self._body.get("SkipNodeUpdate"):
            self._draft_node(draft, catalog, node)
        service = self._service
        if service is not None:
            old = node.instances.get(fold(service.id)) if node else None
            check_room(self._world.settings, catalog.instance_count, int(old is None))
            if old is not None and old.local:
                service = msgspec.structs.replace(service, local=True)
            draft.put_service(service)
        checks = {fold(check.id): check for check in self._checks}
        for check in checks.values():
            draft.put_check(self._bound(check, service, node))
        self._check_check_room(checks, node)
        return draft.change()

    def _check_check_room(self, checks: dict[str, CheckRow], node: Node | None) -> None:
        """Refuse more checks on one service, or on the node itself, than there may be."""
        for service_key in {fold(check.service_id) for check in checks.values()}:
            present: Iterable[Check] = ()
            if node is not None and not service_key:
                present = node.level_checks
            elif node is not None and service_key in node.instances:
                present = node.instances[service_key].checks
            known = {check.key for check in present}
            given = {key for key, check in checks.items() if fold(check.service_id) == service_key}
            if given - known:
                refuse_too_many(self._world.settings, len(known | given))

    def _draft_node(self, draft: Draft, catalog: Catalog, node: Node | None) -> None:
        body = self._body
        node_id = body.get("ID", "")
        holder = catalog.nodes.get(catalog.node_ids.get(node_id.lower(), "")) if node_id else None
        renamed = holder if holder is not node else None
        # An ID that nobody has may be given to a live node that has none.
        if node is not None and holder is not node and (renamed or node.id) and node_id and _is_live(node):
            raise self._reserved(node_id, node, renamed)
        if renamed is not None:
            if renamed is self._world.own_node:
                raise self._reserved(node_id, renamed, renamed)
            draft.remove_node(renamed)  # renaming a node loses what is on it, as in Consul
        draft.put_node(
            NodeRow(
                self._node,
                node_id,
                body.get("Address", ""),
                _sorted(body.get("TaggedAddresses")),
                _sorted(body.get("NodeMeta")),
            ),
            renamed,
        )

    def _reserved(self, node_id: str, holder: Node, renamed: Node | None) -> HttpError:
        """Say who has the name, or the ID, in Consul's two texts: another node would be renamed or not."""
        address = f" ({self._body.get('Address', '')})" if renamed else ""
        return HttpError(
            500,
            f'failed inserting node: Error while renaming Node ID: "{node_id}"{address}: Node name '
            f"{self._node} is reserved by node {holder.id} with name {holder.name} ({holder.address})",
        )

    def _service_row(self) -> ServiceRow | None:
        given = self._body.get("Service")
        if given is None:
            return None
        name = given.get("Service", "")
        if not name:
            if given.get("ID"):
                raise HttpError(
                    500, "Must provide service name (Service.Service) when service ID is provided"
                )
            raise HttpError(
                500, "failed inserting service: failed inserting service: object missing primary index"
            )
        settings = self._world.settings
        service_id = given.get("ID") or name
        check_name(settings, "Service.Service", name)
        check_name(settings, "Service.ID", service_id)
        check_tags(settings, given.get("Tags", []))
        problems = kind_problems(given, native_needs_port=False)
        if problems:
            raise HttpError(500, listed(problems))
        if given.get("Address", "") in ("0.0.0.0", "::", "[::]"):  # noqa: S104 (refused, not bound)
            raise HttpError(500, "Invalid service address")
        problem = check_meta(settings, given.get("Meta", {}), given.get("Kind", ""))
        if problem:
            raise HttpError(
                500,
                f"failed inserting service: Invalid Service Meta for node {self._node} and "
                f"serviceID {service_id}: {problem}",
            )
        if weights_problem(given):
            given = given | {"Weights": {"Passing": 1, "Warning": 1}}
        return build_service(self._node, service_id, name, given, local=False)

    def _check_row(self, given: dict[str, Any], place: int) -> CheckRow:
        settings = self._world.settings
        node = given.get("Node") or self._node
        if fold(node) != fold(self._node):
            raise HttpError(500, f'check node "{node}" does not match node "{self._node}"')
        check_id = given.get("CheckID") or given.get("Name", "")
        if not check_id:
            raise HttpError(
                500,
                "failed inserting check: failed inserting check: object missing primary index "
                f'on node "{self._node}"',
            )
        check_name(settings, f"Checks[{place}].CheckID", check_id)
        output = given.get("Output", "")
        if len(output.encode()) > settings.max_output_bytes:
            raise HttpError(
                400,
                f"Checks[{place}].Output has {len(output.encode())} bytes, "
                f"max allowed is {settings.max_output_bytes} (max_output_bytes)",
            )
        definition = given.get("Definition", {})
        return CheckRow(
            self._node,
            check_id,
            given.get("Status") or "critical",
            given.get("ServiceID", ""),
            name=given.get("Name", ""),
            notes=given.get("Notes", ""),
            output=output,
            type=given.get("Type") or check_type(definition),
            interval=given.get("Interval", ""),
            timeout=given.get("Timeout", ""),
            exposed_port=given.get("ExposedPort", 0),
            definition=check_definition(definition),
        )

    def _bound(self, check: CheckRow, service: ServiceRow | None, node: Node | None) -> CheckRow:
        """Return the check with the name and tags of the service it is for."""
        old = node.checks.get(fold(check.id)) if node else None
        if old is not None and old.local:
            check = msgspec.structs.replace(check, local=True)
        if not check.service_id:
            return check
        wanted = fold(check.service_id)
        if service is not None and fold(service.id) == wanted:
            return msgspec.structs.replace(check, service_name=service.name, service_tags=service.tags)
        instance = node.instances.get(wanted) if node else None
        if instance is None:
            raise HttpError(
                500, f'failed inserting check: Missing service registration on node "{self._node}"'
            )
        row = unpack_service(instance.packed)
        return msgspec.structs.replace(check, service_name=row.name, service_tags=row.tags)


def _is_live(node: Node) -> bool:
    serf = node.checks.get("serfhealth")
    return serf is not None and serf.status != "critical"


def _sorted(pairs: dict[str, str] | None) -> dict[str, str] | None:
    return None if pairs is None else dict(sorted(pairs.items()))


ROUTES = (
    WriteRoute(
        path="/v1/catalog/register",
        handler=register,
        summary="Write a node, and a service and checks on it",
        right="node:write",
    ),
    WriteRoute(
        path="/v1/catalog/deregister",
        handler=deregister,
        summary="Remove a service, a check or a node",
        right="node:write",
    ),
)
