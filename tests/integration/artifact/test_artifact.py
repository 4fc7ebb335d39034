"""The built artifact installs, and its playbooks, roles and modules resolve by fully qualified name from anywhere."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BIN = ROOT / ".venv" / "bin"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("artifact")
    subprocess.run(
        [BIN / "ansible-galaxy", "collection", "build", "--output-path", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(out.glob("tiketi-platform-*.tar.gz"))


def test_artifact_holds_the_collection_and_nothing_of_the_workshop(artifact: Path) -> None:
    with tarfile.open(artifact) as tar:
        tops = {name.split("/", 1)[0] for name in tar.getnames()}
    assert {"README.md", "LICENSE", "meta", "playbooks", "plugins", "roles", "requirements.yml"} <= tops
    assert not tops & {
        ".venv",
        ".sandbox",
        ".state",
        "sandbox",
        "tests",
        "inventories",
        "services",
        "examples",
        "collections",
        "uv.lock",
    }


def test_installed_collection_answers_by_name(artifact: Path, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    env |= {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_CALLBACKS_ENABLED": "tiketi.platform.run_summary"}
    env["PATH"] = f"{BIN}:{env['PATH']}"

    def call(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call("ansible-galaxy", "collection", "install", str(artifact), "--no-deps", "-p", str(tmp_path))
    (tmp_path / "hosts.yml").write_text(
        "platform:\n  hosts:\n    account:\nk3s_servers:\n  hosts:\n    s1:\n", encoding="utf-8"
    )
    listed = call("ansible-playbook", "tiketi.platform.site", "-i", "hosts.yml", "--list-tasks")
    assert "K3s cluster | Servers" in listed
    assert "tiketi.platform.endpoint_check" in call("ansible-doc", "-t", "module", "-l", "tiketi.platform")
    assert "k3s_server" in call("ansible-doc", "-t", "role", "-l", "tiketi.platform")
