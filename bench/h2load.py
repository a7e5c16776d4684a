"""h2load, a third opinion on what a server can answer; its rate is all that is taken from it.

Its own open loop (``--rps``) gives each client a timer and counts latency from when a request was really
sent, so that a client that waits asks later and the wait does not count.
"""

import re
import shutil
import subprocess

from bench.process import BenchError

MISSING = "h2load is not installed; on Debian and Ubuntu: apt-get install nghttp2-client"
GRACE_S = 20.0

_RATE = re.compile(r"^finished in .*?, ([\d.]+) req/s", re.MULTILINE)
_COUNTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")


def installed() -> bool:
    """Say whether there is an h2load."""
    return shutil.which("h2load") is not None


def rate(port: int, target: str, *, connections: int, seconds: int) -> float:
    """Ask for a target over HTTP/1.1 as fast as this many connections can; return the answers a second.

    Raises:
        BenchError: h2load failed, or any request did.
    """
    url = f"http://127.0.0.1:{port}{target}"
    command = ["h2load", "--h1", f"-c{connections}", "-t1", f"-D{seconds}", url]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + GRACE_S)
    counts, found = _COUNTS.search(ran.stdout), _RATE.search(ran.stdout)
    if ran.returncode or counts is None or found is None:
        raise BenchError(f"h2load failed with status {ran.returncode}", ran.stdout + ran.stderr)
    succeeded, *wrong = map(int, counts.groups())
    if any(wrong) or not succeeded:
        raise BenchError(f"h2load: {sum(wrong)} requests for {target} failed, {succeeded} succeeded")
    return float(found[1])
