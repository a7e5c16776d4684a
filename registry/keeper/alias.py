"""Alias checks: the worst state of another service's or node's checks."""

import asyncio

from registry.catalog.entities import Check, Node
from registry.catalog.rows import CheckRow, fold, unpack_check
from registry.catalog.state import Catalog
from registry.keeper.flapping import Flapping, FlapRule
from registry.keeper.rules import CRITICAL, PASSING, WARNING
from registry.keeper.runner import Report, Runner


class AliasRunner(Runner):
    """Follows the checks that it stands for; `look` it whenever a check has changed.

    Args:
        own_node: folded name of the node that the check is on; it is meant when none is given.
        flaps: when it is held for changing too often, if its definition does not say.
    """

    def __init__(
        self,
        check: Check,
        row: CheckRow,
        loop: asyncio.AbstractEventLoop,
        own_node: str,
        report: Report,
        flaps: FlapRule,
    ) -> None:
        super().__init__(check, row, loop)
        self._own_node = own_node
        self._report = report
        self._found: tuple[str, str] | None = None
        self._flapping = Flapping(flaps.for_check(self.probe), row.status, row.output, loop.time())
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Wait for what it stands for to change."""
        self.pulse.waits(None)

    def stop(self) -> None:
        """End; it will not be let go either if it is held."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self, catalog: Catalog) -> None:
        """Report the state of what is aliased, as of this catalog."""
        status, output = self._state(catalog)
        if self._found != (status, output):
            self._found = (status, output)
            self.pulse.ran(status, None, 0.0, None)
        self.saw(status)
        self._report(self.key, *self._flapping.observe(status, output, self._loop.time()))
        self.stop()
        if self._flapping.calm_at is not None:
            # Nothing has to change any more for it to be calm, so nobody would have us look.
            self._timer = self._loop.call_at(self._flapping.calm_at, self.look, catalog)

    def _state(self, catalog: Catalog) -> tuple[str, str]:
        node_name, service = self.probe.get("AliasNode", ""), self.probe.get("AliasService", "")
        node = catalog.nodes.get(fold(node_name) or self._own_node)
        found = _aliased(node, service)
        if found is None:
            return CRITICAL, f"Service {service} could not be found on node {node_name}"
        # Without a node it is what this agent looks after that counts, as in Consul. Itself never does:
        # a check of the node stands for those of the node, and would not get out of critical again.
        checks = [check for check in found if (node_name or check.local) and check.key != self.key]
        worst = next((check for check in checks if check.status == CRITICAL), None)
        worst = worst or next((check for check in checks if check.status != PASSING), None)
        if worst is not None:
            row = unpack_check(worst.packed)
            status = CRITICAL if worst.status == CRITICAL else WARNING
            return status, f'Aliased check "{row.name}" failing: {row.output}'
        return PASSING, "All checks passing." if checks else "No checks found."


def _aliased(node: Node | None, service: str) -> tuple[Check, ...] | None:
    """Return the checks aliased: the service's and the node's own; None when there is no such service."""
    if node is None:
        return None if service else ()
    if not service:
        return node.level_checks
    instance = node.instances.get(fold(service))
    return None if instance is None else (*instance.checks, *node.level_checks)
