"""The recorder against a server that stops answering for a while, is closed, or is itself killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._load import record
from ansible_collections.tiketi.platform.plugins.module_utils._load.client import Site
from ansible_collections.tiketi.platform.plugins.module_utils._load.model import Target
from ansible_collections.tiketi.platform.plugins.module_utils._load.record import Record
from ansible_collections.tiketi.platform.plugins.module_utils._load.recorder import Job, Plan, Recorder

from tests.waiting import PATIENCE, until

from .servers import closed_port, shop

PACKAGES = Path("plugins/module_utils").resolve()
WRITE = Target("write", "/reserve", "POST", body='{"n": {n}, "run": "{run}"}')


def test_a_pause_of_the_server_is_seen_as_gap_and_wait_and_no_write_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with shop() as server:
        plan = Plan(Site(server.url, timeout=5), (Job(WRITE, 100, "id"), Job(Target("read", "/ok"), 50)), 64)
        with Recorder(plan, path) as recorder:
            until(lambda: len(recorder.records()) > 40)
            server.open_again.clear()
            threading.Event().wait(0.4)
            server.open_again.set()
            until(lambda: any(one.name == "write" and one.wait > 0.3 for one in recorder.records()))
        records = recorder.records()
        assert records == record.read(path)
        figures = record.summarise(records)
        write, read = figures["write"], figures["read"]
        assert (write["failed"], read["failed"]) == (0, 0)
        assert write["longest_wait_seconds"] > 0.35
        assert 0.3 < write["longest_gap_seconds"] < 10
        assert read["longest_gap_seconds"] < write["longest_gap_seconds"]
        sent = [json.loads(body)["n"] for body in server.bodies]
        writes = [one for one in records if one.name == "write"]
        assert sorted(sent) == sorted(one.number for one in writes) == list(range(len(sent)))
        assert len({one.acknowledged for one in writes}) == len(writes), "each write has an acknowledgement of its own"


def test_a_server_that_is_gone_and_comes_back_is_an_outage() -> None:
    port = closed_port()
    plan = Plan(Site(f"http://127.0.0.1:{port}", timeout=2), (Job(Target("read", "/ok"), 100),), 4)
    with Recorder(plan) as recorder:
        until(lambda: len(recorder.records()) > 10)
    (outage,) = record.summarise(recorder.records())["read"]["outages"]
    assert outage["kinds"] == {"refused": len(recorder.records())}
    assert record.longest_gap(recorder.records())[0] > 0.09


def test_a_recorder_on_a_host_stops_by_signal_and_its_records_outlive_a_kill(tmp_path: Path) -> None:
    chosen, path = tmp_path / "plan.json", tmp_path / "records.jsonl"
    with shop() as server:
        jobs = [
            {"target": {"name": "write", "path": "/", "method": "POST", "body": "{}"}, "rate": 50, "acknowledge": "id"}
        ]
        chosen.write_text(json.dumps({"site": {"base_url": server.url}, "jobs": jobs, "concurrency": 4}))
        command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(PACKAGES)!r});"
                   "import runpy; runpy.run_module('_load.recorder', run_name='__main__', alter_sys=True)",
                   str(chosen), str(path)]  # fmt: skip

        def lines() -> int:
            return len(record.read(path)) if path.exists() else 0

        def more_than(number: int) -> bool:
            return lines() > number

        for number, least in ((signal.SIGKILL, 10), (signal.SIGTERM, 20)):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                until(partial(more_than, least))
                process.send_signal(number)
                out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        told = json.loads(out)["write"]
        assert told["requests"] == lines()
        assert told["failed"] == 0
        # The kill may have hit each of the four connections after the server's answer; nothing else is missing.
        acknowledged = {one.acknowledged for one in record.read(path)}
        assert 0 <= len(server.bodies) - len(acknowledged) <= 4


def test_a_plan_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no http or https URL.*rate of a is 0.*concurrency is 0"):
        Recorder(Plan(Site("shop"), (Job(Target("a", "/"), 0),), 0))


def rows(*ends: tuple[float, str]) -> list[Record]:
    return [Record(number, "w", end - 0.1, end - 0.1, 0.1, 200, kind) for number, (end, kind) in enumerate(ends)]


@pytest.mark.parametrize(
    ("ends", "gap"),
    [
        ([(1.0, ""), (1.1, ""), (1.2, "")], 0.1),
        ([(1.0, ""), (1.5, "refused"), (2.0, "")], 1.0),
        ([(1.0, ""), (3.0, "refused")], 2.0),
        ([(1.0, "refused"), (2.0, "refused"), (2.5, "")], 1.6),
        ([(2.0, ""), (1.0, "")], 1.0),
        ([(1.0, "refused")], 0.1),
        ([], 0.0),
    ],
)
def test_the_longest_gap(ends: list[tuple[float, str]], gap: float) -> None:
    assert record.longest_gap(rows(*ends))[0] == pytest.approx(gap)


def test_a_line_that_a_kill_has_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    lines = [one.line() for one in rows((1.0, ""), (2.0, ""))]
    path.write_text(f"{lines[0]}\n{lines[1][:20]}")
    assert record.read(path) == rows((1.0, ""))
