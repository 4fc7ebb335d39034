"""A fork finds loaded what its task would load, and has none of the run's objects to search for garbage."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# A filter runs in the fork of its task, and says what that fork was given.
FILTER = """
import gc, sys
def given(_value):
    name = "ansible_collections.tiketi.platform.plugins.module_utils._k3s.checks"
    return {"frozen": gc.get_freeze_count(), "threshold": gc.get_threshold()[0], "loaded": name in sys.modules}
class FilterModule:
    def filters(self):
        return {"given": given}
"""
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ 0 | given | to_json }}"
"""


@pytest.mark.parametrize("enabled", [True, False])
def test_forks_are_given_what_stood_before_them(tmp_path: Path, enabled: bool) -> None:
    (tmp_path / "filter_plugins").mkdir()
    (tmp_path / "filter_plugins/given.py").write_text(FILTER, encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    if not enabled:
        environment["ANSIBLE_CALLBACKS_ENABLED"] = "tiketi.platform.run_summary"
    done = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = next(line for line in done.stdout.splitlines() if "frozen" in line)
    given = json.loads(told[told.index("{") : told.rindex("}") + 1].replace('\\"', '"'))
    assert given["loaded"] is enabled
    # Tens of thousands: the library, the inventory and the playbook.
    assert (given["frozen"] > 10_000) is enabled
    assert (given["threshold"] > 1_000) is enabled
