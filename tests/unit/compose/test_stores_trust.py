"""Entry point `trust` of role compose_stores, as a play runs it: what lies where PostgreSQL reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROLE = """
    - ansible.builtin.include_role:
        {{name: tiketi.platform.compose_stores, tasks_from: trust, apply: {{check_mode: {check}}}}}
      vars:
        compose_stores_folder: {folder}
        compose_stores_target_ca_file: {ca}
"""
# What is on the disk then is told by the copy that is made of it.
LOOK = """
    - ansible.builtin.shell: "cat {folder}/load/* > {into}; stat -c %a {folder}/load/* >> {into}; true"
      changed_when: false
"""


def test_a_bundle_is_kept_where_the_stores_are_and_renewed_in_place(tmp_path: Path) -> None:
    stores, nowhere = tmp_path / "stores", tmp_path / "nowhere"
    (stores / "load").mkdir(parents=True)
    first, second = tmp_path / "first.pem", tmp_path / "second.pem"
    first.write_text("one\n")
    second.write_text("two\n")
    steps = [(nowhere, first, False), (stores, first, True), (stores, first, False), (stores, first, False), (stores, second, False)]  # fmt: skip
    book = tmp_path / "play.yml"
    text = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
    for number, (folder, ca, check) in enumerate(steps):
        text += ROLE.format(folder=folder, ca=ca, check="true" if check else "false")
        text += LOOK.format(folder=folder, into=tmp_path / f"seen-{number}")
    book.write_text(text)
    done = subprocess.run(
        ["ansible-playbook", str(book), "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [(tmp_path / f"seen-{number}").read_text() for number in range(len(steps))]
    assert seen == ["", "", "one\n644\n", "one\n644\n", "two\n644\n"]
    assert not nowhere.exists()
    # The dry run says that it would, the first real one writes, the next finds it, and a renewed bundle takes its place.
    assert "changed=3 " in done.stdout, done.stdout
