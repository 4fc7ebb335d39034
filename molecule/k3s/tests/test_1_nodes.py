"""What a converged cluster is, seen on its hosts and from the controller."""

from __future__ import annotations

import base64
import http.client
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from testinfra.host import Host

from .conftest import AGENT, AGENT_TOKEN, DIRECTORY, OTHER_AGENT, SERVER, SERVER_TOKEN, host

PRIVATE = ["config.yaml", "token", ".tiketi-platform.json"]


def bracketed(token: str) -> str:
    """A pattern that does not find its own command line, in the process list or in sudo's log."""
    return f"[{token[0]}]{token[1:]}"


@pytest.mark.parametrize(("name", "unit"), [(SERVER, "k3s"), (AGENT, "k3s-agent"), (OTHER_AGENT, "k3s-agent")])
def test_the_service_runs_from_a_unit_without_secrets(name: str, unit: str) -> None:
    machine = host(name)
    service = machine.service(unit)
    assert service.is_enabled
    assert service.is_running
    for file in PRIVATE:
        found = machine.file(f"/etc/rancher/k3s/{file}")
        assert (found.user, found.mode) == ("root", 0o600)
    assert machine.file("/usr/local/bin/k3s").mode == 0o755


def test_every_node_is_ready_and_the_server_votes(nodes: dict[str, Any]) -> None:
    assert sorted(nodes) == [AGENT, OTHER_AGENT, SERVER]
    for node in nodes.values():
        conditions = {one["type"]: one["status"] for one in node["status"]["conditions"]}
        assert conditions["Ready"] == "True"
    conditions = {one["type"]: one["status"] for one in nodes[SERVER]["status"]["conditions"]}
    assert conditions["EtcdIsVoter"] == "True"


def test_labels_and_taints(nodes: dict[str, Any]) -> None:
    assert nodes[AGENT]["metadata"]["labels"]["tiketi.io/pool"] == "batch"
    taint = {"key": "tiketi.io/batch", "value": "yes", "effect": "PreferNoSchedule"}
    assert taint in nodes[AGENT]["spec"]["taints"]
    assert "tiketi.io/pool" not in nodes[OTHER_AGENT]["metadata"]["labels"]


def test_the_agent_pins_the_ca_and_has_no_server_token(server: Host, agent: Host) -> None:
    authority = server.check_output("sha256sum /var/lib/rancher/k3s/server/tls/server-ca.crt").split()[0]
    assert agent.file("/etc/rancher/k3s/token").content_string.strip() == f"K10{authority}::node:{AGENT_TOKEN}"
    found = agent.run(f"grep -rlsE '{bracketed(SERVER_TOKEN)}' /etc /var/lib/rancher /tmp /var/tmp /home /root")
    assert found.stdout == ""


def test_no_kubelet_reaches_for_the_pods_of_another_host(server: Host, agent: Host) -> None:
    """A cgroup hierarchy that hosts share (v1, mounted whole) holds the pods of both: each takes the others' for orphans."""
    hierarchies = [
        set(machine.check_output("find /sys/fs/cgroup -type d -name 'kubepods*' -printf '%D:%i\\n'").split())
        for machine in (server, agent)
    ]
    assert all(hierarchies)
    assert not hierarchies[0] & hierarchies[1]
    for machine in (server, agent):
        log = machine.run("cat /var/lib/rancher/k3s/logs/kubelet.log; journalctl -u k3s -u k3s-agent --no-pager").stdout
        assert "kubelet" in log
        assert "Failed to delete cgroup paths" not in log


@pytest.mark.parametrize("name", [SERVER, AGENT])
def test_no_token_in_argv_units_journal_or_readable_files(name: str) -> None:
    machine = host(name)
    for token in (SERVER_TOKEN, AGENT_TOKEN):
        pattern = bracketed(token)
        assert machine.run(f"cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '{pattern}'").stdout.strip() == "0"
        assert machine.run(f"journalctl --no-pager | grep -c '{pattern}'").stdout.strip() == "0"
        readable = machine.run(
            "find /etc /var/lib/rancher /tmp /var/tmp /home /root -xdev -type f -perm -004 -size -1M "
            f"-exec grep -lE '{pattern}' {{}} +"
        )
        assert readable.stdout == ""


def test_secrets_are_encrypted_from_the_first_boot(server: Host) -> None:
    value = "canary-of-the-datastore"
    server.check_output(f"k3s kubectl create secret generic canary --from-literal=a={value}")
    try:
        server.check_output("k3s kubectl get secret canary")
        assert server.run(f"grep -rlF {value} /var/lib/rancher/k3s/server/db/etcd").stdout == ""
        assert server.run("grep -rlF canary /var/lib/rancher/k3s/server/db/etcd").stdout != ""
    finally:
        server.run("k3s kubectl delete secret canary")


def test_a_privileged_pod_is_refused_outside_kube_system(server: Host) -> None:
    command = "k3s kubectl --namespace {} run canary --image=example.com/x:1 --privileged --dry-run=server"
    refused = server.run(command.format("default"))
    assert refused.rc != 0
    assert 'violates PodSecurity "restricted' in refused.stderr
    assert server.run(command.format("kube-system")).rc == 0


def test_the_kubeconfig_of_the_run_answers_from_the_controller(tmp_path: Path) -> None:
    path = DIRECTORY / "kubeconfig"
    assert path.stat().st_mode & 0o777 == 0o600
    config = yaml.safe_load(path.read_text())
    assert config["current-context"] == "tiketi-molecule"
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    assert cluster["server"] == "https://10.89.16.11:6443"
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    pair = tmp_path / "pair.pem"
    pair.touch(mode=0o600)
    pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
    context.load_cert_chain(pair)
    connection = http.client.HTTPSConnection("10.89.16.11", 6443, context=context, timeout=10)
    connection.request("GET", "/readyz")
    assert connection.getresponse().read() == b"ok"
