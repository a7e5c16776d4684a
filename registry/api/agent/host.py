"""/v1/agent/host: the machine that the registry runs on, as far as it tells without a library."""

import asyncio
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry.api.world import World
from registry.http.request import Request, Response
from registry.http.routing import WriteRoute
from registry.wire.encode import dumps, pretty

PROC = Path("/proc")
KIB = 1024

_CPU_FIELDS = {
    "vendor_id": "vendorId",
    "cpu family": "family",
    "model": "model",
    "physical id": "physicalId",
    "core id": "coreId",
    "model name": "modelName",
}


async def host(request: Request[World]) -> Response:
    """Answer figures of the machine; what can't be read is named under ``Errors``."""
    world = request.world
    body = dumps(await asyncio.to_thread(collect, world.settings.data_dir, int(world.now_s() * 1e9)))
    return Response(pretty(body) if "pretty" in request.params else body, content_type=b"application/json")


def collect(data_dir: Path, now_ns: int, proc: Path = PROC) -> dict[str, Any]:
    """Return the figures; it reads files, so it belongs into a thread."""
    parts: dict[str, Callable[[], Any]] = {
        "Memory": lambda: memory(proc),
        "CPU": lambda: cpu(proc),
        "Host": lambda: machine(proc, now_ns),
        "Disk": lambda: disk(data_dir),
    }
    found: dict[str, Any] = {}
    errors: list[str] = []
    for name, read in parts.items():
        try:
            found[name] = read()
        except (OSError, ValueError, KeyError) as error:
            found[name] = None
            errors.append(f"{name}: {error}")
    return found | {"CollectionTime": now_ns, "Errors": errors or None}


def memory(proc: Path) -> dict[str, Any]:
    """Return the machine's memory in bytes."""
    lines = [line.split() for line in (proc / "meminfo").read_text().splitlines()]
    kib = {words[0].rstrip(":"): int(words[1]) for words in lines}
    total, available = kib["MemTotal"] * KIB, kib["MemAvailable"] * KIB
    return {
        "total": total,
        "available": available,
        "used": total - available,
        "usedPercent": 100 * (total - available) / total,
        "free": kib["MemFree"] * KIB,
        "buffers": kib["Buffers"] * KIB,
        "cached": kib["Cached"] * KIB,
        "swaptotal": kib["SwapTotal"] * KIB,
        "swapfree": kib["SwapFree"] * KIB,
    }


def cpu(proc: Path) -> list[dict[str, Any]]:
    """Return the machine's processors."""
    found = []
    for block in (proc / "cpuinfo").read_text().split("\n\n"):
        pairs = dict(line.partition(":")[::2] for line in block.splitlines())
        given = {name.strip(): value.strip() for name, value in pairs.items()}
        if "processor" in given:
            shown: dict[str, Any] = {"cpu": int(given["processor"])}
            shown |= {to: given[name] for name, to in _CPU_FIELDS.items() if name in given}
            shown["mhz"] = float(given.get("cpu MHz", 0))
            found.append(shown)
    return found


def machine(proc: Path, now_ns: int) -> dict[str, Any]:
    """Return name, age and system of the machine."""
    uptime_s = float((proc / "uptime").read_text().split()[0])
    return {
        "hostname": platform.node(),
        "uptime": int(uptime_s),
        "bootTime": int(now_ns / 1e9 - uptime_s),
        "procs": sum(entry.name.isdigit() for entry in proc.iterdir()),
        "os": platform.system().lower(),
        "kernelVersion": platform.release(),
        "kernelArch": platform.machine(),
    }


def disk(data_dir: Path) -> dict[str, Any]:
    """Return the room on the disk that holds the data, in bytes."""
    facts = os.statvfs(data_dir)
    total, free = facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize
    used = (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    return {
        "path": str(data_dir),
        "total": total,
        "free": free,
        "used": used,
        "usedPercent": 100 * used / (used + free) if used + free else 0,
        "inodesTotal": facts.f_files,
        "inodesFree": facts.f_ffree,
        "inodesUsed": facts.f_files - facts.f_ffree,
    }


ROUTES = (
    WriteRoute(
        path="/v1/agent/host",
        handler=host,
        method="GET",
        summary="The machine that this runs on",
        right="operator:read",
    ),
)
