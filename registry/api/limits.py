"""Limits of what can be registered, shared by the agent's and the catalog's endpoints."""

import re

from registry.catalog.rows import fold
from registry.config import Settings
from registry.http.errors import HttpError

_META_KEY = re.compile(r"[A-Za-z0-9_-]+")
META_KEY_MAX, META_VALUE_MAX = 128, 512
"""Consul's limits on characters; not settings, because its texts name them."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_name(settings: Settings, where: str, name: str) -> None:
    """Refuse a name or ID that is too long to be a key or holds control characters.

    Raises:
        HttpError: 400.
    """
    found = _CONTROL.search(name)
    if found:
        raise HttpError(
            400, f"{where} must not contain control characters, found {found.group()!r} at {found.start()}"
        )
    size = len(fold(name).encode("utf-8", "surrogatepass"))
    if size > settings.max_name_bytes:
        raise HttpError(
            400, f"{where} has {size} bytes, max allowed is {settings.max_name_bytes} (max_name_bytes)"
        )


def check_room(settings: Settings, present: int, added: int) -> None:
    """Refuse service instances past the number that may be registered; replacing one adds none.

    Raises:
        HttpError: 500, as for a full store: the request is right, and may succeed another time.
    """
    if added and present + added > settings.max_services:
        raise HttpError(
            500,
            f"The registry has {present} services, max allowed is {settings.max_services} "
            "(max_services); deregister some or raise the limit",
        )


def check_tags(settings: Settings, tags: list[str]) -> None:
    """Refuse too many or too long tags.

    Raises:
        HttpError: 400.
    """
    if len(tags) > settings.max_tags:
        raise HttpError(400, f"Tags has {len(tags)} items, max allowed is {settings.max_tags} (max_tags)")
    for place, tag in enumerate(tags):
        size = len(tag.encode())
        if size > settings.max_tag_bytes:
            raise HttpError(
                400,
                f"Tags[{place}] has {size} bytes, max allowed is {settings.max_tag_bytes} (max_tag_bytes)",
            )


def check_meta(settings: Settings, meta: dict[str, str], kind: str) -> str:
    """Return what is wrong with service metadata, in Consul's words; "" for nothing.

    The prefix ``consul-`` is reserved, but gateways may carry such keys.
    """
    if len(meta) > settings.max_meta_pairs:
        return f"Node metadata cannot contain more than {settings.max_meta_pairs} key/value pairs"
    for key, value in meta.items():
        problem = _meta_problem(key, value, reserved=not kind.endswith("-gateway"))
        if problem:
            return f"Couldn't load metadata pair ('{key}', '{value}'): {problem}"
    return ""


def _meta_problem(key: str, value: str, *, reserved: bool) -> str:
    if not key:
        return "Key cannot be blank"
    if not _META_KEY.fullmatch(key):
        return "Key contains invalid characters"
    if len(key) > META_KEY_MAX:
        return f"Key is too long (limit: {META_KEY_MAX} characters)"
    if reserved and key.startswith("consul-"):
        return "Key prefix 'consul-' is reserved for internal use"
    if len(value) > META_VALUE_MAX:
        return f"Value is too long (limit: {META_VALUE_MAX} characters)"
    return ""
