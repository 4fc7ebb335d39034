"""load_check, with its argument spec, against servers that answer well, badly, late or not at all."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tiketi.platform.plugins.module_utils._load import model, plot, report
from ansible_collections.tiketi.platform.plugins.module_utils._load.model import Sample, Target

from .servers import Shop, certificate, closed_port, shop

Run = Callable[..., dict[str, Any]]
OK = {"name": "ok", "path": "/ok"}


@pytest.fixture
def server() -> Iterator[Shop]:
    with shop() as made:
        yield made


@pytest.fixture
def load(capsys: pytest.CaptureFixture[str]) -> Run:
    module = import_module("ansible_collections.tiketi.platform.plugins.modules.load_check")

    def run(base_url: str, *paths: dict[str, Any], check: bool = False, **params: Any) -> dict[str, Any]:
        args = {"base_url": base_url, "paths": list(paths), **params, "_ansible_check_mode": check}
        with patch_module_args(args), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run


def test_a_thousand_requests_over_ten_kept_connections(load: Run, server: Shop) -> None:
    health = {"name": "health", "path": "/health", "json_contains": {"status": "ok"}}
    seen = load(server.url, {**OK, "weight": 3}, health)
    figures = seen["report"]
    assert (figures["requests"], figures["ok"], figures["failed"]) == (1000, 1000, 0)
    assert server.connections == 10
    assert len(server.asked) == 1020, "twenty are warm-up and are not judged"
    assert {name: row["requests"] for name, row in figures["by_path"].items()} == {"ok": 750, "health": 250}
    ms = figures["latency_ms"]
    assert 0 < ms["min"] <= ms["p50"] <= ms["p95"] <= ms["p99"] <= ms["max"]
    assert sum(row["count"] for row in figures["histogram"]) == 1000
    assert seen["line"].startswith("1000 of 1000 requests as expected")
    assert ET.fromstring(seen["plot"]).tag.endswith("svg")  # noqa: S314 - we have drawn it


def test_check_mode_sends_nothing(load: Run, server: Shop) -> None:
    seen = load(server.url, OK, check=True)
    assert (seen["changed"], seen["report"]) == (False, {})
    assert server.asked == []


def test_every_kind_of_failure_is_counted_with_samples(load: Run, server: Shop) -> None:
    paths = [{"name": name, "path": f"/{name}"} for name in ("ok", "fail", "drop", "short")]
    content = {"name": "content", "path": "/ok", "json_contains": {"status": "fine"}}
    seen = load(server.url, *paths, content, requests=50, concurrency=4, warm_up=0)
    assert seen["failed"]
    kinds = {row["kind"]: row["count"] for row in seen["report"]["errors"]}
    assert kinds == {"status 503": 10, "broken": 20, "content": 10}
    assert "40 of 50 requests failed, 80.00% where 0.00% is allowed" in seen["msg"]
    assert "status is 'ok', not 'fine'" in seen["msg"]
    seen = load(server.url, *paths, content, requests=50, warm_up=0, enforce=False)
    assert len(seen["faults"]) == 1
    assert 'stroke="#b3261e"' in seen["plot"]
    assert load(server.url, *paths, content, requests=50, warm_up=0, max_error_rate=0.8)["report"]["failed"] == 40


def test_a_slow_answer_is_a_timeout_or_breaks_the_limit(load: Run, server: Shop) -> None:
    slow = {"name": "slow", "path": "/slow"}
    late = load(server.url, slow, requests=4, concurrency=4, warm_up=0, timeout=0.2)
    assert [(row["kind"], row["count"]) for row in late["report"]["errors"]] == [("timeout", 4)]
    above = load(server.url, slow, requests=4, concurrency=4, warm_up=0, p95_limit_ms=500)
    assert "where 500 ms is allowed" in above["msg"]
    assert above["report"]["failed"] == 0


def test_a_server_that_is_not_there_ends_the_run_early(load: Run) -> None:
    seen = load(f"http://127.0.0.1:{closed_port()}", OK, give_up_after=20)
    assert [row["kind"] for row in seen["report"]["errors"]] == ["refused"]
    assert seen["report"]["requests"] < 40
    assert "given up after" in seen["msg"]


def test_a_kept_connection_that_the_server_closes_is_no_error_unless_the_request_may_count_twice(
    load: Run, server: Shop
) -> None:
    seen = load(server.url, {"name": "vanish", "path": "/vanish"}, requests=10, concurrency=1, warm_up=0)
    assert seen["report"]["failed"] == 0
    post = {"name": "post", "path": "/vanish", "method": "POST", "body": "{}"}
    seen = load(server.url, post, requests=10, concurrency=1, warm_up=0)
    assert [(row["kind"], row["count"]) for row in seen["report"]["errors"]] == [("broken", 5)]
    assert len(server.bodies) == 5


def test_tls_is_verified(load: Run, tmp_path: Path) -> None:
    ca, context = certificate(tmp_path)
    with shop(context) as server:
        wrong = load(server.url, OK, requests=5, warm_up=0)
        assert [row["kind"] for row in wrong["report"]["errors"]] == ["tls"]
        assert server.asked == []
        good = load(server.url, OK, requests=5, warm_up=0, ca_file=str(ca), host="shop.example.com")
        assert good["report"]["ok"] == 5
        assert {host for _, host in server.asked} == {"shop.example.com"}
    assert "cannot be used" in load(server.url, OK, ca_file=str(tmp_path / "none.pem"))["msg"]


def test_all_faults_of_the_options_are_named_at_once(load: Run) -> None:
    paths = [{"name": "a", "path": "x"}, {"name": "a", "path": "/", "weight": 0}]
    seen = load("ftp://shop", *paths, requests=0)
    for said in (
        "no http or https URL",
        "two paths are called a",
        "does not begin",
        "weight of a is 0",
        "requests is 0",
    ):
        assert said in seen["msg"]


def test_shares_are_evenly_mixed() -> None:
    names = [target.name for target in model.order([Target("a", "/", weight=3), Target("b", "/")], 8)]
    assert names == ["a", "a", "b", "a"] * 2


def test_percentiles_are_values_that_were_measured() -> None:
    ordered = [float(number) for number in range(1, 101)]
    assert [report.percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1)] == [50, 95, 99, 100]
    assert report.percentile([7.0], 0.99) == 7
    assert report.percentile([], 0.5) == 0


def test_a_picture_of_many_failures_only_and_of_nothing() -> None:
    samples = [Sample("a", number / 1000, 0.001, 0, "refused", "<&>") for number in range(30_000)]
    summary = report.summarise(samples, 30, len(samples))
    drawn = plot.svg("<shop> & co", "", samples, summary)
    assert "&lt;shop&gt; &amp; co" in drawn
    assert len(drawn) < 500_000
    assert ET.fromstring(plot.svg("", "", [], report.summarise([], 0, 1))) is not None  # noqa: S314 - we have drawn it
