"""The built artifact installs, and its playbooks, roles and modules resolve by fully qualified name from anywhere."""

from __future__ import annotations

import os
import subprocess
import tarfile
from dataclasses import dataclass
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


INVENTORY = """\
platform:
  hosts:
    account:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
  vars:
    platform_project: shop
    platform_stage: k3s
    platform_region: ap-northeast-2
k3s_servers:
  hosts:
    s1:
"""


@dataclass(frozen=True)
class Installed:
    """The collection in a folder of its own, with nothing of the checkout on any path."""

    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        # No endpoint and no keys: a playbook that gets as far as AWS would fail there.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
        env |= {"ANSIBLE_COLLECTIONS_PATH": str(self.folder), "AWS_EC2_METADATA_DISABLED": "true"}
        env |= {"ANSIBLE_CALLBACKS_ENABLED": "tiketi.platform.run_summary", "PATH": f"{BIN}:{env['PATH']}"}
        return subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def call(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    there = Installed(tmp_path_factory.mktemp("installed"))
    there.call("ansible-galaxy", "collection", "install", str(artifact), "--no-deps", "-p", str(there.folder))
    (there.folder / "hosts.yml").write_text(INVENTORY, encoding="utf-8")
    return there


def test_installed_collection_answers_by_name(installed: Installed) -> None:
    listed = installed.call("ansible-playbook", "tiketi.platform.site", "-i", "hosts.yml", "--list-tasks")
    assert "K3s cluster | Servers" in listed
    assert "tiketi.platform.endpoint_check" in installed.call("ansible-doc", "-t", "module", "-l", "tiketi.platform")
    assert "k3s_server" in installed.call("ansible-doc", "-t", "role", "-l", "tiketi.platform")


def test_the_installed_site_runs_and_says_what_is_wrong_before_anything_is_touched(installed: Installed) -> None:
    done = installed.run(
        "ansible-playbook", "tiketi.platform.site", "-i", "hosts.yml", "-e", "k3s_comon_version=v1.34.4+k3s1"
    )
    told = done.stdout + done.stderr
    assert done.returncode != 0, told
    assert "inputs are wrong; nothing was touched" in told, told
    for word in ("k3s_comon_version: is not an option", "did you mean k3s_common_version", "AWS credentials"):
        assert word in told, told
    assert "SUMMARY site.yml: FAILED (1 fault)" in told
    assert told.count("PLAY [") == 1, "a play after preflight has run"
