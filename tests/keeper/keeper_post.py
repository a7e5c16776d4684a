"""A warden over a real store, with a clock that the tests move."""

import asyncio
from pathlib import Path

import msgspec
from model.facts import assert_loads_alike
from model.site import DirectStore

from registry.catalog import select
from registry.catalog.rows import CheckRow, GuardRow, NodeRow, ServiceRow, unpack_check
from registry.keeper.guard import GuardRules
from registry.keeper.warden import Warden
from registry.replica import Draft, Replica
from registry.store.change import Change

RULES = GuardRules(share=0.5, window_s=10, limit_s=60, min_instances=3)


class Post:
    """A store with nodes ``n0`` to ``n2``, and a warden that follows it."""

    def __init__(self, root: Path, rules: GuardRules = RULES) -> None:
        self.store = DirectStore(root)
        self.now = 1000.0
        self.replica = Replica(self.store, lambda topics: None)
        self.appoint(rules)

    def appoint(self, rules: GuardRules = RULES) -> None:
        """Have a new warden, who knows what the store knows, take over."""
        self.replica.load()
        self.warden = Warden(self.replica, rules, lambda: self.now, lambda: int(self.now * 1000))
        self.warden.load()
        self.replica.on_checks(lambda written: self.warden.rows_changed([each.key for each in written]))

    def services(self, *names: str, count: int = 4) -> None:
        """Register services of ``count`` instances with a passing check each."""
        draft = self.draft()
        for node in ("n0", "n1", "n2"):
            draft.put_node(NodeRow(node))
        for number in range(count):
            for name in names:
                key, node = f"{name}-{number}", f"n{number % 3}"
                draft.put_service(ServiceRow(node, key, name))
                draft.put_check(CheckRow(node, key, "passing", key, name))
        self.commit(draft)

    def draft(self) -> Draft:
        return Draft(self.replica.catalog)

    def commit(self, draft: Draft) -> None:
        change = draft.change()
        assert isinstance(change, Change)
        self.store.commit_now(change)
        self.replica.catch_up()

    def put(self, status: str, *checks: str, own: bool = False) -> None:
        """Write a status on checks in one change, as the keeper does with its ``own`` results or another."""
        draft = self.draft()
        overlay = {}
        for node in self.replica.catalog.nodes.values():
            for check in node.checks.values():
                if check.key in checks:
                    draft.put_check(msgspec.structs.replace(unpack_check(check.packed), status=status))
                    overlay[node.key, check.key] = status
        if own:
            self.warden.add_to(draft, self.replica.catalog, overlay)
        self.commit(draft)

    def fail(self, *checks: str) -> None:
        """Turn checks critical as another writer would, and let the warden see to it."""
        self.put("critical", *checks)
        self.see_to_it()

    def see_to_it(self) -> None:
        async def both() -> None:
            await self.warden.begin()
            await self.warden.end()

        asyncio.run(both())

    def guards(self) -> list[str]:
        """Return the services with a guard, and check that everybody else knows them too."""
        assert_loads_alike(self.replica.catalog, self.store.load())
        return sorted(self.replica.catalog.guards)

    def row(self, name: str = "web") -> GuardRow:
        return self.replica.catalog.guards[name].row

    def shown(self, name: str = "web") -> list[str]:
        """Return the instances that count as healthy."""
        catalog = self.replica.catalog
        group = catalog.services.get(name)
        held = select.held(catalog, group)
        return [each.key for each in select.instances(catalog, group, passing=True, held=held)]

    def release(self, name: str = "web") -> None:
        draft = self.draft()
        draft.put_guard(msgspec.structs.replace(self.row(name), released=True))
        self.commit(draft)
