"""The keeper: which checks run here, what becomes of their results, and who is reaped.

It is a client of the store like every worker: it learns of checks from the log, and a result that
changes a status is an ordinary change. It answers no requests, so a slow probe can't slow a lookup.

Guarantees
    - Each check registered through the agent has one runner from when the log brings it to when the
      log takes it; a changed definition gets a new one, a repeated registration does not.
    - A result that changes neither status nor output writes nothing. Output alone is written at most
      every ``output_every_s``, a new status at once.
    - A result is written onto the check as it is then; when it has gone, nothing is.
"""

import asyncio
import logging
from functools import partial

from registry.catalog.entities import Check, Node
from registry.catalog.rows import CheckRow, fold, split_key, unpack_check
from registry.catalog.state import Catalog
from registry.keeper.alias import AliasRunner
from registry.keeper.flapping import FlapRule, is_held
from registry.keeper.probes import Tools, prober
from registry.keeper.pulse import Pulses
from registry.keeper.rules import CRITICAL
from registry.keeper.runner import SECOND_NS, ProbeRunner, Runner, TtlRunner
from registry.keeper.warden import Warden
from registry.replica import Draft, Replica
from registry.store.beats import Beats, beat_clock, beat_hash
from registry.store.change import Change
from registry.store.errors import StoreError

logger = logging.getLogger(__name__)

REAP_EVERY_S = 1.0
WRITE_AGAIN_AFTER_S = 1.0
"""Pause before a status that could not be written is tried again."""


class Keeper:
    """Runs the checks of the own node.

    Args:
        node_name: the own node.
        beats: heartbeats through all workers.
        tools: what probes share.
        pulses: where what the checks do is shown.
        output_every_s: seconds between writes of a check's output while its status stays.
        warden: guards against mass failures.
        flaps: when a check is held for changing too often.
    """

    def __init__(
        self,
        replica: Replica,
        node_name: str,
        beats: Beats,
        tools: Tools,
        pulses: Pulses,
        output_every_s: float,
        warden: Warden,
        flaps: FlapRule,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._replica = replica
        self._node_key = fold(node_name)
        self._beats = beats
        self._tools = tools
        self._pulses = pulses
        self._output_every_s = output_every_s
        self._warden = warden
        self._flaps = flaps
        self._loop = loop
        self._runners: dict[str, Runner] = {}
        self._aliases: dict[str, AliasRunner] = {}
        self._reapable: dict[str, Runner] = {}
        self._results: dict[str, tuple[str, str]] = {}
        self._written_at: dict[str, float] = {}
        self._writing: asyncio.Task[None] | None = None

    # Following the catalog

    def load(self) -> None:
        """Take up all checks of the catalog as it is now; after a reload, those that differ."""
        self._warden.load()
        node = self._own_node()
        checks = node.checks if node else {}
        for key in [*checks, *(self._runners.keys() - checks.keys())]:
            self._follow(key)
        self._look_at_aliases()
        self._pulses.all_taken_up()
        self._pulses.count_running()

    def rows_changed(self, keys: set[bytes]) -> None:
        """Follow what the log says about these rows of the checks table."""
        self._warden.rows_changed(keys)
        for raw in keys:
            node_key, key = split_key(raw)
            if node_key == self._node_key:
                self._follow(key)
        self._look_at_aliases()
        self._pulses.count_running()

    def stop(self) -> None:
        """End all runners."""
        for runner in self._runners.values():
            runner.stop()
        self._runners.clear()
        self._aliases.clear()
        self._reapable.clear()

    def _own_node(self) -> Node | None:
        return self._replica.catalog.nodes.get(self._node_key)

    def _follow(self, key: str) -> None:
        node = self._own_node()
        check = node.checks.get(key) if node else None
        runner = self._runners.get(key)
        if check is None or not check.local:
            self._drop(key)
            return
        row = unpack_check(check.packed)
        if runner is not None and runner.probe == (row.probe or {}):
            runner.service_key = check.service_key
            runner.changed(check)
            return
        self._drop(key)
        if row.probe:
            self._take_up(check, row)

    def _take_up(self, check: Check, row: CheckRow) -> None:
        probe, number = row.probe or {}, beat_hash(check.key)
        runner: Runner
        if "TTL" in probe:
            runner = self._ttl_runner(check, row, number)
        elif "AliasNode" in probe or "AliasService" in probe:
            runner = AliasRunner(check, row, self._loop, self._node_key, self._report, self._flaps)
            self._aliases[check.key] = runner
        else:
            running = prober(probe, self._tools)
            runner = ProbeRunner(check, row, self._loop, running, self._report, self._flaps)
        self._runners[check.key] = runner
        if runner.deregister_after_s:
            self._reapable[check.key] = runner
        runner.pulse = self._pulses.of(number, row.type)
        runner.start()

    def _ttl_runner(self, check: Check, row: CheckRow, number: int) -> TtlRunner:
        key = check.key
        ttl_ns = int((row.probe or {})["TTL"])

        def last_beat() -> float:
            last = self._beats.last(number)
            if beat_clock() - last >= ttl_ns:
                self._beats.find_new()  # it may have come through a worker that has just started
                last = self._beats.last(number)
            return last / SECOND_NS

        def output() -> str:
            node = self._own_node()
            known = node.checks.get(key) if node else None
            return unpack_check(known.packed).output if known else ""

        return TtlRunner(check, row, self._loop, self._tools.lag, last_beat, self._report, output)

    def _drop(self, key: str) -> None:
        runner = self._runners.pop(key, None)
        self._aliases.pop(key, None)
        self._reapable.pop(key, None)
        self._results.pop(key, None)
        self._written_at.pop(key, None)
        if runner is not None:
            runner.stop()
            runner.pulse.gone()

    def _look_at_aliases(self) -> None:
        for alias in list(self._aliases.values()):
            alias.look(self._replica.catalog)

    # Writing results

    def _report(self, check_key: str, status: str, output: str) -> None:
        node = self._own_node()
        check = node.checks.get(check_key) if node else None
        if check is None:
            return
        row = unpack_check(check.packed)
        if row.status == status:
            last = self._written_at.get(check_key, float("-inf"))
            soon = self._loop.time() - last < self._output_every_s and is_held(row.output) == is_held(output)
            if row.output == output or soon:
                self._results.pop(check_key, None)
                return
        self._results[check_key] = (status, output)
        if self._writing is None:
            self._writing = self._loop.create_task(self._write_results())

    async def _write_results(self) -> None:
        """Write what has been reported, all of it in one change; what comes in meanwhile follows."""
        try:
            while self._results:
                results, self._results = self._results, {}
                try:
                    await self._replica.write(partial(self._draft, results))
                except StoreError as error:
                    logger.warning("%d results could not be written: %s", len(results), error)
                    self._results = results | self._results
                    await asyncio.sleep(WRITE_AGAIN_AFTER_S)
                    continue
                now = self._loop.time()
                self._written_at.update(dict.fromkeys(results.keys() & self._runners.keys(), now))
        finally:
            self._writing = None

    def _draft(self, results: dict[str, tuple[str, str]], catalog: Catalog) -> Change | None:
        draft = Draft(catalog)
        node = catalog.nodes.get(self._node_key)
        written = {}
        for key, (status, output) in results.items():
            check = node.checks.get(key) if node else None
            runner = self._runners.get(key)
            if check is not None and runner is not None:
                row = unpack_check(check.packed)
                if (row.probe or {}) == runner.probe:
                    draft.put_result(row, status, output)
                    written[self._node_key, key] = status
        self._warden.add_to(draft, catalog, written)
        return draft.change()

    # Reaping

    async def reap(self) -> None:
        """Remove, again and again, the services that have been critical for too long."""
        while True:
            await asyncio.sleep(REAP_EVERY_S)
            for runner in list(self._reapable.values()):
                if runner.is_overdue(self._tools.lag) and not self._is_held(runner.service_key):
                    await self._reap(runner)

    def _is_held(self, service_key: str) -> bool:
        """Say whether a guard holds a service, which then stays until the guard has ended."""
        node = self._own_node()
        instance = node.instances.get(service_key) if node else None
        return instance is not None and self._warden.holds(instance)

    async def _reap(self, runner: Runner) -> None:
        removed: list[str] = []

        def draft(catalog: Catalog) -> Change | None:
            removed.clear()
            node = catalog.nodes.get(self._node_key)
            check = node.checks.get(runner.key) if node else None
            instance = node.instances.get(runner.service_key) if node else None
            if check is None or instance is None or check.status != CRITICAL:
                return None
            changes = Draft(catalog)
            changes.remove_instance(instance)
            removed.append(instance.id)
            return changes.change()

        try:
            await self._replica.write(draft)
        except StoreError as error:
            logger.warning("service %s could not be deregistered: %s", runner.service_key, error)
            return
        for service_id in removed:
            # Loading it takes two megabytes, which a registry does without until a service is reaped.
            from registry.observe import metrics

            metrics.SERVICES_REAPED.inc()
            logger.warning(
                "deregistered service %s: its check %s was critical for more than %g s",
                service_id,
                runner.key,
                runner.deregister_after_s,
            )

    async def look_around(self, every_s: float) -> None:
        """Find the heartbeat tables of new workers, and retire those of dead ones."""
        while True:
            self._beats.look_around()
            await asyncio.sleep(every_s)
