"""All definition files, found to be right as a whole by the rules that the API's requests have to keep."""

import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from registry.api.agent.check_limit import refuse_too_many
from registry.api.agent.check_register import check_definition
from registry.api.agent.check_types import problem, refuse_scripts
from registry.api.agent.registration import ServiceRegistration
from registry.api.agent.service_rules import embedded_checks
from registry.api.files.document import Definition, read_file
from registry.api.files.folder import FileProblem, read_folder
from registry.catalog.rows import fold
from registry.config import SettingError, Settings
from registry.http.errors import HttpError


class SingleCheck(NamedTuple):
    """A check that stands for itself.

    Attributes:
        id: its ID.
        given: its definition.
        service_id: the ID of the service that it is of, "" for the node.
    """

    id: str
    given: dict[str, Any]
    service_id: str


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the definition files register.

    Attributes:
        reading: differs from one reading of the files to the next; "" when there is no folder.
        files: how many there are.
        services: with the checks and sidecars in them.
        checks: the others.
    """

    reading: str
    files: int
    services: tuple[ServiceRegistration, ...]
    checks: tuple[SingleCheck, ...]


NO_DEFINITIONS = Definitions("", 0, (), ())


def read_definitions(settings: Settings) -> Definitions:
    """Read the definition files, if there is a folder of them.

    Raises:
        SettingError: a file is wrong; the text names it, the place in it, and what was expected there.
    """
    folder = settings.definitions_dir
    if folder is None:
        return NO_DEFINITIONS
    try:
        return _Reading(settings).read(folder)
    except FileProblem as wrong:
        origin = settings.origins["definitions_dir"]
        # Names of files may hold bytes that are no text.
        path = str(wrong.path).encode("utf-8", "backslashreplace").decode()
        raise SettingError("definitions_dir", origin, f"{path}: {wrong}") from None


class _Reading:
    """One reading of the files: what was found so far, and where."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._services: dict[str, Definition] = {}
        self._checks: dict[str, Definition] = {}
        self._count: Counter[str] = Counter()
        self._registrations: list[ServiceRegistration] = []

    def read(self, folder: Path) -> Definitions:
        """Read all there are; a check may belong to a service of a later file."""
        singles: list[Definition] = []
        files = 0
        for path, text in read_folder(self._settings, folder):
            services, checks = read_file(path, text)
            for service in services:
                self._add_service(service)
            singles += checks
            files += 1
        checks_read = tuple(self._add_check(single) for single in singles)
        return Definitions(uuid.uuid4().hex, files, tuple(self._registrations), checks_read)

    def _add_service(self, service: Definition) -> None:
        for place, check in embedded_checks(service.given):
            self._look_at(service, check, place.lower())
        try:
            registration = ServiceRegistration.of(self._settings, service.given, from_file=True)
        except HttpError as refused:
            raise service.problem(refused) from None
        self._registrations.append(registration)
        row = registration.service
        _once(self._services, row.id, service, "service")
        if registration.sidecar is not None:
            _once(self._services, registration.sidecar["ID"], service, "service")
        for check_row in registration.checks:
            _once(self._checks, check_row.id, service, "check")
            self._bind(row.id, service)

    def _look_at(self, service: Definition, check: dict[str, Any], place: str) -> None:
        """Refuse what a service's registration would refuse too, but without the check's place."""
        wrong = problem(check)
        if wrong:
            raise service.problem(wrong, place)
        try:
            refuse_scripts(self._settings, check, from_file=True)
        except HttpError as refused:
            raise service.problem(refused, place) from None

    def _add_check(self, check: Definition) -> SingleCheck:
        given = check.given
        try:
            check_definition(self._settings, given)
            refuse_scripts(self._settings, given, from_file=True)
        except HttpError as refused:
            raise check.problem(refused) from None
        check_id, service_id = given.get("ID") or given["Name"], given.get("ServiceID", "")
        if service_id and fold(service_id) not in self._services:
            raise check.problem(
                f'ServiceID "{service_id}" does not exist; expected the ID of a service of these files'
            )
        _once(self._checks, check_id, check, "check")
        self._bind(service_id, check)
        return SingleCheck(check_id, given, service_id)

    def _bind(self, service_id: str, definition: Definition) -> None:
        self._count[fold(service_id)] += 1
        try:
            refuse_too_many(self._settings, self._count[fold(service_id)])
        except HttpError as refused:
            raise definition.problem(refused) from None


def _once(known: dict[str, Definition], name: str, definition: Definition, kind: str) -> None:
    """Refuse an ID that two definitions give; in Consul one of them wins in silence."""
    other = known.get(fold(name))
    if other is not None:
        raise definition.problem(
            f'{kind} ID "{name}" is defined twice, first by {other.place} of {other.path.name}'
        )
    known[fold(name)] = definition
