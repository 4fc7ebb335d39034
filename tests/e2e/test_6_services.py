"""Services on the live cluster: what is foretold, and what becomes of a release that does not come up."""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.e2e import canary
from tests.e2e.support import LOGS, run, run_and_kill_at

# Of the stage's own repository, with a digest that nobody ever pushed.
MISSING = f"000000000000.dkr.ecr.ap-northeast-2.amazonaws.com/tiketi/k3s/tiketi@sha256:{'0' * 64}"


@pytest.mark.full
def test_a_dry_run_foretells_a_change_and_makes_none() -> None:
    wish = json.dumps({"service_overrides": {"event": {"env": {"PROOF": "one"}}}})
    told = run("--check", "--diff", "-e", wish, name="services-check")
    assert told.code == 0, told.tail()
    assert told.changed == 1, told.tail()
    assert "name: PROOF" in told.output


def test_a_release_that_does_not_come_up_is_undone_with_the_reason() -> None:
    wish = json.dumps({"service_overrides": {"event": {"image": MISSING}}})
    # Killed while it undoes: the next run, with the same mistake, still knows what to go back to.
    assert run_and_kill_at("event: goes back to revision", "-e", wish, after=0.2, name="services-killed"), (
        "never undone"
    )
    # Nothing was found to do before it, either: what went before, the dry run among it, left the stage as it was.
    assert "changed: [" not in (LOGS / "e2e-services-killed.log").read_text(encoding="utf-8")
    wanted = canary.patterns(canary.secrets())
    watcher = canary.CommandLines(wanted)
    watcher.start()
    lost = run("-vvv", "--diff", "-e", wish, name="services-lost")
    watcher.stop()
    assert lost.code == 2, lost.tail()
    assert "1 of 5 services did not become ready" in lost.output
    assert "event: the image cannot be pulled" in lost.output
    assert "which serves" in lost.output
    assert not canary.leaks(lost.output, wanted), f"see {LOGS}/e2e-services-lost.log"
    assert not watcher.hits, f"secrets in the command line of {sorted(watcher.hits)}"
    after = run(name="services-after")
    assert (after.code, after.changed) == (0, 0), after.tail()


@pytest.mark.full
def test_a_release_whose_migration_fails_is_not_begun_and_the_old_pods_serve() -> None:
    """Its failed job stays for a look, until the next run that comes through."""
    migrations = {"args": ["no-such-step"], "timeout": 20}
    wish = json.dumps({"service_overrides": {"reservation": {"env": {"PROOF": "two"}, "migrations": migrations}}})
    lost = run("-e", wish, name="services-migration")
    assert lost.code == 2, lost.tail()
    said = " ".join(lost.output.split())
    assert "reservation: its migration failed, so that the rollout was not begun" in said, lost.tail()
    assert "there is no migration no-such-step" in said, lost.tail()
    with urllib.request.urlopen(f"http://{canary.hosts()['server-1']}/api/v1/reservations", timeout=10) as answer:
        assert answer.status == 200
