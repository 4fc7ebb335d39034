"""A role as a user runs it, on this machine and without AWS: what the controller would read from there is given."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# This machine has no systemd, so no handler could do its work: the play ends before.
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
{includes}
    - ansible.builtin.meta: end_play
"""
INCLUDE = """
    - ansible.builtin.include_role:
        name: tiketi.platform.{role}
        tasks_from: {tasks}
      vars: {values}
"""


def play(
    folder: Path, role: str, tasks: str, values: dict[str, Any], *arguments: str, each: Sequence[dict[str, Any]] = ({},)
) -> tuple[int, int, str]:
    """The role once for each; return code, changed tasks and the output."""
    book, given = folder / f"{role}.yml", folder / "values.json"
    includes = "".join(INCLUDE.format(role=role, tasks=tasks, values=json.dumps(one)) for one in each)
    book.write_text(PLAY.format(includes=includes))
    given.touch(mode=0o600)
    given.write_text(json.dumps(values | {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}))
    done = subprocess.run(
        ["ansible-playbook", str(book), "-i", "localhost,", "-e", f"@{given}", *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    counted = re.search(r"changed=(\d+)", done.stdout)
    return done.returncode, int(counted[1]) if counted else -1, done.stdout + done.stderr
