"""Modules of the controller run in a fork: what a task gets of it is what it gets of a new interpreter."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

MODULE = '''
"""Does what its argument says."""

import os
import signal
import subprocess
import sys

from ansible.module_utils import basic

def main():
    module = basic.AnsibleModule(
        argument_spec={"do": {"type": "str", "required": True}, "secret": {"type": "str", "no_log": True}}, supports_check_mode=True
    )
    do = module.params["do"]
    seen = {"forked": "ansible.executor.task_executor" in sys.modules, "leaked": getattr(basic, "LEAKED", False),
            "check": module.check_mode, "diff_wanted": module._diff, "word": os.environ.get("WORD", ""), "stdin": sys.stdin.read()}
    basic.LEAKED = True
    if do == "fail":
        module.fail_json(msg="failed as told", **seen)
    if do == "raise":
        raise RuntimeError("raised as told")
    if do == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "noise":
        subprocess.run(["echo", "noise of a child"], check=True)
        print("noise of the module")
    if do == "warn":
        module.warn("warned as told")
    if do == "much":
        seen["much"] = "x" * 1_000_000
    module.exit_json(changed=do == "change", diff={"before": "a", "after": "b"}, echo=module.params["secret"], **seen)

if __name__ == "__main__":
    main()
'''

ACTION = """
from ansible_collections.tiketi.platform.plugins.plugin_utils.in_process import RunModule

class ActionModule(RunModule):
    pass
"""

TASKS = """
- hosts: localhost
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - {test.paper.paper: {do: change}, register: change}
    - {test.paper.paper: {do: change}, check_mode: true, diff: true, register: check}
    - {test.paper.paper: {do: ok}, loop: [1, 2], register: loop}
    - {test.paper.paper: {do: fail}, ignore_errors: true, register: fail}
    - {test.paper.paper: {do: raise}, ignore_errors: true, register: raise}
    - {test.paper.paper: {do: die}, ignore_errors: true, register: die}
    - {test.paper.paper: {do: noise}, register: noise}
    - {test.paper.paper: {do: warn}, register: warn}
    - {test.paper.paper: {do: much}, register: much}
    - {test.paper.paper: {do: ok}, environment: {WORD: said}, register: worded}
    - {test.paper.paper: {do: ok, unknown: 1}, ignore_errors: true, register: unknown}
    - {test.paper.paper: {do: ok, secret: hush-hush}, register: secret}
    - {test.paper.paper: {do: ok}, async: 20, poll: 1, register: background}
    - {test.paper.paper: {do: ok}, vars: {ansible_python_interpreter: OTHER}, register: other}
    - {amazon.aws.paper: {do: ok}, register: aws}
    - {test.paper.plain: {do: ok}, register: plain}
    - ansible.builtin.copy:
        dest: "{{ lookup('env', 'RESULTS') }}"
        mode: "0600"
        content: "{{ dict(names | zip(names | map('extract', vars))) | to_json }}"
      vars:
        names: [change, check, loop, fail, raise, die, noise, warn, much, worded, unknown, secret, background, other, aws, plain]
"""


def play(folder: Path, **environment: str) -> tuple[dict[str, Any], str]:
    """What the tasks registered, and what the run printed."""
    for collection, names in (("test/paper", ("paper", "plain")), ("amazon/aws", ("paper",))):
        modules = folder / "ansible_collections" / collection / "plugins" / "modules"
        modules.mkdir(parents=True)
        for name in names:
            (modules / f"{name}.py").write_text(MODULE, encoding="utf-8")
    action = folder / "ansible_collections/test/paper/plugins/action"
    action.mkdir()
    (action / "paper.py").write_text(ACTION, encoding="utf-8")
    other = folder / "python-of-another-name"
    other.symlink_to(ROOT / ".venv/bin/python")
    playbook = folder / "play.yml"
    playbook.write_text(TASKS.replace("OTHER", str(other)), encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{folder}:{ROOT / 'collections'}",
        "ANSIBLE_NOCOLOR": "1",
        "RESULTS": str(folder / "results.json"),
        **environment,
    }
    done = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", "-i", "localhost,", "-c", "local", "-vvv", str(playbook)],
        env=environment, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "results.json").read_text(encoding="utf-8")), done.stdout + done.stderr


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return play(tmp_path_factory.mktemp("forked"))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return play(tmp_path_factory.mktemp("usual"), TIKETI_PLATFORM_IN_PROCESS="0")


HOW = {
    "forked",
    "ansible_job_id",
    "started",
    "finished",
    "results_file",
    "stderr",
    "stderr_lines",
    "stdout",
    "stdout_lines",
    "rc",
}


def compared(result: dict[str, Any]) -> dict[str, Any]:
    """Without what tells by design how the module was run."""
    found = {key: value for key, value in result.items() if key not in HOW}
    if "results" in found:
        found["results"] = [compared(one) for one in found["results"]]
    return found


def test_a_task_gets_the_same_either_way(forked: tuple[dict[str, Any], str], usual: tuple[dict[str, Any], str]) -> None:
    ends = {"raise", "die"}  # those below: how a process ended is told in other words
    for name in forked[0].keys() - ends:
        assert compared(forked[0][name]) == compared(usual[0][name]), name
    assert {name for name, result in usual[0].items() if result.get("forked")} == set()


def test_only_what_may_is_forked(forked: tuple[dict[str, Any], str]) -> None:
    results = forked[0]
    assert all(
        results[name]["forked"] for name in ("change", "check", "fail", "noise", "warn", "much", "worded", "aws")
    )
    assert not any(results[name]["forked"] for name in ("background", "other", "plain"))


def test_nothing_of_a_module_outlives_it(forked: tuple[dict[str, Any], str]) -> None:
    results = forked[0]
    assert [one["leaked"] for one in results["loop"]["results"]] == [False, False]
    assert results["worded"]["word"] == "said"
    assert results["unknown"]["failed"]
    assert "Unsupported parameters" in results["unknown"]["msg"]
    assert results["much"]["word"] == ""


def test_a_module_that_breaks_fails_its_task_and_nothing_else(
    forked: tuple[dict[str, Any], str], usual: tuple[dict[str, Any], str]
) -> None:
    for results, printed in (forked, usual):
        assert results["raise"]["failed"]
        assert results["die"]["failed"]
        assert "raised as told" in results["raise"]["msg"]
        assert results["noise"]["changed"] is False
        assert "[WARNING]: warned as told" in printed
        assert printed.count("warned as told") == usual[1].count("warned as told")


def test_secrets_stay_hidden(forked: tuple[dict[str, Any], str]) -> None:
    results, printed = forked
    assert results["secret"]["echo"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert "hush-hush" not in printed.replace("secret: hush-hush", "")
