"""Settings of definition files, and of the checks that run programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from registry.config.kinds import derived, existing_folder, integer, size, some_path, switch
from registry.config.setting import Setting

KIB, MIB, GIB = 2**10, 2**20, 2**30

_DEFINITIONS = "Definition files and script checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionSettings:
    """What is registered from files, and who may have programs run."""

    definitions_dir: Annotated[
        Path | None,
        Setting(
            _DEFINITIONS,
            "",
            derived(existing_folder(), "", "no definition files"),
            "A folder whose *.json and *.toml files define services and checks of the own node, as Consul's "
            "agent definition files do (the keys service, services, check and checks; HCL is not "
            "understood). They are checked as a whole and registered at the start and on reload; what is in "
            "no file any more is deregistered then. Files whose names begin with a dot, and subfolders, are "
            "passed over.",
            live=True,
        ),
    ]
    max_definition_files: Annotated[
        int,
        Setting(
            _DEFINITIONS,
            "1000",
            integer(1, 100_000),
            "How many definition files there may be.",
            live=True,
        ),
    ]
    max_definition_bytes: Annotated[
        int,
        Setting(
            _DEFINITIONS,
            "16MiB",
            size(KIB, GIB),
            "How large the definition files may be, all together.",
            live=True,
        ),
    ]
    enable_local_script_checks: Annotated[
        bool,
        Setting(
            _DEFINITIONS,
            "false",
            switch(),
            "Whether checks of definition files may run programs, on this machine or in containers of its "
            "Docker engine, as the user that the registry runs as. Files and a folder that others may write "
            "to are refused then.",
            live=True,
        ),
    ]
    enable_script_checks: Annotated[
        bool,
        Setting(
            _DEFINITIONS,
            "false",
            switch(),
            "Whether checks registered over the API may run programs, too. Whoever reaches the API can then "
            "run any program as the user that the registry runs as, so it is refused unless http_addr is a "
            "loopback address.",
            live=True,
        ),
    ]
    docker_socket: Annotated[
        Path,
        Setting(
            _DEFINITIONS,
            "/var/run/docker.sock",
            some_path(),
            "Where the Docker engine listens that checks with DockerContainerID go to.",
            live=True,
        ),
    ]
