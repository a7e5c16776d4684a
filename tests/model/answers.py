"""The answers that the model gives: bodies as plain values, and their indexes."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from model.dictionary import Kept, Model, State, objects
from registry.catalog import topics
from registry.catalog.maintenance import is_maintenance
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow, fold

DATACENTER = "dc1"

Params = dict[str, list[str]]
Answered = tuple[Any, int]


def target(path: str, argument: str = "", **params: str | Sequence[str]) -> str:
    """Return the target of a read; an underscore in a parameter's name stands for a dash."""
    query = urlencode({name.replace("_", "-"): value for name, value in params.items()}, doseq=True)
    return f"/v1/{path}{quote(argument)}" + (f"?{query}" if query else "")


def answer(model: Model, asked: str) -> Answered:
    """Return body and index of the answer to a target made by `target`."""
    path, _, query = asked.removeprefix("/v1/").partition("?")
    params = parse_qs(query, keep_blank_values=True)
    for prefix, make in _ANSWERS.items():
        if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
            return make(model, path.removeprefix(prefix), params)
    raise AssertionError(f"the model does not know {asked}")


# Objects


def _indexes(kept: Kept) -> dict[str, int]:
    return {"CreateIndex": kept.create, "ModifyIndex": kept.modify}


def _node(row: NodeRow, kept: Kept) -> dict[str, Any]:
    return {
        "ID": row.id,
        "Node": row.name,
        "Address": row.address,
        "Datacenter": DATACENTER,
        "TaggedAddresses": row.tagged,
        "Meta": row.meta,
    } | _indexes(kept)


def _service(row: ServiceRow, kept: Kept) -> dict[str, Any]:
    shown = {
        "ID": row.id,
        "Service": row.name,
        "Tags": list(row.tags),
        "Address": row.address,
        "Meta": row.meta,
        "Port": row.port,
        "Weights": {"Passing": row.passing_weight, "Warning": row.warning_weight},
        "EnableTagOverride": row.enable_tag_override,
        "Proxy": row.proxy or {"Mode": "", "MeshGateway": {}, "Expose": {}},
        "Connect": {"Native": True} if row.native else {},
        "PeerName": "",
    }
    return shown | ({"Kind": row.kind} if row.kind else {}) | _indexes(kept)


def _service_node(node: NodeRow, row: ServiceRow, kept: Kept) -> dict[str, Any]:
    return {
        "ID": node.id,
        "Node": node.name,
        "Address": node.address,
        "Datacenter": DATACENTER,
        "TaggedAddresses": node.tagged,
        "NodeMeta": node.meta,
        "ServiceKind": row.kind,
        "ServiceID": row.id,
        "ServiceName": row.name,
        "ServiceTags": list(row.tags),
        "ServiceAddress": row.address,
        "ServiceWeights": {"Passing": row.passing_weight, "Warning": row.warning_weight},
        "ServiceMeta": row.meta,
        "ServicePort": row.port,
        "ServiceSocketPath": row.socket_path,
        "ServiceEnableTagOverride": row.enable_tag_override,
        "ServiceProxy": row.proxy or {"Mode": "", "MeshGateway": {}, "Expose": {}},
        "ServiceConnect": {"Native": True} if row.native else {},
        "ServiceLocality": None,
    } | _indexes(kept)


def _check(row: CheckRow, kept: Kept) -> dict[str, Any]:
    return {
        "Node": row.node,
        "CheckID": row.id,
        "Name": row.name,
        "Status": row.status,
        "Notes": row.notes,
        "Output": row.output,
        "ServiceID": row.service_id,
        "ServiceName": row.service_name,
        "ServiceTags": list(row.service_tags),
        "Type": row.type,
        "Interval": row.interval,
        "Timeout": row.timeout,
        "ExposedPort": row.exposed_port,
        "Definition": row.definition,
    } | _indexes(kept)


# Selecting


def _nodes(state: State) -> dict[str, tuple[NodeRow, Kept]]:
    return {key[1]: found for key, found in objects(state, NodeRow).items()}


def _has_meta(node: NodeRow, params: Params) -> bool:
    wanted = {key: value for key, _, value in [pair.partition(":") for pair in params.get("node-meta", [])]}
    return all((node.meta or {}).get(key) == value for key, value in wanted.items())


def _named(
    state: State, name: str, params: Params, *, connect: bool = False
) -> list[tuple[str, ServiceRow, Kept]]:
    """Return the instances of a service that fit, with the names of their nodes, in answer order."""
    nodes, found = _nodes(state), []
    for key, (row, kept) in objects(state, ServiceRow).items():
        carried = {fold(tag) for tag in row.tags}
        if (
            fold(row.destination if connect else row.name) == fold(name)
            and (connect or all(tag and fold(tag) in carried for tag in params.get("tag", [])))
            and _has_meta(nodes[key[1]][0], params)
        ):
            found.append((key[1], row, kept))
    return found


def _checks_on(state: State, node: str, service: str) -> list[tuple[CheckRow, Kept]]:
    return [
        found
        for key, found in objects(state, CheckRow).items()
        if key[1] == node and fold(found[0].service_id) == service
    ]


def _is_held(state: State, node: str, row: ServiceRow, kept: Kept, params: Params) -> bool:
    """Say whether a guard makes an instance count as healthy."""
    guard = state.get(("guard", fold(row.name)))
    if guard is None or not isinstance(guard.row, GuardRow) or guard.row.released or "guard" in params:
        return False
    known = fold(row.id) in guard.row.held.get(node, ()) and kept.create < guard.create
    checks = [*_checks_on(state, node, ""), *_checks_on(state, node, fold(row.id))]
    return known and not any(is_maintenance(check.id) for check, _ in checks)


def marked(model: Model, asked: str) -> str:
    """Return the beginning of the header that an answer has while a guard is on, "" without one."""
    path, _, query = asked.removeprefix("/v1/").partition("?")
    if not path.startswith(("health/service/", "health/connect/")) or "guard" in parse_qs(query):
        return ""
    state, name = model.state, path.rpartition("/")[2]
    members = _named(state, name, {}, connect="/connect/" in path)
    guards = [state.get(("guard", fold(row.name))) for _, row, _ in members]
    if not any(guard and isinstance(guard.row, GuardRow) and not guard.row.released for guard in guards):
        return ""
    held = 0
    for node, row, kept in members:
        checks = [*_checks_on(state, node, ""), *_checks_on(state, node, fold(row.id))]
        well = all(check.status == "passing" for check, _ in checks)
        held += not well and _is_held(state, node, row, kept, {})
    return f"holding {held}"


def _find_node(state: State, name: str) -> tuple[str, bool]:
    """Return the key of the node that a name, an ID or the beginning of an ID stands for.

    The second value says whether which node that is could change with any node.
    """
    nodes = _nodes(state)
    if fold(name) in nodes:
        return fold(name), False
    if not set(name.lower()) <= set("0123456789abcdef-"):
        return fold(name), False
    whole = [key for key, (row, _) in nodes.items() if row.id.lower() == name.lower()]
    digits = name.lower()[: len(name) // 2 * 2].replace("-", "")
    begun = [key for key, (row, _) in nodes.items() if row.id.lower().replace("-", "").startswith(digits)]
    matches = whole or (begun if digits and len(digits) % 2 == 0 else [])
    return (matches[0] if len(matches) == 1 else fold(name)), True


# Endpoints


def _catalog_nodes(model: Model, _: str, params: Params) -> Answered:
    shown = [_node(*found) for found in _nodes(model.state).values() if _has_meta(found[0], params)]
    return shown, model.index(topics.NODES)


def _catalog_services(model: Model, _: str, params: Params) -> Answered:
    tags: dict[str, set[str]] = {}
    nodes = _nodes(model.state)
    for key, (row, _kept) in objects(model.state, ServiceRow).items():
        if _has_meta(nodes[key[1]][0], params):
            tags.setdefault(row.name, set()).update(row.tags)
    index = model.index(topics.SERVICES)
    if "node-meta" in params:
        index = max(index, model.index(topics.NODES))
    return {name: sorted(carried) for name, carried in tags.items()}, index


def _instances(connect: bool, health: bool) -> Callable[[Model, str, Params], Answered]:
    topic = topics.connect if connect else topics.service

    def make(model: Model, name: str, params: Params) -> Answered:
        state, shown = model.state, []
        nodes = _nodes(state)
        for node, row, kept in _named(state, name, params, connect=connect):
            if not health:
                shown.append(_service_node(nodes[node][0], row, kept))
                continue
            checks = [*_checks_on(state, node, ""), *_checks_on(state, node, fold(row.id))]
            well = all(check.status == "passing" for check, _ in checks)
            if "passing" not in params or well or _is_held(state, node, row, kept, params):
                shown.append(
                    {
                        "Node": _node(*nodes[node]),
                        "Service": _service(row, kept),
                        "Checks": [_check(*check) for check in checks],
                    }
                )
        index = model.index(topic(fold(name)))
        if connect and health:
            named = {fold(row.name) for _, row, _ in _named(state, name, {}, connect=True)}
            index = max(index, *(model.index(topics.guard(key)) for key in named), 1)
        return shown, index

    return make


def _node_answer(as_list: bool) -> Callable[[Model, str, Params], Answered]:
    def make(model: Model, name: str, _: Params) -> Answered:
        state = model.state
        node, loose = _find_node(state, name)
        index = model.index(topics.node(node))
        index = max(index, model.index(topics.NODES)) if loose else index
        if node not in _nodes(state):
            return ({"Node": None, "Services": None} if as_list else None), index
        services = [_service(*found) for key, found in objects(state, ServiceRow).items() if key[1] == node]
        by_id = {service["ID"]: service for service in services}
        return {
            "Node": _node(*_nodes(state)[node]),
            "Services": (services or None) if as_list else by_id,
        }, index

    return make


def _health_node(model: Model, name: str, _: Params) -> Answered:
    node = fold(name)
    found = [each for key, each in objects(model.state, CheckRow).items() if key[1] == node]
    return [_check(*each) for each in found], model.index(topics.node_checks(node))


def _health_checks(model: Model, name: str, params: Params) -> Answered:
    nodes, shown = _nodes(model.state), []
    for key, (row, kept) in objects(model.state, CheckRow).items():
        if fold(row.service_name) == fold(name) and _has_meta(nodes[key[1]][0], params):
            shown.append(_check(row, kept))
    return shown, model.index(topics.service(fold(name)))


def _health_state(model: Model, status: str, params: Params) -> Answered:
    nodes, shown = _nodes(model.state), []
    for key, (row, kept) in objects(model.state, CheckRow).items():
        if status in ("any", row.status) and _has_meta(nodes[key[1]][0], params):
            shown.append(_check(row, kept))
    index = model.index(topics.CHECKS)
    if "node-meta" in params:
        index = max(index, model.index(topics.NODES))
    return shown, index


_ANSWERS: dict[str, Callable[[Model, str, Params], Answered]] = {
    "catalog/nodes": _catalog_nodes,
    "catalog/services": _catalog_services,
    "catalog/service/": _instances(connect=False, health=False),
    "catalog/connect/": _instances(connect=True, health=False),
    "catalog/node/": _node_answer(as_list=False),
    "catalog/node-services/": _node_answer(as_list=True),
    "health/node/": _health_node,
    "health/checks/": _health_checks,
    "health/state/": _health_state,
    "health/service/": _instances(connect=False, health=True),
    "health/connect/": _instances(connect=True, health=True),
}
