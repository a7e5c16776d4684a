"""What is counted: ``python -m bench.gate.drive NAME=TIMES ...`` does each of the named so many times.

The names are ``reference``, ``lookup``, and any ``module:class`` of an application to drive instead of
the registry's own, with `App`'s arguments. Everything is driven in this process, on a real store, without
a server: what an extension module's threads would do has no place in the count.
"""

import gc
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.parts.reference import interpret
from bench.parts.world import Surroundings, at_once, get, receive, send
from bench.population import PER_SERVICE, even
from registry.asgi import App

REFERENCE, LOOKUP = "reference", "lookup"
WARM_UP = 50


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    with tempfile.TemporaryDirectory(prefix="gate-") as root:
        work = []
        for number, argument in enumerate(arguments):
            name, _, times = argument.rpartition("=")
            folder = Path(root) / str(number)
            folder.mkdir()
            work.append((_piece(name, folder), int(times)))
        for piece, _ in work:
            for _ in range(WARM_UP):
                piece()
        gc.disable()
        for piece, count in work:
            for _ in range(count):
                piece()


def _piece(name: str, folder: Path) -> Callable[[], object]:
    if name == REFERENCE:
        return interpret
    application = App
    if name != LOOKUP:
        module, _, cls = name.partition(":")
        application = getattr(importlib.import_module(module), cls)
    surroundings = Surroundings(folder, application)
    surroundings.register(even(1))
    app, scope = surroundings.app, get(b"/v1/health/service/svc-0000", b"passing")
    sent: list[bytes] = []

    async def keep(event: dict[str, object]) -> None:
        body = event.get("body")
        if isinstance(body, bytes):
            sent.append(body)

    for _ in range(2):
        at_once(app(scope, receive, keep))
    if [body.count(b'"Service":{') for body in sent] != [PER_SERVICE] * 2:
        raise SystemExit(f"expected {PER_SERVICE} instances in each of two answers, found {sent!r}")
    return lambda: at_once(app(scope, receive, send))


if __name__ == "__main__":
    main(sys.argv[1:])
