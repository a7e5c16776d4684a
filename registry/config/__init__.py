"""Every setting: where it comes from, what it may be, and what it is.

The files, from the bottom up: ``address`` and ``kinds`` (values), ``setting`` (a declaration),
``settings`` (all of them), ``sources`` (where they are found), ``checks`` and ``tls`` (what has to
fit), ``load``; ``docs`` writes the reference.
"""

from registry.config.address import Address
from registry.config.errors import SettingError
from registry.config.load import load, reload
from registry.config.setting import flag, variable
from registry.config.settings import DECLARED, Settings
from registry.config.sources import suggestion

__all__ = [
    "DECLARED",
    "Address",
    "SettingError",
    "Settings",
    "flag",
    "load",
    "reload",
    "suggestion",
    "variable",
]
