"""nginx as a peer: one worker process that answers one constant, headers and all.

It shows what a server in C reaches on the machine beside the same load generator. The body is a file in
its open file cache: a configuration can't hold a large one.
"""

import os
import shutil
import subprocess
from pathlib import Path

from bench.bare import ADDED_BY_SERVER
from bench.process import Process, free_ports
from bench.servers import Reply, Server

MISSING = "nginx was not measured: it is not installed; on Debian and Ubuntu: apt-get install nginx-light"

_OWN = ADDED_BY_SERVER | {b"content-type", b"accept-ranges", b"x-request-id"}

_CONFIGURATION = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
{user}
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    etag off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=10 inactive=1h;
    open_file_cache_valid 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ }}
    default_type "{content_type}";
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder};
        location / {{
            rewrite ^ /answer break;
            max_ranges 0;
            add_header Last-Modified "";
            {headers}
        }}
    }}
}}
"""


def binary() -> str | None:
    """Return the path of nginx, None if it is not there; it is often outside of a user's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def version() -> str:
    """Return its version; it must be there."""
    shown = subprocess.run([binary() or "", "-v"], capture_output=True, text=True, check=True, timeout=10)
    return shown.stderr.strip().rpartition("/")[2]


def nginx(folder: Path, like: Reply) -> Server:
    """Start nginx on an answer like this one; it may not answer yet."""
    program = binary()
    assert program is not None
    (port,) = free_ports(1)
    (folder / "answer").write_bytes(like.body)
    given = {name: value.decode() for name, value in like.headers}
    added = [(name.decode(), value.decode()) for name, value in like.headers if name not in _OWN]
    added.append(("X-Request-Id", "$request_id"))
    (folder / "nginx.conf").write_text(
        _CONFIGURATION.format(
            folder=folder,
            port=port,
            # Started as root it would give up the right to read a folder of root's.
            user="user root;" if os.geteuid() == 0 else "",
            content_type=given.get(b"content-type", "application/json"),
            headers="\n            ".join(f"add_header {name} '{value}';" for name, value in added),
        )
    )
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Server("nginx", port, Process(command, folder / "nginx.log"))
