"""What is wrong with a service definition, in Consul's words and in the order in which Consul looks."""

import ipaddress
from typing import Any

from registry.api.agent.check_types import STATUSES, is_empty, problem, refuse_scripts
from registry.api.agent.local import RESERVED_CHECK, RESERVED_SERVICE
from registry.api.agent.proxy_rules import kind_problems, listed
from registry.api.limits import check_meta, check_name, check_tags
from registry.catalog.rows import fold
from registry.config import Settings
from registry.http.errors import HttpError

WEIGHT_MAX = 65535
_EVERY_ADDRESS = ("0.0.0.0", "::", "[::]")  # noqa: S104 (refused, not bound)
_RESERVED_SERVICE_KEY, _RESERVED_CHECK_KEY = fold(RESERVED_SERVICE), fold(RESERVED_CHECK)
_BAD_STATUS = "Status for checks must 'passing', 'warning', 'critical'"

Check = tuple[str, dict[str, Any]]
"""A check's place in the body, such as ``Checks[1]``, and its definition."""


def check_service(settings: Settings, given: dict[str, Any]) -> list[Check]:
    """Refuse a service definition that is wrong whatever the catalog holds; return its checks.

    Raises:
        HttpError: 400 with Consul's text, or with our own that names the limit.
    """
    if not given.get("Name"):
        raise HttpError(400, "Missing service name")
    if is_every_address(given):
        raise HttpError(400, "Invalid service address")
    check_tenancy(given)
    check_names(settings, given, "")
    _check_reserved(given)
    weights = weights_problem(given)
    if weights:
        raise HttpError(400, f"Invalid Weights: {weights}")
    meta = check_meta(settings, given.get("Meta", {}), given.get("Kind", ""))
    if meta:
        raise HttpError(400, f"Invalid Service Meta: {meta}")
    problems = kind_problems(given)
    if problems:
        raise HttpError(400, f"Validation failed: {listed(problems)}")
    checks = check_embedded(settings, given, "Invalid check: ")
    sidecar = given.get("Connect", {}).get("SidecarService")
    if sidecar is not None:
        check_embedded(settings, sidecar, "Invalid check in sidecar_service: ")
    return checks


def is_every_address(given: dict[str, Any]) -> bool:
    """Say whether a service gives the address that stands for all of a machine's."""
    return given.get("Address", "") in _EVERY_ADDRESS


def check_late(
    settings: Settings, given: dict[str, Any], checks: list[Check], *, from_file: bool = False
) -> None:
    """Refuse what Consul's agent finds only when it is about to register, and answers with 500.

    Raises:
        HttpError: 500 with Consul's text.
    """
    _check_tagged_addresses(given)
    for _, check in checks:
        refuse_scripts(settings, check, from_file=from_file)


def check_tenancy(given: dict[str, Any]) -> None:
    """Refuse another namespace or partition than the default one.

    Raises:
        HttpError: 400.
    """
    for name in ("Namespace", "Partition"):
        if given.get(name, "") not in ("", "default"):
            raise HttpError(
                400, f'Invalid field: "{name}" - {name}s are a Consul Enterprise feature, expected "default"'
            )


def check_names(settings: Settings, given: dict[str, Any], prefix: str) -> None:
    """Refuse names, IDs and tags that can't be kept.

    ``prefix`` is put before the fields' names, as in ``SidecarService.Name``.

    Raises:
        HttpError: 400.
    """
    for name in ("Name", "ID"):
        if given.get(name):
            check_name(settings, prefix + name, given[name])
    if "Proxy" in given:
        destination = given["Proxy"].get("DestinationServiceName", "")
        check_name(settings, f"{prefix}Proxy.DestinationServiceName", destination)
    check_tags(settings, given.get("Tags", []))


def _check_reserved(given: dict[str, Any]) -> None:
    if fold(given.get("ID") or given["Name"]) == _RESERVED_SERVICE_KEY:
        raise HttpError(
            400, f'ID "{RESERVED_SERVICE}" is that of the registry\'s own service, use another ID'
        )


def weights_problem(given: dict[str, Any]) -> str:
    """Return what is wrong with the weights, "" for nothing; a weight that is not given is 0."""
    if "Weights" not in given:
        return ""
    passing, warning = given["Weights"].get("Passing", 0), given["Weights"].get("Warning", 0)
    if passing < 1:
        return "Passing must be greater than 0"
    if warning < 0:
        return "Warning must be greater or equal than 0"
    if passing > WEIGHT_MAX or warning > WEIGHT_MAX:
        return f"DNS Weight must be between 0 and {WEIGHT_MAX}"
    return ""


def embedded_checks(given: dict[str, Any]) -> list[Check]:
    """Return the checks given with a service: ``Check`` first, unless it says nothing, then ``Checks``."""
    single = given.get("Check")
    found: list[Check] = [] if single is None or is_empty(single) else [("Check", single)]
    return found + [(f"Checks[{place}]", check) for place, check in enumerate(given.get("Checks", []))]


def check_embedded(settings: Settings, given: dict[str, Any], prefix: str) -> list[Check]:
    """Refuse a service's checks if one of them is wrong, and return them; ``prefix`` begins Consul's text.

    Raises:
        HttpError: 400.
    """
    checks = embedded_checks(given)
    for _, check in checks:
        wrong = problem(check)
        if wrong:
            raise HttpError(400, prefix + wrong)
    for place, check in checks:
        if check.get("Status", "") not in ("", *STATUSES):
            raise HttpError(400, _BAD_STATUS)
        check_tenancy(check)
        check_check_names(
            settings, check.get("CheckID", ""), check.get("Name", ""), f"{place}.CheckID", f"{place}.Name"
        )
    return checks


def check_check_names(
    settings: Settings, check_id: str, name: str, id_place: str = "ID", name_place: str = "Name"
) -> None:
    """Refuse a check's ID and name that can't be kept, and the ID of the registry's own check.

    Raises:
        HttpError: 400.
    """
    if check_id:
        check_name(settings, id_place, check_id)
    if name:
        check_name(settings, name_place, name)
    if fold(check_id) == _RESERVED_CHECK_KEY:
        raise HttpError(
            400, f'{id_place} "{RESERVED_CHECK}" is that of the node\'s own check, use another ID'
        )


def _check_tagged_addresses(given: dict[str, Any]) -> None:
    """Refuse tagged addresses of the wrong family; Consul does not look at ``wan_ipv6``."""
    tagged = given.get("TaggedAddresses", {})
    for label in ("lan_ipv4", "wan_ipv4", "lan_ipv6"):
        if label not in tagged:
            continue
        family = label.rpartition("_")[2]
        if ip_family(tagged[label].get("Address", "")) != family:
            raise HttpError(500, f'Service tagged address "{label}" must be a valid {family} address')


def ip_family(address: str) -> str:
    """Return ``ipv4`` or ``ipv6`` for an IP address, "" for anything else.

    An IPv4 address written as an IPv6 one counts as IPv4, and one with a zone is none (Go's net.ParseIP).
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return "ipv4"
    if parsed.scope_id is not None:
        return ""
    return "ipv4" if parsed.ipv4_mapped else "ipv6"
