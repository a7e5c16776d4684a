"""Definition files: services and checks of the own node that are kept in a folder of files.

From the bottom up: ``folder`` (which files there are), ``document`` (what one says), ``definitions``
(all of them, found to be right), ``change`` (what they make of the catalog).
"""

from registry.api.files.change import draft_arrivals, draft_departures
from registry.api.files.definitions import NO_DEFINITIONS, Definitions, read_definitions

__all__ = ["NO_DEFINITIONS", "Definitions", "draft_arrivals", "draft_departures", "read_definitions"]
