"""A process that holds many connections to a server, for a test whose own open files would not do.

    python crowd.py PORT IDLE PARKED TARGET

It opens IDLE connections, every second of which has had one answer, and PARKED further ones that ask
for TARGET and wait. It prints ``held`` when all have been opened, ``answered N`` when N of the waiting
ones have got an answer with status 200 and no more come, and ends when its input does.
"""

import resource
import select
import socket
import sys

PATIENCE_S = 20.0


def main(port: int, idle: int, parked: int, target: str) -> None:
    """Hold the crowd; see the module."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    resting = [opened(port) for _ in range(idle)]
    for connection in resting[::2]:
        ask(connection, "/v1/status/leader")
    for connection in resting[::2]:
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    waiting = [opened(port) for _ in range(parked)]
    for connection in waiting:
        ask(connection, target)
    print("held", flush=True)
    print("answered", count_answers(waiting), flush=True)
    sys.stdin.read()


def opened(port: int) -> socket.socket:
    """Return a new connection."""
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


def ask(connection: socket.socket, target: str) -> None:
    """Send a GET."""
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def count_answers(waiting: list[socket.socket]) -> int:
    """Return how many of the connections get an answer, waiting until all have or none comes any more."""
    poll = select.poll()
    by_number = {connection.fileno(): connection for connection in waiting}
    for number in by_number:
        poll.register(number, select.POLLIN)
    answered = 0
    while by_number:
        ready = poll.poll(PATIENCE_S * 1000)
        if not ready:
            break
        for number, _ in ready:
            poll.unregister(number)
            answered += by_number.pop(number).recv(65536).startswith(b"HTTP/1.1 200 ")
    return answered


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
