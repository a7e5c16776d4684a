"""Killed at any moment of a start, the first included, it starts the next time."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serve.support import Server

KILLS = 4
LONGEST_S = 0.8
"""About what a start takes here."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, workers=2)
    yield made
    made.close()


def kill_while_starting(server: Server, rng: random.Random) -> None:
    for _ in range(KILLS):
        server.start_without_waiting()
        time.sleep(rng.uniform(0, LONGEST_S))
        server.kill()


@pytest.mark.crash
def test_the_first_start_can_be_cut_off_anywhere(server: Server, rng: random.Random) -> None:
    kill_while_starting(server, rng)
    server.start()
    body = {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": "web"}}
    assert server.client.put("/v1/catalog/register", body).status == 200
    index = server.client.get("/v1/catalog/nodes").index
    server.kill()

    kill_while_starting(server, rng)
    server.start()
    assert server.client.get("/v1/catalog/nodes").index >= index
    assert [it["ServiceName"] for it in server.client.get("/v1/catalog/service/web").json] == ["web"]
    server.stop()
