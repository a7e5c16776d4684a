"""Small things a process asks of the kernel."""

import ctypes
import errno
import os
import resource
import signal
import socket
import stat

from registry.config import Address

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def die_with_parent(parent: int) -> None:
    """Have SIGTERM sent to this process when its parent ends, however it ends.

    Without it the workers of a killed supervisor would keep serving the port.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def settle_in(role: str, parent: int) -> None:
    """Make a freshly forked process what it is: named, ended with its parent, deaf to the terminal."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, f"registry-{role}".encode(), 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor, which tells us
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    die_with_parent(parent)


def raise_file_limit() -> int:
    """Raise the soft limit on open files to the hard one and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def no_core_dumps() -> None:
    """Keep the catalog's contents out of core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def port_problem(address: Address) -> str:
    """Say what keeps us from listening on an address, "" for nothing.

    The workers share the port with SO_REUSEPORT, under which a second registry would quietly get half
    of the connections; binding without it finds any other listener.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As for any server: connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"another program listens on {address}; stop it or choose another --http-addr"
            return f"can't listen on {address}: {error.strerror}"
    return ""


def listening_socket(port: int) -> socket.socket | None:
    """Return a duplicate of this process's listening socket on a port, None while there is none.

    Only sockets are duplicated: closing a duplicate of the store's lock file would drop its locks.
    """
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            duplicate = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        try:
            listens = duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and duplicate.family != socket.AF_UNIX and duplicate.getsockname()[1] == port:
                return duplicate
        except OSError:
            pass
        duplicate.close()
    return None


def keep_alive(listener: socket.socket, unread_s: float) -> None:
    """Notice peers that vanish without a word, and let go of those that take nothing of what was sent.

    Accepted connections inherit this from the listener. ``unread_s`` bounds how long data may lie
    unacknowledged: without it a client that has stopped reading keeps its socket and our buffer.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(unread_s * 1000))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
