"""Every setting, declared once.

The name of a field is the setting's name: its flag (``--http-addr``), its environment variable
(``REGISTRY_HTTP_ADDR``) and its key in the file (``http_addr``) follow from it. The reference in
``docs/configuration.md`` and the help of the command line are made from these declarations.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_type_hints

from registry.config.address import Address
from registry.config.check_settings import CheckSettings
from registry.config.definition_settings import DefinitionSettings
from registry.config.guard_settings import GuardSettings
from registry.config.insight_settings import InsightSettings
from registry.config.kinds import (
    address,
    choice,
    derived,
    duration,
    folder,
    host,
    host_names,
    integer,
    label,
    pattern,
    readable_file,
    size,
)
from registry.config.setting import Setting

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40

_SERVER, _IDENTITY, _REQUESTS = "Server", "Identity", "Requests"
_STORE, _CATALOG = "Store", "Limits of what is registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(DefinitionSettings, GuardSettings, InsightSettings, CheckSettings):
    """The settings in effect. Sizes are in bytes and time spans in seconds.

    `registry.config.load` makes them; nothing in them is left to be derived.

    Attributes:
        origins: for each setting, where its value came from, in words.
        flags: the flags it was made from.
        environ: the environment it was made from.
    """

    http_addr: Annotated[
        Address,
        Setting(
            _SERVER,
            "127.0.0.1:8500",
            address(),
            "Where the HTTP API is served. 0.0.0.0 or [::] stands for every address of the machine. Whoever "
            "reaches the API may change everything in it, so the default is open to this machine only.",
        ),
    ]
    data_dir: Annotated[
        Path,
        Setting(
            _SERVER,
            "./data",
            folder(),
            "The folder with everything that has to survive a restart. It is made with mode 0700 if it is "
            "missing, and only one registry can use it at a time.",
        ),
    ]
    workers: Annotated[
        int,
        Setting(
            _SERVER,
            "auto",
            derived(integer(1, 64), "auto", "one for each core, and at least 2"),
            "The number of processes that answer requests. Each has the whole catalog in its own memory; of "
            "several, the others carry on while one is being replaced.",
        ),
    ]
    http_mode: Annotated[
        str,
        Setting(
            _SERVER,
            "http1",
            choice("http1", "auto"),
            "The HTTP versions spoken: http1 is HTTP/1.1 only, auto adds HTTP/2. HTTP/2 doubles the memory "
            "of each waiting request, and a connection that never sends anything is then never closed.",
        ),
    ]
    tls_cert: Annotated[
        Path | None,
        Setting(
            _SERVER,
            "",
            derived(readable_file(), "", "no TLS"),
            "The certificate chain to serve HTTPS with, in PEM form, the server's own certificate first. "
            "It needs tls_key beside it; with both set, plain HTTP is no longer answered. A reload "
            "reads both files again.",
        ),
    ]
    tls_key: Annotated[
        Path | None,
        Setting(
            _SERVER,
            "",
            derived(readable_file(), "", "no TLS"),
            "The private key of tls_cert, in PEM form and not encrypted.",
        ),
    ]
    allowed_hosts: Annotated[
        tuple[str, ...],
        Setting(
            _SERVER,
            "",
            host_names(),
            "Further names that requests may call this server by. While it listens on a loopback address, "
            "only loopback names, IP addresses, the node name and these are accepted in the Host header, so "
            "that a web page can't reach it through a name of its own; on other addresses any name is.",
            live=True,
        ),
    ]
    log_level: Annotated[
        str,
        Setting(
            _SERVER,
            "info",
            choice("debug", "info", "warning", "error"),
            "The least important messages that are still logged.",
            live=True,
        ),
    ]
    backlog: Annotated[
        int,
        Setting(
            _SERVER,
            "8192",
            integer(1, 65535),
            "How many new connections may wait to be accepted by each worker. The kernel silently caps it "
            "at net.core.somaxconn.",
            live=True,
        ),
    ]
    max_connections: Annotated[
        int,
        Setting(
            _SERVER,
            "auto",
            derived(integer(1, 1_000_000), "auto", "the limit on open files less 1000, and at least 100"),
            "How many connections each worker holds open, idle ones included. Past it new ones wait "
            "unanswered, so it should be more than ever needed; each takes an open file, and at least "
            "100 files have to remain for the rest.",
            live=True,
        ),
    ]
    keep_alive: Annotated[
        float,
        Setting(
            _SERVER,
            "2m",
            duration(1, 3600),
            "How long an idle connection is kept, and how long a client may take to send the head of a "
            "request. It should be longer than clients keep connections in their pools.",
            live=True,
        ),
    ]
    drain_timeout: Annotated[
        float,
        Setting(
            _SERVER,
            "8s",
            duration(0.1, 10),
            "How long a stop waits for requests under way before it cuts them off.",
            live=True,
        ),
    ]
    scheduling: Annotated[
        str,
        Setting(
            _SERVER,
            "batch",
            choice("batch", "normal"),
            "Whether the threads of a worker wait for a free core when they are woken (batch) or interrupt "
            "who runs there (normal). Batch answers more, cached lookups half as many again, where the "
            "registry itself keeps the cores busy. Normal is for machines whose cores other programs keep "
            "busy: lookups then wait less for those.",
            live=True,
        ),
    ]
    node_name: Annotated[
        str,
        Setting(
            _IDENTITY,
            "",
            derived(label(128), "", "the host's name"),
            "The name of the node that services registered through the agent endpoints belong to. "
            "Set it where host names do not last, as in containers.",
            other="node",
        ),
    ]
    node_address: Annotated[
        str,
        Setting(
            _IDENTITY,
            "",
            derived(host(), "", "the address of http_addr, or 127.0.0.1 where that is every address"),
            "The address of that node, which clients connect to when a service gives none of its own.",
        ),
    ]
    datacenter: Annotated[
        str,
        Setting(
            _IDENTITY,
            "dc1",
            pattern("[a-z0-9_-]{1,64}", "1 to 64 characters of a-z, 0-9, - and _"),
            "The name of the datacenter. Requests that ask for another are refused.",
        ),
    ]
    default_query_time: Annotated[
        float,
        Setting(
            _REQUESTS,
            "5m",
            duration(0.01, 86400),
            "How long a blocking query waits for a change when it does not say.",
            live=True,
        ),
    ]
    max_query_time: Annotated[
        float,
        Setting(
            _REQUESTS,
            "10m",
            duration(0.01, 86400),
            "The longest time a blocking query may wait. Queries that ask for more get this much.",
            live=True,
        ),
    ]
    max_waiters: Annotated[
        int,
        Setting(
            _REQUESTS,
            "auto",
            derived(
                integer(1, 1_000_000), "auto", "20000, or nine tenths of max_connections if that is less"
            ),
            "How many blocking queries each worker lets wait. Past it they are refused with 429. Over "
            "HTTP/1.1 each holds a connection, so a bound above max_connections is an error: the server "
            "would fall silent before it was reached.",
            live=True,
        ),
    ]
    max_body_bytes: Annotated[
        int,
        Setting(
            _REQUESTS,
            "1MiB",
            size(KIB, 64 * MIB),
            "The largest request body. Larger ones are refused with 413, before they are read where their "
            "length is known.",
            live=True,
        ),
    ]
    body_timeout: Annotated[
        float,
        Setting(
            _REQUESTS,
            "30s",
            duration(0.1, 600),
            "How long a client may take to send a whole request body.",
            live=True,
        ),
    ]
    write_timeout: Annotated[
        float,
        Setting(
            _REQUESTS,
            "30s",
            duration(0.1, 600),
            "How long a client may take to accept the next piece of a large answer.",
            live=True,
        ),
    ]
    max_query_bytes: Annotated[
        int,
        Setting(
            _REQUESTS,
            "16KiB",
            size(256, 62 * KIB),
            "The longest query string.",
            live=True,
        ),
    ]
    max_filter_bytes: Annotated[
        int,
        Setting(
            _REQUESTS,
            "8KiB",
            size(256, 62 * KIB),
            "The longest filter expression.",
            live=True,
        ),
    ]
    answer_cache_bytes: Annotated[
        int,
        Setting(
            _REQUESTS,
            "64MiB",
            size(MIB, TIB),
            "The memory in which each worker keeps finished answers. The least recently used make room.",
            live=True,
        ),
    ]
    map_size: Annotated[
        int,
        Setting(
            _STORE,
            "64GiB",
            size(MIB, 16 * TIB),
            "The address space reserved for the store. It takes neither memory nor disk; make it smaller "
            "only where address space is limited.",
        ),
    ]
    max_size: Annotated[
        int,
        Setting(
            _STORE,
            "auto",
            derived(size(64 * KIB, 16 * TIB), "auto", "a quarter of map_size"),
            "How much data the store may hold, at most map_size. Past it writes that add are refused, while "
            "reads and deletes go on.",
            live=True,
        ),
    ]
    warn_size: Annotated[
        int,
        Setting(
            _STORE,
            "auto",
            derived(size(64 * KIB, 16 * TIB), "auto", "half of max_size"),
            "The amount of stored data, at most max_size, at which the registry starts to warn.",
            live=True,
        ),
    ]
    log_max_entries: Annotated[
        int,
        Setting(
            _STORE,
            "100000",
            integer(1, 100_000_000),
            "How many changes the store's log keeps. A worker further behind reads everything anew.",
            live=True,
        ),
    ]
    log_max_age: Annotated[
        float,
        Setting(
            _STORE,
            "1h",
            duration(1, 30 * 86400),
            "How long the store's log keeps a change.",
            live=True,
        ),
    ]
    commit_batch_max: Annotated[
        int,
        Setting(
            _STORE,
            "512",
            integer(1, 10_000),
            "How many changes are written to disk together at most. Larger batches raise the rate of writes "
            "under load and the time that a single one waits.",
            live=True,
        ),
    ]
    max_services: Annotated[
        int,
        Setting(
            _CATALOG,
            "2000000",
            integer(1, 100_000_000),
            "How many service instances may be registered. Each takes memory in every worker.",
            live=True,
        ),
    ]
    max_name_bytes: Annotated[
        int,
        Setting(
            _CATALOG,
            "255",
            integer(16, 255),
            "The longest name or id of a node, service or check, in bytes of UTF-8. Two of them and a byte "
            "between have to fit a key of the store, which holds 511.",
            live=True,
        ),
    ]
    max_tags: Annotated[
        int,
        Setting(_CATALOG, "256", integer(0, 100_000), "How many tags a service may have.", live=True),
    ]
    max_tag_bytes: Annotated[
        int,
        Setting(_CATALOG, "1KiB", size(1, MIB), "The longest tag, in bytes of UTF-8.", live=True),
    ]
    max_meta_pairs: Annotated[
        int,
        Setting(
            _CATALOG,
            "64",
            integer(0, 10_000),
            "How many metadata pairs a node or service may have. 64 is Consul's own limit.",
            live=True,
        ),
    ]
    max_checks_per_service: Annotated[
        int,
        Setting(_CATALOG, "64", integer(0, 10_000), "How many checks a service may have.", live=True),
    ]
    max_output_bytes: Annotated[
        int,
        Setting(
            _CATALOG,
            "4KiB",
            size(1, MIB),
            "How much of a check's output is kept, in bytes of UTF-8.",
            live=True,
        ),
    ]
    origins: Mapping[str, str] = field(compare=False, repr=False)
    flags: Mapping[str, str] = field(compare=False, repr=False)
    environ: Mapping[str, str] = field(compare=False, repr=False)


def _declared() -> dict[str, Setting]:
    hints = get_type_hints(Settings, include_extras=True)
    own_first = sorted(hints, key=lambda name: name not in Settings.__annotations__)
    found = {}
    for name, hint in ((name, hints[name]) for name in own_first):
        for note in getattr(hint, "__metadata__", ()):
            found[name] = dataclasses.replace(note, name=name)
    return found


DECLARED: Mapping[str, Setting] = _declared()
"""The declarations by name, in the order in which they are shown."""
