"""What a process asks of the kernel, and what it must not disturb while doing so."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from harness.process import alive, free_ports, wait_until

from registry.config import Address
from registry.serve.process import keep_alive, listening_socket, port_problem
from registry.store.engine import Engine, Limits
from registry.store.layout import DataFolder


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def locks_on(file: Path) -> int:
    return Path("/proc/locks").read_text().count(f":{file.stat().st_ino} ")


def test_the_listening_socket_is_found_and_nothing_else_is_touched(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.prepare()
    engine = Engine(folder, Limits())
    engine.facts()
    before, held = open_files(), locks_on(folder.store / "lock.mdb")
    assert held == 2
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for _ in range(5):
            found = listening_socket(port)
            assert found is not None
            assert found.getsockname() == server.getsockname()
            found.close()
        with socket.create_connection(("127.0.0.1", port)):
            assert listening_socket(free_ports(1)[0]) is None
    assert listening_socket(port) is None
    assert open_files() == before
    assert locks_on(folder.store / "lock.mdb") == held, "the store's own locks were dropped"
    engine.close()


def test_accepted_connections_notice_that_their_peer_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        keep_alive(server, 30.0)
        with socket.create_connection(server.getsockname()):
            accepted, _ = server.accept()
            with accepted:
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000


def test_a_free_port_is_no_problem() -> None:
    (port,) = free_ports(1)
    assert port_problem(Address("127.0.0.1", port)) == ""


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_in_use_is_a_problem_even_when_it_is_shared(shared: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=shared) as server:
        address = Address("127.0.0.1", server.getsockname()[1])
        assert "another program listens" in port_problem(address)
    assert port_problem(address) == ""


def test_connections_that_are_closing_are_no_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("127.0.0.1", server.getsockname()[1])
        with socket.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
    assert port_problem(address) == ""


CHILD = """
import os, signal, sys
from registry.serve.process import die_with_parent
parent = int(sys.argv[1]) or os.getppid()
die_with_parent(parent)
print("lives", flush=True)
signal.pause()
"""

PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}, "0"], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_a_process_ends_with_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    wait_until(lambda: not alive(child), what="the end of the child")


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    ended = subprocess.run([sys.executable, "-c", CHILD, "1"], timeout=20, check=False)
    assert ended.returncode == -signal.SIGTERM
