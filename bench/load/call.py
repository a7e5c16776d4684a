"""What the generator sends, and how a right answer looks."""

from dataclasses import dataclass

from bench.load.connection import http_request

KINDS_MAX = 32
"""So many kinds of calls are told apart in one run."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request and what is known of its answer, which must be a 200.

    Attributes:
        request: its bytes; placeholders are filled in with the number of the request.
        ends: what the body of the answer must end with; the whole body, where it never changes.
        holds: what the body must have in it.
        kind: under what name its latency is told.
    """

    request: bytes
    ends: bytes = b""
    holds: bytes = b""
    kind: str = "request"


def get(
    target: str, ends: bytes = b"", *, holds: bytes = b"", kind: str = "request", headers: str = ""
) -> Call:
    """Return a lookup."""
    return Call(http_request("GET", target, headers=headers), ends, holds, kind)


def kinds_of(calls: tuple[Call, ...]) -> list[str]:
    """Return the kinds that there are, each once, in the order in which they first occur."""
    return list(dict.fromkeys(call.kind for call in calls))
