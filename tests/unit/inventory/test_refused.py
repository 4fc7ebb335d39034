"""An inventory that AWS refuses: a playbook that begins with the preflight hears all faults from it, every other command ends at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


NOBODY = "<Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>refused</Message></Error>"
REFUSED = 403, f"<ErrorResponse>{NOBODY}<RequestId>1</RequestId></ErrorResponse>"
EMPTY = 200, "<DescribeInstancesResponse><requestId>1</requestId><reservationSet/></DescribeInstancesResponse>"


class Handler(BaseHTTPRequestHandler):
    """An AWS that gives every call the same answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        code, text = self.server.answer  # type: ignore[attr-defined]
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Stay silent."""


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer = getattr(request, "param", REFUSED)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def said(*command: str, **env: str) -> tuple[int, str]:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1", "HOME": "/nonexistent"}
    found = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    known = found | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    done = subprocess.run(command, cwd=ROOT, env=known | keys | env, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


SITE = ("ansible-playbook", "site.yml", "-i", "inventories/k3s")
EXPIRED = ("AWS credentials: have expired", "Mend: sign in again")


@pytest.mark.parametrize("stage", ["single", "managed", "k3s"])
def test_the_preflight_names_it_with_every_other_fault(endpoint: str, tmp_path: Path, stage: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    keys = f"ec2_host_public_key_file={tmp_path}/key.pub ec2_host_private_key_file={tmp_path}/key"
    given = ("-i", f"inventories/{stage}", "-e", f"{keys} network_vpc_cidr=10.0.0.0/99")
    code, text = said("ansible-playbook", "site.yml", *given, AWS_ENDPOINT_URL=endpoint)
    assert code == 2, text
    for words in (*EXPIRED, "network_vpc_cidr", "2 inputs are wrong; nothing was touched"):
        assert words in text, text
    assert "Failed to parse" not in text


def test_without_credentials(endpoint: str) -> None:
    code, text = said(
        *SITE,
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_EC2_METADATA_DISABLED="true",
    )
    assert code == 2, text
    assert "AWS credentials: were not found" in text
    assert "set AWS_PROFILE" in text


@pytest.mark.parametrize(
    "command",
    [
        ("ansible-playbook", "playbooks/proof.yml", "-i", "inventories/k3s"),
        (*SITE, "--check", "--limit", "k3s_cluster"),
        (*SITE, "--check", "--tags", "k3s_common_install"),
        (*SITE, "--check", "--skip-tags", "preflight"),
        (*SITE, "--check", "--start-at-task", "Reach every host"),
        ("ansible-inventory", "-i", "inventories/k3s", "--list"),
        ("ansible", "all", "-m", "ansible.builtin.ping", "-i", "inventories/k3s"),
    ],
)
def test_what_does_not_begin_with_the_preflight_ends_at_once(endpoint: str, command: tuple[str, ...]) -> None:
    code, text = said(*command, AWS_ENDPOINT_URL=endpoint)
    assert code not in (0, 2), text
    for words in EXPIRED:
        assert words in text, text
    assert "PLAY [" not in text


def test_a_playbook_that_imports_ours_begins_with_the_preflight_too(tmp_path: Path) -> None:
    from ansible_collections.tiketi.platform.plugins.inventory import aws_ec2  # noqa: PLC0415

    (tmp_path / "ours.yml").write_text("- import_playbook: tiketi.platform.site\n")
    (tmp_path / "theirs.yml").write_text("- hosts: all\n  tasks: []\n- import_playbook: tiketi.platform.site\n")
    assert aws_ec2._begins_with_preflight("ours.yml", tmp_path)
    assert not aws_ec2._begins_with_preflight("theirs.yml", tmp_path)
    assert not aws_ec2._begins_with_preflight("missing.yml", tmp_path)


@pytest.mark.parametrize("endpoint", [EMPTY], indirect=True)
def test_an_answer_without_hosts_is_an_answer(endpoint: str) -> None:
    code, text = said("ansible-inventory", "-i", "inventories/k3s", "--list", AWS_ENDPOINT_URL=endpoint)
    assert code == 0, text
    assert "inventory_refused" not in text
