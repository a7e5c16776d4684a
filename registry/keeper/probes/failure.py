"""Why a probe failed, in the words that Go, and so Consul, has for it."""

import os


class ProbeFailed(Exception):
    """The target did not do its part; ``str()`` is the text to show."""


def reason(error: OSError) -> str:
    """Return Go's text of an error of the operating system: ``connection refused``, ``no route to host``."""
    if error.errno:
        return os.strerror(error.errno).lower()
    if isinstance(error, BrokenPipeError):
        return "broken pipe"
    # The loops raise this without a number when a connection is lost between two reads.
    return "connection reset by peer" if isinstance(error, ConnectionError) else str(error)
