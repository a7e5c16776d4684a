"""The files that processes count into: dead ones are added up, their gauges go, nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.disk import fill_up, small_disk

from registry.observe import figures

COUNTS = """
import json, os, sys
from pathlib import Path
from registry.observe import figures
run = Path(sys.argv[1])
figures.use(run)
prepared = figures.prepare(run)
from registry.observe import metrics
for kind, times in json.loads(sys.argv[2]).items():
    for _ in range(times):
        metrics.PROBES_RUN.labels(kind).inc()
        metrics.PROBE_SECONDS.labels(kind).observe(0.003)
    metrics.CHECKS_RUNNING.labels(kind).set(times)
print(os.getpid(), prepared, flush=True)
sys.stdin.read()
"""
"""A process that counts, says that it has, and lives until its input ends."""

Samples = dict[tuple[str, ...], float]


def counting(run: Path, counts: dict[str, int]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", COUNTS, str(run), json.dumps(counts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=30)


def samples(run: Path) -> Samples:
    from registry.observe import exposition

    shown = exposition._Everything(run, []).collect()
    return {
        (sample.name, *sample.labels.values()): sample.value for metric in shown for sample in metric.samples
    }


def test_processes_are_added_up_dead_or_alive(tmp_path: Path) -> None:
    dead = [counting(tmp_path, {"http": 2, "tcp": 1}), counting(tmp_path, {"http": 3})]
    alive = counting(tmp_path, {"http": 4})
    for process in (*dead, alive):
        assert said(process) == [str(process.pid), "True"]
    before = samples(tmp_path)
    assert before["registry_probes_total", "http"] == 9
    assert before["registry_checks_running", "http"] == 9
    for process in dead:
        end(process)
        figures.forget_gauges(tmp_path, process.pid)

    def lasting(found: Samples) -> Samples:
        return {name: value for name, value in found.items() if name[0] != "registry_checks_running"}

    assert lasting(samples(tmp_path)) == lasting(before)
    assert samples(tmp_path)["registry_checks_running", "http"] == 4
    for _ in range(2):
        figures.add_up_dead(tmp_path)
        assert lasting(samples(tmp_path)) == lasting(before)
    names = {path.name for path in tmp_path.glob("counter_*.db")}
    assert names == {"counter_0.db", f"counter_{alive.pid}.db"}

    end(alive)
    figures.add_up_dead(tmp_path)

    assert lasting(samples(tmp_path)) == lasting(before)
    assert {path.name for path in tmp_path.glob("counter_*.db")} == {"counter_0.db"}


def test_nothing_is_added_up_while_somebody_reads(tmp_path: Path) -> None:
    process = counting(tmp_path, {"http": 1})
    said(process)
    end(process)
    with figures.reading(tmp_path), pytest.raises(BlockingIOError):
        figures.add_up_dead(tmp_path)

    assert [path.name for path in tmp_path.glob("counter_*.db")] == [f"counter_{process.pid}.db"]

    figures.add_up_dead(tmp_path)

    assert [path.name for path in tmp_path.glob("counter_*.db")] == ["counter_0.db"]


@settings(max_examples=20)
@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2**40).map(float), max_size=3), max_size=5
    )
)
def test_adding_up_changes_no_sum(dead: list[dict[str, float]]) -> None:
    from tempfile import TemporaryDirectory

    from prometheus_client import mmap_dict

    file: Any = mmap_dict.MmapedDict
    with TemporaryDirectory() as name:
        run = Path(name)
        expected: dict[str, float] = {}
        for number, counts in enumerate(dead):
            counted = file(str(run / f"counter_{2**30 + number}.db"))
            for key, value in counts.items():
                counted.write_value(key, value, 0.0)
                expected[key] = expected.get(key, 0.0) + value
            counted.close()
            figures.add_up_dead(run)
        total = run / "counter_0.db"
        found = (
            {key: value for key, value, _, _ in file.read_all_values_from_file(str(total))} if dead else {}
        )

        assert found == expected
        assert set(run.glob("*.db")) == ({total} if dead else set())


def test_without_room_a_process_counts_for_itself(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1) as run:
        fill_up(run / "ballast")
        process = counting(run, {"http": 1000})
        try:
            assert said(process) == [str(process.pid), "False"]
            assert process.poll() is None
        finally:
            end(process)


def test_a_file_has_all_its_room_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(figures.FOLDER_VARIABLE, str(tmp_path))
    assert figures.prepare(tmp_path)

    for path in tmp_path.glob("*.db"):
        stat = path.stat()
        assert stat.st_size == figures.FILE_BYTES
        assert stat.st_blocks * 512 >= figures.FILE_BYTES
        assert path.name.endswith(f"_{os.getpid()}.db")
        assert stat.st_mode & 0o777 == 0o600
