"""The parameters that all reads share: consistency, blocking, datacenter, pretty."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from registry.http.errors import HttpError
from registry.wire.duration import DurationError, parse_duration

NANOSECONDS = 1_000_000_000
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True)
class Options:
    """What a read asks for besides its subject.

    Attributes:
        consistency: ``leader``, ``stale`` or ``consistent``, as the answer's header says it.
        cached: ``cached`` was given.
        pretty: indented output.
        index: answer only when the index is higher; 0 for at once.
        digest: answer only when the content hash differs; "" for at once.
        wait_s: seconds to wait at most, before jitter; None for the configured default.
    """

    consistency: str = "leader"
    cached: bool = False
    pretty: bool = False
    index: int = 0
    digest: str = ""
    wait_s: float | None = None


def parse_consistency(params: Mapping[str, list[str]], cache_control: bytes = b"") -> str:
    """Return the consistency mode.

    Raises:
        HttpError: 400 with Consul's texts for conflicting modes, a bad ``max_stale`` and a
            Cache-Control number that does not parse.
    """
    stale, consistent = "stale" in params, "consistent" in params
    max_stale = params.get("max_stale", [""])[0]
    if max_stale:
        try:
            stale = parse_duration(max_stale) > 0 or stale
        except DurationError:
            raise HttpError(400, f'Invalid max_stale value "{max_stale}"') from None
    if stale and consistent:
        raise HttpError(400, "Cannot specify ?stale with ?consistent, conflicting semantics.")
    if "cached" in params and consistent:
        raise HttpError(400, "Cannot specify ?cached with ?consistent, conflicting semantics.")
    if cache_control:
        _check_cache_control(cache_control)
    return "stale" if stale else "consistent" if consistent else "leader"


def _check_cache_control(value: bytes) -> None:
    for directive in value.decode("latin-1").split(","):
        name, given, number = directive.strip().lower().partition("=")
        counts = name in ("max-age", "stale-if-error") and given
        if counts and not _INTEGER.fullmatch(number):
            raise HttpError(400, "Invalid Cache-Control header.")


def parse_wait(params: Mapping[str, list[str]]) -> float | None:
    """Return ``wait`` in seconds; None when it is absent, zero or negative (the default applies).

    Raises:
        HttpError: 400 ``Invalid wait time``.
    """
    wait = params.get("wait", [""])[0]
    if not wait:
        return None
    try:
        nanoseconds = parse_duration(wait)
    except DurationError:
        raise HttpError(400, "Invalid wait time") from None
    return nanoseconds / NANOSECONDS if nanoseconds > 0 else None


def parse_index(params: Mapping[str, list[str]]) -> int:
    """Return ``index``, 0 when it is absent.

    Raises:
        HttpError: 400 ``Invalid index`` for anything but an unsigned 64-bit decimal.
    """
    index = params.get("index", [""])[0]
    if not index:
        return 0
    if not (index.isascii() and index.isdigit()) or len(index) > 20 or int(index) >= 1 << 64:
        raise HttpError(400, "Invalid index")
    return int(index)


def check_tenancy(params: Mapping[str, list[str]], headers: Mapping[bytes, bytes]) -> None:
    """Refuse namespaces and partitions other than the default, as Consul's community edition does.

    Raises:
        HttpError: 400.
    """
    for name, header, what in (
        ("ns", b"x-consul-namespace", "Namespaces"),
        ("partition", b"x-consul-partition", "Partitions"),
    ):
        if params.get(name, [""])[0] not in ("", "default"):
            raise HttpError(
                400, f'Invalid query parameter: "{name}" - {what} are a Consul Enterprise feature'
            )
        if headers.get(header, b"") not in (b"", b"default"):
            shown = "-".join(part.capitalize() for part in header.decode().split("-"))
            raise HttpError(400, f'Invalid header: "{shown}" - {what} are a Consul Enterprise feature')


def check_datacenter(params: Mapping[str, list[str]], own: str, *, meta: bool) -> None:
    """Refuse another datacenter than our own; an empty ``dc`` is ours.

    Raises:
        HttpError: 500 ``No path to datacenter``, Consul's status and text.
    """
    if params.get("dc", [""])[0] not in ("", own):
        raise HttpError(500, "No path to datacenter", meta=meta)
