"""``registry checks``: every check with since when it stands as it does, or the history of one."""

import argparse
import json
import os
import sys
import time
from typing import Any

from registry.console.table import ago, aligned
from registry.console.target import AskFailed, Target, Trust, target

FAILED = 1
HEAD = ("NODE", "CHECK", "SERVICE", "KIND", "STATE", "SINCE", "LAST RUN", "LATENCY", "NEXT RUN", "OUTPUT")
HISTORY_HEAD = ("TIME", "WHEN", "FROM", "TO", "REASON")


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for and return the exit code."""
    flags = {name: getattr(arguments, name) for name in ("http_addr", "config") if hasattr(arguments, name)}
    try:
        asked = target(flags, Trust(arguments.ca_file, arguments.insecure))
        try:
            _print(asked, arguments)
        finally:
            asked.close()
    except AskFailed as error:
        print(f"registry: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Whoever read this has seen enough; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _print(asked: Target, arguments: argparse.Namespace) -> None:
    if arguments.history:
        found = _history(asked, arguments.history, arguments.node)
        text = _history_table(found) if not arguments.json else _json(found)
    else:
        checks = _checks(asked, arguments)
        text = _checks_table(checks) if not arguments.json else _json(checks)
    sys.stdout.write(text)
    sys.stdout.flush()


def _checks(asked: Target, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return all checks that fit, page by page."""
    checks: list[dict[str, Any]] = []
    params = {name: getattr(arguments, name) for name in ("service", "node", "state", "kind")}
    while True:
        page = asked.get("/v1/internal/checks", params)
        checks += page["Checks"]
        if not page["Next"]:
            return checks
        params["after"] = page["Next"]


def _history(asked: Target, check: str, node: str) -> Any:
    """Return a check's history; what stands before a slash is a node unless it belongs to an ID here."""
    try:
        return asked.get("/v1/internal/check-history", {"check": check, "node": node})
    except AskFailed as error:
        before, slash, after = check.partition("/")
        if error.status != 404 or not slash or node:
            raise
    return asked.get("/v1/internal/check-history", {"check": after, "node": before})


def _checks_table(checks: list[dict[str, Any]]) -> str:
    now_s = time.time()
    rows = [
        (
            check["Node"],
            check["CheckID"],
            check["ServiceName"] or "-",
            check["Kind"] or "-",
            check["Status"],
            ago(check["Since"], now_s),
            ago(check["LastRun"], now_s),
            "-" if check["LatencyMs"] is None else f"{check['LatencyMs']:.1f} ms",
            ago(check["NextRun"], now_s),
            check["Output"],
        )
        for check in checks
    ]
    return aligned(HEAD, rows)


def _history_table(found: dict[str, Any]) -> str:
    now_s = time.time()
    rows = [
        (
            line["Time"],
            ago(line["Time"], now_s),
            line["From"] or "new",
            line["To"],
            _first_line(line["Reason"]),
        )
        for line in found["History"]
    ]
    title = f"{found['CheckID']} on {found['Node']}: {found['Status']}, since {ago(found['Since'], now_s)}"
    return f"{title}\n\n" + aligned(HISTORY_HEAD, rows)


def _first_line(text: str) -> str:
    return text.lstrip().partition("\n")[0]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
