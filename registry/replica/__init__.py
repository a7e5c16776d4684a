"""One process's copy of the catalog: following the log, and drafting changes against it."""

from registry.replica.draft import Draft
from registry.replica.replica import CheckWritten, Replica

__all__ = ["CheckWritten", "Draft", "Replica"]
