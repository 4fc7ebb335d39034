"""A second run and a dry run change nothing, and no secret leaves its place.

Not at -vvv --diff, not in a run that fails early, not on a host. test_5_faults and test_6 fail late, and test_6 begins with a run that
finds nothing to do but what it was told: so the dry run before it did nothing either.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.e2e import canary
from tests.e2e.support import LOGS, ROOT, SANDBOX, run


@pytest.fixture(scope="module")
def wanted() -> list[str]:
    values = canary.secrets()
    assert len(values) >= 5, f"too few secrets to prove anything: {sorted(values)}"
    return canary.patterns(values)


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("loud", ("-vvv", "--diff"), 0),
        ("loud-check", ("-vvv", "--check", "--diff"), 0),
        ("failing-input", ("-vvv", "--diff", "-e", "k3s_common_cluster_cidr=not-a-network"), 2),
        ("failing-checksum", ("-vvv", "--diff", "-e", '{"k3s_common_sha256": "' + "0" * 64 + '"}'), 2),
    ],
)
def test_nothing_changes_and_output_and_command_lines_hold_no_secret(
    name: str, arguments: tuple[str, ...], code: int, wanted: list[str]
) -> None:
    watcher = canary.CommandLines(wanted)
    watcher.start()
    outcome = run(*arguments, name=f"canary-{name}")
    watcher.stop()
    assert outcome.code == code, outcome.tail()
    assert outcome.changed == 0, outcome.tail()
    assert watcher.looks > 20
    found = canary.leaks(outcome.output, wanted)
    assert not found, f"secrets in lines {found[:10]} of {LOGS}/e2e-canary-{name}.log"
    assert not watcher.hits, f"secrets in the command line of {sorted(watcher.hits)}"


def test_no_earlier_output_holds_a_secret(wanted: list[str]) -> None:
    logs = sorted(LOGS.glob("e2e-*.log"))
    assert logs
    held = [log.name for log in logs if any(pattern in log.read_text(encoding="utf-8") for pattern in wanted)]
    assert not held


def test_nobody_can_read_a_secret_here(wanted: list[str]) -> None:
    found = canary.scan_here(canary.readable_here(), wanted)
    assert not found["hits"]
    assert found["seen"] > 100 or ROOT.is_relative_to("/root"), "nothing could be read, so nothing is proved"
    assert not canary.scan_left_by_runs(wanted)["hits"]


def test_the_scan_finds_a_planted_secret(tmp_path: Path, wanted: list[str]) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    planted = tmp_path / "planted"
    planted.write_text(f"before {wanted[0]} after", encoding="utf-8")
    planted.chmod(0o644)
    assert canary.scan_here([str(tmp_path)], wanted)["hits"] == [str(planted)]
    planted.unlink()


def test_nobody_can_read_a_secret_on_a_host(wanted: list[str]) -> None:
    values = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))
    known_hosts = ROOT / ".state" / "k3s" / "known_hosts"
    hosts = {
        name: address for name, address in canary.hosts().items() if name != "app-1"
    }  # looked at when its move is over
    assert len(hosts) >= 4, f"expected the legacy host and the cluster, found {sorted(hosts)}"
    for name, address in hosts.items():
        found = canary.scan_host(canary.ssh(name, address, values["ec2_host_user"], known_hosts), wanted)
        assert found["seen"] > 100
        assert not found["hits"], f"{name}: {found['hits']}"
