"""Files of a host: all faults at once, nothing half-written, an honest diff, and a secret stays one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run(files: list[dict[str, Any]], check: bool = False) -> dict[str, Any]:
    """The module in a process of its own, as a host runs it."""
    arguments = {
        "ANSIBLE_MODULE_ARGS": {
            "files": files, "_ansible_check_mode": check, "_ansible_diff": True,
            "_ansible_remote_tmp": "~/.ansible/tmp", "_ansible_tracebacks_for": [],
        }
    }  # fmt: skip
    program = (
        "import json, sys; from ansible.module_utils.testing import patch_module_args;"
        "from ansible_collections.tiketi.platform.plugins.modules.host_files import main\n"
        "with patch_module_args(json.load(sys.stdin)['ANSIBLE_MODULE_ARGS']): main()"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(arguments), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(root / "collections")},
    )  # fmt: skip
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_set_is_made_and_the_next_run_changes_nothing(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    files = [
        {"path": str(conf), "state": "directory", "mode": "0750"},
        {"path": str(conf / "a.cfg"), "content": "one\n", "validate": ["grep", "-q", "one", "%s"]},
        {"path": str(conf / "password"), "secret": "hush-hush", "mode": "0600"},
        {"path": str(conf / "kept"), "content": "first\n", "keep": True},
        {"path": str(tmp_path / "old"), "state": "absent"},
    ]
    (tmp_path / "old").write_text("gone soon\n", encoding="utf-8")
    dry = run(files, check=True)
    assert dry["changed"]
    assert not conf.exists()
    assert (tmp_path / "old").exists()
    made = run(files)
    assert made["changed_files"] == dry["changed_files"] == [file["path"] for file in files]
    assert made["diff"] == dry["diff"]
    assert (conf / "a.cfg").read_text(encoding="utf-8") == "one\n"
    assert [mode(conf), mode(conf / "a.cfg"), mode(conf / "password")] == [0o750, 0o644, 0o600]
    assert not (tmp_path / "old").exists()
    assert "hush-hush" not in json.dumps([dry, made])
    (conf / "kept").write_text("second\n", encoding="utf-8")
    assert run(files)["changed"] is False
    assert run(files, check=True)["changed"] is False
    (conf / "a.cfg").chmod(0o666)
    again = run(files)
    assert again["changed_files"] == [str(conf / "a.cfg")]
    assert (again["diff"][0]["before"], again["diff"][0]["after"]) == (
        "state: file\nmode: 0666\n",
        "state: file\nmode: 0644\n",
    )
    assert mode(conf / "a.cfg") == 0o644


def test_a_file_that_is_refused_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.cfg"
    target.write_text("good\n", encoding="utf-8")
    first = {"path": str(tmp_path / "b"), "content": "b"}
    result = run([first, {"path": str(target), "content": "bad\n", "validate": ["grep", "-q", "good", "%s"]}])
    assert result["failed"]
    assert str(target) in result["msg"]
    assert "the old one stays" in result["msg"]
    assert f"Changed before it: {tmp_path / 'b'}" in result["msg"]
    assert target.read_text(encoding="utf-8") == "good\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.cfg", "b"]
    missing = run([{"path": str(target), "content": "bad\n", "validate": ["/no/such/command", "%s"]}])
    assert "cannot be checked" in missing["msg"]
    secret = run([{"path": str(target), "secret": "hush-hush", "validate": ["sh", "-c", "cat %s >&2; exit 1"]}])
    assert secret["failed"]
    assert "hush-hush" not in json.dumps(secret)


def test_all_faults_are_told_before_anything_is_touched(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    good = {"path": str(tmp_path / "good"), "content": "x"}
    result = run([
        good,
        good,
        {"path": str(tmp_path / "folder"), "content": "x"},
        {"path": str(tmp_path / "link"), "content": "x"},
        {"path": "relative", "content": "x"},
        {"path": str(tmp_path / "none" / "a"), "content": "x"},
        {"path": str(tmp_path / "both"), "content": "x", "secret": "hush-hush"},
        {"path": str(tmp_path / "neither")},
        {"path": str(tmp_path / "mode"), "content": "x", "mode": "rw"},
        {"path": str(tmp_path / "owner"), "content": "x", "owner": "no-such-user"},
        {"path": str(tmp_path / "validate"), "content": "x", "validate": ["true"]},
    ])  # fmt: skip
    faults = [line for line in result["msg"].splitlines() if line.startswith("- ")]
    for word in ("good: listed twice", "folder: is a directory", "link: is neither", "relative: not an absolute", "none/a: its folder",
                 "both: state is file, with content and secret", "neither: state is file, with no text", "mode: mode rw is not octal",
                 "owner: the owner no-such-user", "validate: validate has no %s"):  # fmt: skip
        assert sum(word in fault for fault in faults) == 1, (word, faults)
    assert len(faults) == 10
    assert all("Mend: " in fault for fault in faults)
    assert not (tmp_path / "good").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_secret_is_never_open_on_its_way(tmp_path: Path) -> None:
    target = tmp_path / "userlist"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o644)
    shown = tmp_path / "shown"
    # What the command sees is what a reader could see at that time.
    look = ["sh", "-c", f"stat -c '%a %u' %s > {shown}"]
    run([{"path": str(target), "secret": "hush-hush", "owner": "daemon", "mode": "0600", "validate": look}])
    assert shown.read_text(encoding="utf-8") == "600 1\n"
    assert (mode(target), target.stat().st_uid) == (0o600, 1)
