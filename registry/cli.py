"""The command line: one function per command."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from registry import __version__
from registry.config import DECLARED, SettingError, Settings, flag, load, suggestion
from registry.config.release import CONSUL_RELEASE
from registry.console.flags import add_checks_flags

WRONG_USE = 2
"""Exit code for a wrong setting or command line, as argparse and most shells have it."""

EPILOG = (
    "Each setting can also be given as an environment variable (REGISTRY_HTTP_ADDR for --http-addr) or "
    "in a TOML file (http_addr); flags come before the environment, and the environment before the file."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv``, by default the process's own, and return its exit code."""
    arguments = _parse(sys.argv[1:] if argv is None else argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except SettingError as error:
        print(f"registry: {error}", file=sys.stderr)
        return WRONG_USE


def serve(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    settings = _settings(arguments)
    # The server and all it stands on are loaded only by the command that needs them.
    from registry.serve import run

    return run(settings)


def check_config(arguments: argparse.Namespace) -> int:
    """Print the settings in effect and where each comes from, in the form of a settings file."""
    settings = _settings(arguments)
    from registry.serve.definitions import read_definitions, summary

    definitions = read_definitions(settings)
    for name, setting in DECLARED.items():
        print(f"{name} = {setting.kind.show(getattr(settings, name))}  # {settings.origins[name]}")
    if definitions is not None:
        print(f"# the definition files are right: {summary(definitions)}")
    return 0


def checks(arguments: argparse.Namespace) -> int:
    """List the checks of a running registry, or show how one came to stand as it does."""
    from registry.console.checks import run

    return run(arguments)


def version(_: argparse.Namespace) -> int:
    """Print the release of the registry and that of the API it speaks."""
    print(f"registry {__version__}\nConsul API {CONSUL_RELEASE}")
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    flags = {name: value for name, value in vars(arguments).items() if name in DECLARED or name == "config"}
    return load(flags, dict(os.environ))


COMMANDS = {"serve": serve, "check-config": check_config, "checks": checks, "version": version}


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USE, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="registry", description="A service registry that speaks Consul's HTTP API.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        text = (command.__doc__ or "").partition("\n")[0]
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(command=command)
        if command is checks:
            sub.usage = f"registry {name} [flags]"
            add_checks_flags(sub)
        elif command is not version:
            sub.usage, sub.epilog = f"registry {name} [flags]", EPILOG
            _add_settings(sub)
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        known = [flag(spelling) for setting in DECLARED.values() for spelling in setting.spellings]
        given = unknown[0].partition("=")[0]
        parser.error(f"unknown argument {given!r}{suggestion(given, [*known, '--config'])}")
    return arguments


def _add_settings(parser: argparse.ArgumentParser) -> None:
    groups = {}
    parser.add_argument(
        "--config", metavar="FILE", default=argparse.SUPPRESS, help="a TOML file with settings"
    )
    for name, setting in DECLARED.items():
        if setting.group not in groups:
            groups[setting.group] = parser.add_argument_group(setting.group.lower())
        summary = setting.doc.partition(". ")[0].rstrip(".")
        default = f" (default {setting.default})" if setting.default else ""
        groups[setting.group].add_argument(
            *map(flag, setting.spellings),
            dest=name,
            metavar="VALUE",
            default=argparse.SUPPRESS,
            help=f"{summary}{default}".replace("%", "%%"),
        )
