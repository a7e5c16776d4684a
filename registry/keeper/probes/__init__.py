"""Probes: every way to find out whether a service is well, as Consul's agent has them.

`prober` makes what runs one check, with the `Tools` that all share. The targets are in the hands of
whoever may register a check, so each module here expects the worst of them: slowness, floods, lies.
"""

from registry.keeper.probes.address import AddressPolicy
from registry.keeper.probes.kinds import prober
from registry.keeper.probes.outcome import Outcome, Prober
from registry.keeper.probes.tools import Options, Tools

__all__ = ["AddressPolicy", "Options", "Outcome", "Prober", "Tools", "prober"]
