"""Hosts reached by public addresses form a cluster by their private ones, which alone their security groups let in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

PRIVATE, PUBLIC = "10.0.64.5", "198.51.100.7"
INSTANCE = {
    "inventory_hostname": "server-1",
    "aws_tags": {"InventoryHost": "server-1"},
    "aws_private_ip_address": PRIVATE,
    "aws_public_ip_address": PUBLIC,
    "aws_placement": {"availability_zone": "ap-northeast-2c", "region": "ap-northeast-2"},
}


def read(path: str) -> Any:
    return yaml.safe_load(Path(path).read_text())


def render(template: str, **variables: Any) -> Any:
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(template))


def host(connect: str) -> dict[str, Any]:
    """The variables of a host as the inventory k3s and the defaults of the roles make them."""
    variables: dict[str, Any] = {**INSTANCE, "ec2_host_connect": connect}
    for name, expression in read("inventories/k3s/aws_ec2.yml")["compose"].items():
        variables[name] = render("{{ " + expression + " }}", **variables)
    for role in ("k3s_common", "k3s_server"):
        defaults = read(f"roles/{role}/defaults/main.yml")
        for name in ("k3s_common_address", "k3s_server_api_address", "k3s_server_tls_san"):
            if name in defaults and name not in variables:
                value = defaults[name]
                variables[name] = render(value, **variables) if isinstance(value, str) else value
    return variables


@pytest.mark.parametrize(("connect", "api"), [("private", PRIVATE), ("public", PUBLIC)])
def test_nodes_speak_by_private_addresses_and_the_controller_by_its_own(connect: str, api: str) -> None:
    variables = host(connect)
    assert variables["ansible_host"] == api
    assert variables["k3s_common_address"] == PRIVATE
    look = read("roles/k3s_agent/tasks/servers.yml")[0]["tiketi.platform.k3s_node_info"]["address"]
    assert render(look, hostvars={"server-1": variables}, __k3s_agent_server="server-1") == PRIVATE
    turn = read("roles/k3s_server/tasks/turn.yml")[0]["vars"]["__k3s_common_tls_san"]
    assert render(turn, **variables) == [api]
    url = read("roles/k3s_server/vars/main.yml")["__k3s_server_url"]
    assert render(url, **variables) == f"https://{api}:6443"


def test_an_address_of_version_6_is_written_as_one() -> None:
    url = read("roles/k3s_server/vars/main.yml")["__k3s_server_url"]
    assert render(url, k3s_server_api_address="2001:db8::1") == "https://[2001:db8::1]:6443"


def test_nodes_carry_their_zone_where_aws_names_one() -> None:
    values = read("inventories/k3s/group_vars/all.yml")
    labels = render(values["k3s_server_node_labels"], **INSTANCE)
    assert labels == {
        "topology.kubernetes.io/zone": "ap-northeast-2c",
        "topology.kubernetes.io/region": "ap-northeast-2",
    }
    assert render(values["k3s_agent_node_labels"], k3s_server_node_labels=labels) == labels
    assert render(values["k3s_server_node_labels"]) == {}


def test_a_cluster_outside_aws_needs_no_region() -> None:
    expression = read("roles/k3s_common/tasks/node.yml")[0]["tiketi.platform.k3s_node"]["urls"]
    variables = {
        "__k3s_common_own_urls": [],
        "k3s_common_urls": ["https://example.com/k3s"],
        "k3s_common_version": "v1.34.2+k3s1",
        "k3s_common_region": "{{ platform_region }}",
    }
    command = [Path(sys.executable).with_name("ansible"), "localhost", "-m", "ansible.builtin.debug"]
    command += ["-a", json.dumps({"msg": expression}), "-e", json.dumps(variables)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "https://example.com/k3s" in done.stdout, done.stdout + done.stderr
