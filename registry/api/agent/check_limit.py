"""How many checks one service, or the node itself, may have."""

from collections.abc import Container, Iterable

from registry.catalog.entities import Check
from registry.catalog.maintenance import is_maintenance
from registry.config import Settings
from registry.http.errors import HttpError


def count_checks(checks: Iterable[Check], besides: Container[str]) -> int:
    """Return how many of the agent's checks there are besides those with these keys.

    Maintenance is no check in this sense: it can always be switched on.
    """
    return sum(check.local and check.key not in besides and not is_maintenance(check.id) for check in checks)


def refuse_too_many(settings: Settings, count: int) -> None:
    """Refuse a registration that would leave a service, or the node, with ``count`` checks.

    Raises:
        HttpError: 400.
    """
    if count > settings.max_checks_per_service:
        raise HttpError(
            400,
            f"Too many checks: there would be {count}, max allowed for one service, or for the node itself, "
            f"is {settings.max_checks_per_service} (max_checks_per_service)",
        )
