"""Choosing one page of checks out of all of them, without holding up the loop for a million."""

import base64
import binascii
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from registry.api.agent.check_rows import kind_of
from registry.api.world import World
from registry.catalog.entities import Check
from registry.catalog.rows import fold, member_key, split_key
from registry.catalog.state import Catalog
from registry.http.errors import HttpError
from registry.http.request import Request

STATUSES = ("passing", "warning", "critical")
"""What states are usually called; checks registered through the catalog may have any other."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which checks are asked for; "" leaves a property open.

    Attributes:
        service, node: folded names.
        state: a status.
        kind: a check's type.
        after: node and check key of the last check of the page before, ("", "") for the first page.
        limit: how many at most.
    """

    service: str
    node: str
    state: str
    kind: str
    after: tuple[str, str]
    limit: int


def wanted(request: Request[World]) -> Wanted:
    """Return what a request asks for.

    Raises:
        HttpError: 400 for a limit, cursor or state that is none.
    """
    catalog, most = request.world.catalog, request.world.settings.max_checks_listed
    state, limit = request.first("state"), request.first("limit")
    if state not in ("", "any", *STATUSES) and not catalog.statuses.get(state):
        raise HttpError(400, f"Invalid state {state!r}: expected any, {', '.join(STATUSES)}")
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) <= most):
        raise HttpError(
            400, f"Invalid limit {limit!r}: expected a number from 1 to {most} (max_checks_listed)"
        )
    node = request.first("node")
    known = catalog.node(node) if node else None
    return Wanted(
        fold(request.first("service")),
        known.key if known else fold(node),
        "" if state == "any" else state,
        request.first("kind"),
        _opened(request.first("after")),
        int(limit) if limit else most,
    )


def candidates(catalog: Catalog, asked: Wanted) -> list[Check]:
    """Return checks among which are all that are asked for, in no order; done at the speed of copying."""
    if asked.service:
        group = catalog.services.get(asked.service)
        if group is None:
            return []
        return [*chain.from_iterable(member.checks for member in group.members), *group.strays.values()]
    if asked.node:
        node = catalog.nodes.get(asked.node)
        return list(node.checks.values()) if node else []
    if asked.state:
        items = catalog.check_slots.items
        return [check for slot in catalog.statuses.get(asked.state) if (check := items[slot]) is not None]
    return list(chain.from_iterable(node.checks.values() for node in catalog.nodes.values()))


def page(found: list[Check], asked: Wanted) -> tuple[list[Check], str]:
    """Return a page of checks by node and ID, and the cursor of the next one, "" when it is the last.

    It looks at each check, so it belongs into a thread.
    """
    chosen = heapq.nsmallest(asked.limit + 1, _fitting(found, asked), key=_place)
    more = len(chosen) > asked.limit
    del chosen[asked.limit :]
    return chosen, _cursor(chosen[-1]) if more else ""


def _fitting(found: list[Check], asked: Wanted) -> Iterator[Check]:
    for check in found:
        if (
            _place(check) > asked.after
            and (not asked.service or check.name_key == asked.service)
            and (not asked.node or check.node_key == asked.node)
            and (not asked.state or check.status == asked.state)
            and (not asked.kind or kind_of(check) == asked.kind)
        ):
            yield check


def _place(check: Check) -> tuple[str, str]:
    return (check.node_key, check.key)


def _cursor(check: Check) -> str:
    return base64.urlsafe_b64encode(member_key(check.node_key, check.key)).decode()


def _opened(cursor: str) -> tuple[str, str]:
    if not cursor:
        return ("", "")
    try:
        return split_key(base64.b64decode(cursor.encode(), b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise HttpError(
            400, f"Invalid after {cursor[:80]!r}: expected the Next of the page before, as it was given"
        ) from None
