"""What people see of running checks: history, live figures, metrics; also when processes are killed."""

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
from harness.process import wait_until
from harness.server import RegistryServer
from prometheus_client.parser import text_string_to_metric_families

Json = dict[str, Any]


class Flapping:
    """An HTTP server that answers one request well and the next with an error."""

    def __init__(self) -> None:
        self.asked = 0
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target.asked += 1
                self.send_response(200 if target.asked % 2 else 500)
                self.end_headers()
                self.wfile.write(b"answer %d" % target.asked)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def flapping() -> Iterator[Flapping]:
    made = Flapping()
    yield made
    made.end()


def register(server: RegistryServer, name: str, **check: Any) -> None:
    reply = server.client.put("/v1/agent/service/register", {"Name": name, "Check": check})
    assert reply.status == 200, reply.text


def history(server: RegistryServer, check: str) -> list[Json]:
    reply = server.client.get(f"/v1/internal/check-history?check={check}")
    assert reply.status == 200, reply.text
    lines: list[Json] = reply.json["History"]
    return lines


def statuses(server: RegistryServer, check: str) -> list[str]:
    return [line["To"] for line in history(server, check)]


def seen(server: RegistryServer, service: str) -> Json:
    (check,) = server.client.get(f"/v1/internal/checks?service={service}").json["Checks"]
    found: Json = check
    return found


def counted(server: RegistryServer) -> dict[tuple[str, ...], float]:
    """Return all samples by name and labels."""
    text = server.client.get("/v1/agent/metrics?format=prometheus").text
    return {
        (sample.name, *[value for _, value in sorted(sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_flapping_target_has_its_changes_with_reasons_in_order_over_kills(
    server: RegistryServer, flapping: Flapping
) -> None:
    register(server, "web", HTTP=flapping.url, Interval="1s")
    wait_until(lambda: len(history(server, "service:web")) >= 4, 20)
    before = history(server, "service:web")

    assert (before[0]["From"], before[0]["To"], before[0]["Reason"]) == ("", "critical", "registered")
    for number, line in enumerate(before[1:], 1):
        code = "200 OK" if number % 2 else "500 Internal Server Error"
        assert line["To"] == ("passing" if number % 2 else "critical")
        assert line["Reason"] == f"HTTP GET {flapping.url}: {code} Output: answer {number}"
    assert all(one["To"] == two["From"] and one["Time"] <= two["Time"] for one, two in pairwise(before))

    os.kill(server.keeper_pid(), signal.SIGKILL)
    wait_until(lambda: len(history(server, "service:web")) >= len(before) + 2, 20)
    server.kill()
    server.start()

    after = history(server, "service:web")
    assert after[: len(before)] == before
    assert all(one["To"] == two["From"] for one, two in pairwise(after))
    check = server.client.get("/v1/health/checks/web").json[0]
    wait_until(lambda: statuses(server, "service:web")[-1] == seen(server, "web")["Status"], 10)
    assert check["CheckID"] == "service:web"


def test_history_has_what_anybody_does_to_any_check(server: RegistryServer) -> None:
    def set_other(status: str, output: str) -> None:
        body = {
            "Node": "other",
            "Address": "10.0.0.1",
            "Check": {"CheckID": "disk", "Name": "disk", "Status": status, "Output": output},
        }
        assert server.client.put("/v1/catalog/register", body).status == 200

    register(server, "web", TTL="10m")
    server.client.put("/v1/agent/check/warn/service:web?note=by+hand")
    set_other("passing", "empty")
    set_other("passing", "half full")
    set_other("critical", "full")

    def other() -> list[Json]:
        reply = server.client.get("/v1/internal/check-history?check=DISK&node=Other")
        assert reply.status == 200, reply.text
        lines: list[Json] = reply.json["History"]
        return lines

    wait_until(lambda: len(other()) == 2)
    wait_until(lambda: len(history(server, "service:web")) == 2)

    assert [(line["From"], line["To"], line["Reason"]) for line in other()] == [
        ("", "passing", "empty"),
        ("passing", "critical", "full"),
    ]
    assert history(server, "service:web")[-1]["Reason"] == "by hand"
    listed = server.client.get("/v1/internal/checks?node=other").json["Checks"]
    assert [(check["CheckID"], check["Since"]) for check in listed] == [("disk", other()[-1]["Time"])]
    assert {listed[0][name] for name in ("LastRun", "NextRun", "LatencyMs")} == {None}

    assert server.client.put("/v1/catalog/deregister", {"Node": "other"}).status == 200
    assert server.client.get("/v1/internal/check-history?check=disk&node=other").status == 404


def test_the_history_moves_no_index_and_wakes_nobody(server: RegistryServer) -> None:
    register(server, "web", TTL="10m")
    server.client.put("/v1/agent/check/pass/service:web")
    index = server.client.get("/health").json["store"]["index"]
    wait_until(lambda: len(history(server, "service:web")) == 2)

    assert server.client.get("/health").json["store"]["index"] == index


def test_live_figures_of_a_probe_go_on_over_a_killed_keeper(
    server: RegistryServer, flapping: Flapping
) -> None:
    register(server, "web", HTTP=flapping.url, Interval="1s")
    register(server, "lazy", TCP="127.0.0.1:1", Interval="24h")

    def ran(runs: int) -> Json | None:
        found = seen(server, "web")
        return found if found["Runs"] >= runs else None

    first = wait_until(lambda: ran(2), 20)
    assert first is not None
    assert first["Kind"] == "http"
    assert first["LastRun"] < first["NextRun"]
    assert 0 < first["LatencyMs"] < 30_000
    assert first["LastResult"] in ("passing", "critical")
    never = seen(server, "lazy")
    assert (never["Runs"], never["LastRun"], never["LatencyMs"]) == (0, None, None)
    assert never["NextRun"] > first["LastRun"]

    os.kill(server.keeper_pid(), signal.SIGKILL)

    left = seen(server, "web")
    assert left["Runs"] >= first["Runs"], "what the dead keeper saw is still shown"
    assert left["LastRun"] is not None
    asked = flapping.asked
    wait_until(lambda: flapping.asked > asked, 20)
    second = wait_until(lambda: ran(first["Runs"] + 1), 20)
    assert second is not None
    assert second["LastRun"] > first["LastRun"]

    server.client.put("/v1/agent/service/deregister/web")
    assert server.client.get("/v1/internal/checks?service=web").json == {"Checks": [], "Next": ""}


def test_a_ttl_check_shows_its_last_heartbeat_and_when_it_expires(server_factory: Any) -> None:
    server = server_factory(workers=2)
    register(server, "web", TTL="1h")
    wait_until(lambda: seen(server, "web")["NextRun"])
    before = seen(server, "web")
    assert before["LastRun"] is None

    for _ in range(20):
        assert server.client.put("/v1/agent/check/pass/service:web").status == 200
    found = seen(server, "web")

    assert found["Kind"] == "ttl"
    assert found["LastRun"] is not None
    assert found["NextRun"] > before["NextRun"]
    assert found["LatencyMs"] is None


def test_counters_do_not_fall_when_the_keeper_is_replaced(server: RegistryServer, flapping: Flapping) -> None:
    register(server, "web", HTTP=flapping.url, Interval="1s")
    register(server, "silent", TTL="1s")
    register(server, "front", AliasService="web")
    run, failed = ("registry_probes_total", "http"), ("registry_probes_failed_total", "http", "critical")
    expired = ("registry_probes_failed_total", "ttl", "critical")
    wait_until(lambda: counted(server).get(failed, 0) >= 1 and counted(server).get(expired, 0) >= 1, 20)
    before = counted(server)

    assert before[run] > before[failed]
    assert before["registry_probes_total", "alias"] >= 1
    assert before["registry_probe_duration_seconds_count", "http"] >= before[failed]
    assert before["registry_checks_running", "http"] == before["registry_checks_running", "ttl"] == 1
    assert sum(value for (name, *_), value in before.items() if name == "registry_checks") == 4

    killed = server.keeper_pid()
    os.kill(killed, signal.SIGKILL)
    lowest = before
    run_folder = server.data_dir / "run"

    def replaced() -> bool:
        nonlocal lowest
        now = counted(server)
        for name, value in lowest.items():
            if name[0].endswith(("_total", "_count", "_sum", "_bucket")):
                assert now[name] >= value, name
        lowest = now
        return now[run] > before[run] and not (run_folder / f"counter_{killed}.db").exists()

    wait_until(replaced, 30)

    assert lowest["registry_checks_running", "http"] == 1, "the dead one's are not counted"
    files = {path.name.rpartition("_")[2] for path in run_folder.glob("*.db")}
    assert files == {"0.db", f"{server.keeper_pid()}.db"}


def test_a_late_probe_is_counted(server_factory: Any) -> None:
    """Of many probes that are due at the same target, all but a few wait for their turn."""
    server = server_factory(
        workers=1, args=("--max-probes-per-target", "1", "--check-late-after", "1ms", "--check-history", "0")
    )
    slow = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            slow.wait(0.3)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    target = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    try:
        for number in range(6):
            register(server, f"web-{number}", HTTP=f"http://127.0.0.1:{target.server_port}/", Interval="1s")

        wait_until(lambda: counted(server).get(("registry_probes_late_total", "http"), 0) >= 1, 20)
    finally:
        slow.set()
        target.shutdown()
        target.server_close()

    reply = server.client.get("/v1/internal/check-history?check=service:web-0")
    assert (reply.json["History"], reply.json["Since"]) == ([], None), "no history is kept"
