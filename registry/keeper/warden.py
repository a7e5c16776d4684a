"""The warden: applies the guard's rules to the catalog, and writes down what follows.

Guarantees
    - A guard that a result of the keeper's own checks trips is written in the same change as the result,
      so that nobody ever sees the list without those it holds. What others write trips it in a change of
      its own right after it has been seen.
    - A guard is a row: a keeper that takes over goes on with it. What turned critical while no keeper
      ran counts as old.

Cost at worst
    All instances of a service are looked at when enough of its checks have turned critical to begin a
    guard, which is once. While one is on, those it holds are looked at again after changes, at most every
    `LOOK_EVERY_S` and for at most one part in `LOOK_SHARE` of the time: 2 microseconds for an instance.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from registry.catalog.entities import Check, Group, Instance
from registry.catalog.guards import HOLD_OFF_KEY, TRIPS_KEY, Guard
from registry.catalog.rows import GuardRow, split_key
from registry.catalog.state import Catalog
from registry.keeper.guard import CheckKey, GuardRules, Standing, Status, Timeline
from registry.keeper.rules import CRITICAL
from registry.replica import Draft, Replica
from registry.store.change import Change
from registry.store.errors import StoreError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How often it is looked whether a guard has to end."""

LOOK_SHARE = 20
"""A look is followed by a pause this many times as long as it took itself."""

WRITE_AGAIN_AFTER_S = 1.0

ON_NODE = "\0"
"""In front of a node's name where a failure of its own checks is counted; no service is named so."""

Overlay = Mapping[CheckKey, str]
"""Statuses that are about to be written, by check."""

NOTHING: Overlay = {}


class Warden:
    """Begins and ends the guards of all services.

    Args:
        clock: seconds that never go back.
        now_ms: the wall clock in milliseconds since the epoch.
    """

    def __init__(
        self, replica: Replica, rules: GuardRules, clock: Callable[[], float], now_ms: Callable[[], int]
    ) -> None:
        self._replica = replica
        self._rules = rules
        self._clock = clock
        self._now_ms = now_ms
        self._timeline = Timeline(rules.window_s)
        self._failing: set[CheckKey] = set()
        self._why: dict[str, str] = {}
        self._told: dict[str, GuardRow] = {}
        self._looked_at = -1
        self._wake = asyncio.Event()

    @property
    def active(self) -> int:
        """How many guards are on."""
        return sum(not guard.row.released for guard in self._replica.catalog.guards.values())

    @property
    def trips(self) -> int:
        """How many guards there have been since the data was created."""
        return _trips(self._replica.catalog)

    def holds(self, instance: Instance) -> bool:
        """Say whether a guard holds an instance, so that what its checks say is not believed."""
        guard = self._replica.catalog.guards.get(instance.groups[0].key)
        return guard is not None and guard.holds(instance)

    # Following the catalog

    def load(self) -> None:
        """Take the catalog as it is now; whatever is failing and was not seen to begin to counts as old."""
        self._wake.set()
        if not self._rules.share:
            return
        catalog = self._replica.catalog
        gone = set(self._timeline.known())
        for node in catalog.nodes.values():
            for check in node.checks.values():
                key = (node.key, check.key)
                gone.discard(key)
                place = _place(catalog, key)
                if self._timeline.saw(key, check.status, self._clock(), place=place, passed_before=False):
                    self._failing.add(key)
        for key in gone:
            self._timeline.gone(key)

    def rows_changed(self, keys: Iterable[bytes]) -> None:
        """Follow what the log says about these rows of the checks table."""
        if not self._rules.share:
            return
        catalog, now = self._replica.catalog, self._clock()
        for raw in keys:
            key = split_key(raw)
            check = _check(catalog, key)
            if check is None or check.modify == check.create:
                self._timeline.gone(key)  # a new one has nothing to do with one of that name before
            if check is not None:
                passed_before = check.modify > check.create
                place = _place(catalog, key)
                if self._timeline.saw(key, check.status, now, place=place, passed_before=passed_before):
                    self._failing.add(key)
        if self._failing or catalog.guards or self._told:
            self._wake.set()

    # Beginning

    def add_to(self, draft: Draft, catalog: Catalog, overlay: Overlay) -> None:
        """Add to a draft the guards that the statuses which it writes make necessary."""
        if self._rules.share:
            failing = {key for key, status in overlay.items() if status == CRITICAL}
            self._begin(draft, catalog, failing, overlay)

    def _begin(self, draft: Draft, catalog: Catalog, failing: set[CheckKey], overlay: Overlay) -> None:
        """Add the guards to a draft that these checks, by turning critical, make necessary."""
        now = self._clock()
        turned = {
            key for key in failing if self._timeline.standing([(key, CRITICAL)], now) is Standing.TURNED
        }
        if not turned or _held_off(catalog, self._now_ms()):
            return
        counts = Counter(self._timeline.counts(now))
        counts.update(_place(catalog, key) for key in turned if not self._timeline.is_counted(key))
        total = sum(len(catalog.statuses.get(status)) for status in catalog.statuses.keys())  # noqa: SIM118
        everywhere = ""
        if self._rules.begins(counts.total(), total, self._rules.min_instances):
            everywhere = f"{counts.total()} of all {total} checks"
        places = set(counts) if everywhere else {_place(catalog, key) for key in turned}
        begun = 0
        for group in _groups(catalog, places):
            if group.key in catalog.guards or not (everywhere or self._may_begin(catalog, group, counts)):
                continue
            row = self._row(catalog, group, overlay, everywhere)
            if row is not None:
                draft.put_guard(row)
                begun += 1
        if begun:
            draft.put_meta(TRIPS_KEY, b"%d" % (_trips(catalog) + begun))

    def _may_begin(self, catalog: Catalog, group: Group, counts: Mapping[str, int]) -> bool:
        """Say whether a service can have lost enough, before all of its instances are looked at."""
        most = counts.get(group.key, 0)
        for place, count in counts.items():
            if count and place.startswith(ON_NODE):
                node = catalog.nodes.get(place.removeprefix(ON_NODE))
                most += len(node.instances) if node else 0
        return self._rules.begins(min(most, len(group.members)), len(group.members))

    def _row(self, catalog: Catalog, group: Group, overlay: Overlay, everywhere: str) -> GuardRow | None:
        """Return the guard that a service needs now, None when it needs none."""
        total = len(group.members)
        if total < self._rules.min_instances:
            return None
        now, turned = self._clock(), 0
        held: dict[str, list[str]] = {}
        written = _written(catalog, overlay)
        for member in group.members:
            node = member.node
            standing = Standing.WELL
            if (
                not (member.healthy and node.healthy)
                or (node.key, member.key) in written
                or (node.key, "") in written
            ):
                standing = self._timeline.standing(_statuses(member, overlay), now)
            turned += standing is Standing.TURNED
            if standing is not Standing.ILL:
                held.setdefault(node.key, []).append(member.key)
        if self._rules.begins(turned, total):
            everywhere = ""
        elif not everywhere or not turned:
            return None
        packed = {node: tuple(members) for node, members in held.items()}
        whole = everywhere or f"{turned} of its {total} instances"
        return self._rules.row(
            group.members[0].name, packed, turned, whole, self._now_ms(), everywhere=bool(everywhere)
        )

    async def begin(self) -> None:
        """Begin the guards that what others have written makes necessary.

        Raises:
            StoreFull, StoreFailed: it could not be written, and will be tried again the next time.
        """
        failing, self._failing = self._failing, set()
        if _held_off(self._replica.catalog, self._now_ms()):
            for key in failing:
                self._timeline.settle(key)  # what is not guarded now is not guarded a little later either
        elif failing:
            try:
                await self._replica.write(partial(self._draft_beginning, failing))
            except StoreError:
                self._failing |= failing
                raise
        self._tell()

    def _draft_beginning(self, failing: set[CheckKey], catalog: Catalog) -> Change | None:
        draft = Draft(catalog)
        self._begin(draft, catalog, failing, NOTHING)
        return draft.change()

    # Ending

    async def end(self) -> None:
        """End the guards whose reason has gone or whose limit has passed.

        Raises:
            StoreFull, StoreFailed: it could not be written, and will be tried again the next time.
        """
        catalog = self._replica.catalog
        limit = min((guard.row.ends_ms for guard in catalog.guards.values()), default=None)
        if limit is not None and (catalog.index != self._looked_at or self._now_ms() >= limit):
            index = catalog.index
            await self._replica.write(self._draft_ending)
            self._looked_at = index
        self._tell()

    def _draft_ending(self, catalog: Catalog) -> Change | None:
        draft = Draft(catalog)
        left = set(catalog.guards)
        for key, guard in catalog.guards.items():
            why = self._ends(catalog, key, guard)
            if why:
                left.discard(key)
                self._why[key] = why
                draft.remove_guard(key)
        if not left and catalog.meta.get(HOLD_OFF_KEY):
            draft.put_meta(HOLD_OFF_KEY, b"")
        return draft.change()

    def _ends(self, catalog: Catalog, key: str, guard: Guard) -> str:
        """Return why a guard ends now, "" when it goes on."""
        group = catalog.services.get(key)
        held = [member for member in group.members if guard.knows(member)] if group else []
        critical = [member for member in held if _is_critical(member)]
        why = self._rules.ends(guard.row, len(critical), len(held), self._now_ms())
        if why:
            for member in held:
                for check, _ in _statuses(member, NOTHING):
                    self._timeline.settle(check)
        return why

    async def run(self) -> None:
        """Begin and end guards, again and again."""
        look_from = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.begin()
                if self._clock() >= look_from:
                    began = self._clock()
                    await self.end()
                    now = self._clock()
                    look_from = now + max(LOOK_EVERY_S, LOOK_SHARE * (now - began))
            except StoreError as error:
                logger.warning("a guard could not be written: %s", error)
                await asyncio.sleep(WRITE_AGAIN_AFTER_S)
                self._wake.set()
            except Exception:  # whatever it is, a guard must not stay on for want of who ends it
                logger.exception("the guards could not be looked after")
                await asyncio.sleep(WRITE_AGAIN_AFTER_S)

    def _tell(self) -> None:
        """Log what has become of the guards since the last time."""
        now = {key: guard.row for key, guard in self._replica.catalog.guards.items()}
        for key, row in now.items():
            before = self._told.get(key)
            if row.released and (before is None or not before.released):
                logger.info("the guard of service %r was ended by hand", row.name)
            elif before is None:
                logger.warning("the guard of service %r is on: %s", row.name, row.reason)
        for key, row in self._told.items():
            if key not in now:
                logger.info("the guard of service %r has ended: %s", row.name, self._why.pop(key, ""))
        self._told = now


def _check(catalog: Catalog, key: CheckKey) -> Check | None:
    node = catalog.nodes.get(key[0])
    return node.checks.get(key[1]) if node else None


def _written(catalog: Catalog, overlay: Overlay) -> set[tuple[str, str]]:
    """Return whom the statuses to be written are about: nodes and service IDs, "" for the node itself."""
    return {(key[0], check.service_key) for key in overlay if (check := _check(catalog, key)) is not None}


def _statuses(instance: Instance, overlay: Overlay) -> list[Status]:
    """Return the checks that decide on an instance with their statuses."""
    found = []
    for check in (*instance.checks, *instance.node.level_checks):
        key = (check.node_key, check.key)
        found.append((key, overlay.get(key, check.status)))
    return found


def _is_critical(instance: Instance) -> bool:
    return any(check.status == CRITICAL for check in (*instance.checks, *instance.node.level_checks))


def _place(catalog: Catalog, key: CheckKey) -> str:
    """Return where a check counts: at its instance's service, or on its node; "" for nowhere."""
    check = _check(catalog, key)
    if check is None:
        return ""
    if not check.service_key:
        return ON_NODE + check.node_key
    instance = catalog.nodes[check.node_key].instances.get(check.service_key)
    return instance.groups[0].key if instance else ""


def _groups(catalog: Catalog, places: Iterable[str]) -> list[Group]:
    """Return the services that failures at these places are about."""
    found: dict[str, Group] = {}
    for place in places:
        if place in catalog.services:
            found[place] = catalog.services[place]
        elif place.startswith(ON_NODE):
            node = catalog.nodes.get(place.removeprefix(ON_NODE))
            for instance in node.instances.values() if node else ():
                found[instance.groups[0].key] = instance.groups[0]
    return [found[key] for key in sorted(found)]


def _held_off(catalog: Catalog, now_ms: int) -> bool:
    """Say whether all guards were ended by hand, and the reason has not gone yet."""
    return bool(catalog.guards) and now_ms < int(catalog.meta.get(HOLD_OFF_KEY) or b"0")


def _trips(catalog: Catalog) -> int:
    return int(catalog.meta.get(TRIPS_KEY, b"0"))
