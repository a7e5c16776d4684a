"""What all probes share."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from registry.keeper.lag import Lag
from registry.keeper.probes.address import AddressPolicy
from registry.keeper.probes.budget import Budgets
from registry.keeper.probes.deadline import Deadline
from registry.keeper.probes.dialer import Dialer
from registry.keeper.probes.kept import Kept
from registry.keeper.probes.programs import Programs
from registry.keeper.probes.resolver import Resolver
from registry.keeper.probes.tls import Contexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What probes may do.

    Attributes:
        addresses: where they may connect to.
        follow_redirects: whether HTTP checks follow redirects, unless they say ``DisableRedirects``.
            Consul does; here it is off, as a redirect turns whoever answers a check into its author.
        allow_scripts: whether checks registered over the API run programs, on this machine or in containers.
        allow_file_scripts: whether those of definition files do.
        max_output_bytes: how much of an output is kept; a check's ``OutputMaxSize`` may only lower it.
        max_probes: how many run at the same time. It has to be more than the checks whose targets
            do not answer, else those delay the others.
        max_probes_per_target: how many of them go to one host and port.
        max_kept_connections: how many connections with TLS are kept between the runs of HTTP checks; as
            many of them as probes may go to one host and port.
        ca_file: the authorities that TLS trusts, in PEM form; None for the system's.
        docker_socket: where the Docker engine listens.
        systemctl: the command that knows the system's services.
        systemd_folder: exists where systemd runs (sd_booted(3)).
    """

    addresses: AddressPolicy = field(default_factory=AddressPolicy)
    follow_redirects: bool = False
    allow_scripts: bool = False
    allow_file_scripts: bool = False
    max_output_bytes: int = 4096
    max_probes: int = 4096
    max_probes_per_target: int = 64
    max_kept_connections: int = 256
    ca_file: Path | None = None
    docker_socket: Path = Path("/var/run/docker.sock")
    systemctl: str = "systemctl"
    systemd_folder: Path = Path("/run/systemd/system")


class Tools:
    """Resolver, address policy, TLS contexts, programs and budgets of all probes; `close` them in the end.

    Each run makes a connection of its own and asks for it to be closed, as Consul's do, so that a target
    that no longer accepts connections is noticed. Only with TLS that is too much to ask (see `Kept`).

    Attributes:
        lag: how late this process is, known while the ``with`` block lasts.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.lag = Lag()
        self._ticker: asyncio.Task[None] | None = None
        self._resolver = Resolver()
        self.dialer = Dialer(self._resolver, self.options.addresses)
        self.tls = Contexts(self.options.ca_file)
        self.kept = Kept(self.options.max_kept_connections, self.options.max_probes_per_target)
        self.programs = Programs()
        self.budgets = Budgets(self.options.max_probes, self.options.max_probes_per_target)

    def deadline(self, timeout_s: float) -> Deadline:
        """Return the deadline of a run that begins now."""
        return Deadline(timeout_s, self.lag)

    async def close(self) -> None:
        """Give up lookups under way and end programs that run. Cancel the probes first."""
        if self._ticker is not None:
            self._ticker.cancel()
        self.kept.close()
        self._resolver.close()
        await self.programs.close()

    async def __aenter__(self) -> Self:
        self._ticker = asyncio.create_task(self.lag.watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
