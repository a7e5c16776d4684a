"""Starts that are refused, with one clear line each, and starts where the machine gives little."""

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from crash.connection import Connection, run
from harness.process import free_ports, wait_until
from store.disk import small_disk

from serve.conftest import MakeServer
from serve.support import refused_start


def test_a_data_folder_in_use_is_refused(make_server: MakeServer) -> None:
    server = make_server(workers=1)
    server.start()
    said = refused_start(server.data_dir, free_ports(1)[0])
    assert str(server.data_dir) in said
    assert f"in use by process {server.pid}" in said
    assert "--data-dir" in said
    assert server.client.get("/v1/status/leader").status == 200
    server.stop()


def test_a_port_in_use_is_refused(make_server: MakeServer, tmp_path: Path) -> None:
    server = make_server(workers=1)
    server.start()
    said = refused_start(tmp_path / "other", server.port)
    assert f"127.0.0.1:{server.port}" in said
    assert "--http-addr" in said
    server.stop()


def test_a_port_that_another_program_holds_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        assert f"another program listens on 127.0.0.1:{port}" in refused_start(tmp_path / "data", port)


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    said = refused_start(tmp_path / "data", 8500, "--http-addr", "192.0.2.1:8500")
    assert "192.0.2.1:8500" in said


def test_a_data_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    place = tmp_path / "file" / "below"
    said = refused_start(place, free_ports(1)[0])
    assert f"can't use the data folder {place}" in said
    assert "--data-dir" in said


def test_a_data_folder_that_cannot_be_made_is_refused() -> None:
    said = refused_start(Path("/proc/registry-data"), free_ports(1)[0])
    assert "can't use the data folder /proc/registry-data" in said


def test_a_data_folder_that_cannot_be_written_is_refused(make_server: MakeServer, tmp_path: Path) -> None:
    """New or with data in it: on a file system that is read-only."""
    server = make_server(workers=1)
    server.start()
    server.stop()
    with small_disk(tmp_path / "disk", 16) as disk:
        shutil.copytree(server.data_dir, disk / "used")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for place in (disk / "new", disk / "used"):
            said = refused_start(place, free_ports(1)[0])
            assert f"can't use the data folder {place}" in said
            assert "Read-only" in said


@pytest.mark.parametrize("damage", ["truncated", "emptied", "missing", "foreign"])
def test_damaged_data_is_refused_and_left_as_it_is(make_server: MakeServer, damage: str) -> None:
    server = make_server(workers=1)
    server.start()
    server.client.put("/v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1"})
    server.stop()
    data = server.data_dir / "store" / "data.mdb"
    if damage == "truncated":
        os.truncate(data, 3 * 4096)
    elif damage == "emptied":
        os.truncate(data, 0)
    elif damage == "missing":
        data.unlink()
    else:
        data.write_bytes(b"#!/bin/sh\n" * 5000)
    before = data.read_bytes() if data.exists() else None

    said = refused_start(server.data_dir, server.port)

    assert str(data) in said
    assert "restore the folder from a backup" in said
    assert (data.read_bytes() if data.exists() else None) == before


def test_only_a_proper_stop_spares_the_next_start_the_long_look(make_server: MakeServer) -> None:
    server = make_server(workers=2)
    note = server.data_dir / "store" / "closed"
    server.start()
    assert not note.exists()
    server.stop()
    assert note.exists()
    server.start()
    assert not note.exists()
    server.kill()
    assert not note.exists()


def test_damage_that_nothing_tells_of_is_found_by_loading(make_server: MakeServer) -> None:
    """The disk's own: the file is as old and as long as when the registry stopped properly."""
    server = make_server(workers=2)
    server.start()
    server.client.put("/v1/catalog/register", {"Node": "n1", "Address": "needle-in-the-data"})
    server.stop()
    data = server.data_dir / "store" / "data.mdb"
    times, whole = data.stat(), data.read_bytes()
    assert b"needle-in-the-data" in whole
    with data.open("r+b") as file:
        file.write(whole.replace(b"needle-in-the-data", b"needle-in-the-dara"))
    os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))

    server.start_without_waiting()
    ended = server.wait_for_end()

    assert ended == 1
    assert str(data) in server.output()
    assert "restore the folder from a backup" in server.output()


def test_settings_that_need_more_files_than_there_are_stop_the_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "registry", "serve", "--data-dir", str(tmp_path / "data")]
    command += ["--max-connections", "5000"]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400)),
    )
    assert ended.returncode == 2
    assert "max_connections" in ended.stderr
    assert "at most 300" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_few_files_are_few_connections_and_no_harm(make_server: MakeServer) -> None:
    """Past the connections that the files allow, clients wait until another goes; nobody is lost."""
    server = make_server(workers=1)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, before[1]))
    server._process.command[:0] = ["prlimit", "--nofile=400:400"]
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    async def scenario() -> None:
        idle = [await Connection.open(server.port) for _ in range(150)]
        served = [await ask(connection) for connection in idle[:90]]
        assert served == [200] * 90
        waiting = [asyncio.create_task(ask(connection)) for connection in idle[90:]]
        for connection in idle[:90]:
            connection.close()
        assert await asyncio.gather(*waiting) == [200] * 60

    async def ask(connection: Connection) -> int:
        return (await connection.request("GET", "/v1/catalog/nodes")).status

    run(scenario())
    wait_until(server.ready)
    server.stop()
