"""The declaration of one setting."""

from dataclasses import dataclass

from registry.config.kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """What is said about a setting besides its name and type.

    Attributes:
        group: the heading it stands under in the reference.
        default: as one would write it on the command line.
        kind: how its values are read and shown.
        doc: what it does, in one paragraph; the first sentence is the flag's help.
        live: whether a running registry takes up a new value from the file on reload.
        other: a second spelling, understood wherever the name is.
        name: the field's name; `declared` fills it in.
    """

    group: str
    default: str
    kind: Kind
    doc: str
    live: bool = False
    other: str = ""
    name: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """The name, and the second spelling if there is one."""
        return (self.name, self.other) if self.other else (self.name,)


def flag(spelling: str) -> str:
    """Return the flag for a spelling of a setting, as in ``--http-addr``."""
    return "--" + spelling.replace("_", "-")


def variable(spelling: str) -> str:
    """Return the environment variable for a spelling of a setting, as in ``REGISTRY_HTTP_ADDR``."""
    return "REGISTRY_" + spelling.upper()
