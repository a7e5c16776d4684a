"""Log lines: one a message, to standard error, with UTC time, level and process."""

import logging
import sys
import time


def configure(level: str, process: str) -> None:
    """Send log messages of at least ``level`` (debug, info, warning, error) to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process}: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # The server logs every answer that a client did not wait for; that is its client's business.
    logging.getLogger("_granian").setLevel(logging.ERROR)
