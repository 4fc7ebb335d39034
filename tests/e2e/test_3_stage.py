"""The main job: an account without the stage, killed on the way, ends in five services on K3s with the old host's data.

After the stages single and managed, which need no cluster: one that stands beside them costs a tenth of the machine.

That a second run and a dry run change nothing is asserted by test_5_canary, which runs them as loud as can be.
"""

from __future__ import annotations

import json
import os
import random
import urllib.request

import pytest

from tests.e2e import canary
from tests.e2e.support import Outcome, demo, on_host, run_and_kill_at

# What a run prints when a phase begins, and the seconds from there within which it is killed.
PHASES = {
    "foundation": ("PLAY [Foundation | Secrets, network, identity and hosts]", 10.0),
    "servers": ("TASK [turn | Bring up the server]", 8.0),
    "images": ("TASK [tiketi.platform.container_image : Build and push what is new]", 10.0),
    "restore": ("TASK [tiketi.platform.postgres_restore : Move the database]", 5.0),
    "rollout": ("TASK [tiketi.platform.service_deploy : Deploy the services]", 6.0),
}
# One of each is drawn: early, in the middle, late.
KILLED_IN = (("foundation", "servers"), ("images", "restore"), ("rollout",))


def _ok(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.tail()


def test_killed_at_random_points_the_same_command_resumes() -> None:
    seed = int(os.environ.get("E2E_SEED") or random.SystemRandom().randrange(10**6))
    moments = random.Random(seed)  # noqa: S311 - moments to kill at, no secret
    for phases in KILLED_IN:
        phase = moments.choice(phases)
        words, longest = PHASES[phase]
        after = moments.uniform(0, longest)
        print(f"E2E_SEED={seed}: killed {after:.1f} s into {phase}", flush=True)
        assert run_and_kill_at(words, after=after, name=f"killed-{phase}"), f"over before it was killed in {phase}"
    outcome = demo(name="resumed")
    _ok(outcome)
    assert len([line for line in outcome.summary["proved"] if ": 200 in " in line]) >= 5, outcome.tail()
    assert "AWS is called as arn:aws:" in outcome.output, outcome.tail()


@pytest.mark.parametrize("what", ["reservations", "payments"])
def test_the_services_have_the_rows_of_the_old_host(what: str) -> None:
    query = (
        f"SELECT json_object_agg(status, n) FROM (SELECT status, count(*) AS n FROM {what} GROUP BY status) AS counted"  # noqa: S608
    )
    psql = f'runuser -u postgres -- psql -XAtq --dbname=tiketi --command="{query}"'
    old = json.loads(on_host(psql, host="legacy", stage="k3s"))
    with urllib.request.urlopen(f"http://{canary.hosts()['server-1']}/api/v1/{what}", timeout=10) as answer:
        told = json.load(answer)
    # Of payments the amounts are told too.
    assert {status: n["count"] if what == "payments" else n for status, n in told["by_status"].items()} == old
    assert told["total"] == sum(old.values()) > 500_000
