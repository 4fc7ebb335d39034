"""A task that is delegated to a host verifies it by its own name, and not by that of the host which delegates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.inventory.test_refused import endpoint, said

__all__ = ["endpoint"]
PLAY = """
- hosts: account
  gather_facts: false
  tasks:
    - ansible.builtin.raw: "true"
      delegate_to: {}
"""
INSTANCE = (
    "<DescribeInstancesResponse><requestId>1</requestId><reservationSet><item><ownerId>1</ownerId><reservationId>r-1</reservationId><instancesSet><item>"
    "<instanceId>i-1</instanceId><privateIpAddress>127.0.0.9</privateIpAddress>"
    "<instanceState><code>16</code><name>running</name></instanceState>"
    "<placement><availabilityZone>ap-northeast-2a</availabilityZone></placement>"
    "<tagSet><item><key>InventoryHost</key><value>{}</value></item></tagSet>"
    "</item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
)


@pytest.mark.parametrize(
    ("stage", "host", "endpoint"),
    [
        (stage, host, (200, INSTANCE.format(host)))
        for stage, host in (("single", "app-1"), ("managed", "app-1"), ("k3s", "legacy"))
    ],
    ids=["single", "managed", "k3s"],
    indirect=["endpoint"],
)
def test_the_name_by_which_a_host_is_verified(endpoint: str, tmp_path: Path, stage: str, host: str) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\nexit 255\n')
    ssh.chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAY.format(host))
    given = ("-i", f"inventories/{stage}", "-e", f"ansible_ssh_executable={ssh} ansible_ssh_retries=0")
    code, text = said(
        "ansible-playbook", str(tmp_path / "play.yml"), *given, AWS_ENDPOINT_URL=endpoint, HOME=str(tmp_path)
    )
    assert code == 4, text
    asked = (tmp_path / "asked").read_text()
    assert "127.0.0.9" in asked, text
    assert set(re.findall(r"HostKeyAlias=(\S+)", asked)) == {host}
