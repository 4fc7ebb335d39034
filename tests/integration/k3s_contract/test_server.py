"""What the roles rely on from a server."""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.integration.k3s_contract.conftest import Host

pytestmark = pytest.mark.sandbox
DATA = "/var/lib/rancher/k3s/server"
API = "https://127.0.0.1:6443"


def status(host: Host, path: str, options: str = "") -> str:
    return host.run(f"curl -s --cacert {DATA}/tls/server-ca.crt -o /dev/null -w '%{{http_code}}' {options} {API}{path}")


def test_version_names_the_release_on_its_first_line(server: Host) -> None:
    """docs.k3s.io/cli: `k3s --version`."""
    assert re.match(r"k3s version v\d+\.\d+\.\d+\+k3s\d+ \(\w+\)\ngo version go", server.run("k3s --version"))


def test_server_token_pins_the_authority(server: Host) -> None:
    """docs.k3s.io/cli/token, "Secure": K10<sha256 of the CA certificate>::<user>:<password>."""
    authority = server.run(f"curl -s --cacert {DATA}/tls/server-ca.crt {API}/cacerts")
    assert authority == server.run(f"cat {DATA}/tls/server-ca.crt")
    digest = hashlib.sha256(authority.encode()).hexdigest()
    assert re.fullmatch(f"K10{digest}::server:\\S+\n", server.run(f"cat {DATA}/token"))


def test_token_files_and_their_modes(server: Host) -> None:
    """docs.k3s.io/cli/token: node-token is the server token, agent-token a link to it unless one is set."""
    assert server.run(f"cat {DATA}/node-token") == server.run(f"cat {DATA}/token")
    assert re.match(r"K10[0-9a-f]{64}::(node|server):", server.run(f"cat {DATA}/agent-token"))
    assert server.run(f"stat -c %a {DATA}/token").strip() == "600"


def test_kubeconfig_is_private_and_local(server: Host) -> None:
    """docs.k3s.io/cluster-access: /etc/rancher/k3s/k3s.yaml; docs.k3s.io/cli/server: write-kubeconfig-mode 600."""
    assert server.run("stat -c %a /etc/rancher/k3s/k3s.yaml").strip() == "600"
    assert f"server: {API}" in server.run("cat /etc/rancher/k3s/k3s.yaml")


def test_one_port_serves_supervisor_and_api(server: Host) -> None:
    """docs.k3s.io/installation/requirements: 6443 is the K3s supervisor and the Kubernetes API server."""
    assert server.run(f"curl -s --cacert {DATA}/tls/server-ca.crt {API}/ping") == "pong"
    assert status(server, "/readyz") == "401"
    assert server.kubectl("get --raw /readyz") == "ok"


def test_wrong_token_is_refused(server: Host) -> None:
    """docs.k3s.io/cli/token: only holders of a token join."""
    assert status(server, "/v1-k3s/config", "-u node:wrong") == "401"


def test_agent_token_does_not_join_servers(server: Host) -> None:
    """docs.k3s.io/cli/token, "Agent": an agent token joins agents only."""
    token = server.run(f"cat {DATA}/agent-token").strip()
    if "::node:" not in token:
        pytest.skip("this cluster has no agent token of its own")
    credential = token.partition("::")[2]
    assert status(server, "/v1-k3s/config", f"-u '{credential}'") == "200"
    assert status(server, "/v1-k3s/server-bootstrap", f"-u '{credential}'") in ("401", "403")


@pytest.mark.full
def test_bootstrap_token_lives_and_dies(server: Host) -> None:
    """docs.k3s.io/cli/token, "k3s token create": agent tokens with an end."""
    token = server.run("k3s token create --ttl 1h").strip()
    assert re.fullmatch(r"K10[0-9a-f]{64}::[a-z0-9]{6}\.[a-z0-9]{16}", token)
    secret = token.partition("::")[2]
    identity = secret.partition(".")[0]
    assert identity in server.run("k3s token list")
    assert status(server, "/v1-k3s/config", f"-H 'Authorization: Bearer {secret}'") == "200"
    server.run(f"k3s token delete {identity}")
    assert identity not in server.run("k3s token list")
    assert status(server, "/v1-k3s/config", f"-H 'Authorization: Bearer {secret}'") == "401"


def test_certificates_are_listed_with_their_days(server: Host) -> None:
    """docs.k3s.io/cli/certificate: `k3s certificate check --output table`."""
    table = server.run("k3s certificate check --output table")
    assert re.search(r"client-admin\.crt .*(OK|WARNING)", table)
    assert re.search(r"server-ca\.crt .*CertSign.*OK", table)


def test_encryption_of_secrets_is_as_configured(server: Host) -> None:
    """docs.k3s.io/cli/secrets-encrypt: status; with it on, the datastore holds no plain Secret."""
    wanted = "secrets-encryption: true" in server.run(
        "cat /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/* 2>&1; true"
    )
    assert server.run("k3s secrets-encrypt status").startswith(
        f"Encryption Status: {'Enabled' if wanted else 'Disabled'}"
    )


@pytest.mark.full
def test_snapshot_is_taken_listed_and_deleted(server: Host) -> None:
    """docs.k3s.io/cli/etcd-snapshot."""
    if not server.objects("nodes -l node-role.kubernetes.io/etcd"):
        pytest.skip("this server has no etcd that others may join")
    server.run("k3s etcd-snapshot save --name contract")
    name = re.search(r"contract-\S+-\d+", server.run("k3s etcd-snapshot ls"))
    assert name
    mode = server.run(f"stat -c %a {DATA}/db/snapshots/{name[0]}").strip()
    assert mode == "600"
    server.run(f"k3s etcd-snapshot delete {name[0]}")
    assert name[0] not in server.run("k3s etcd-snapshot ls")


def test_etcd_members_say_whether_they_vote(server: Host) -> None:
    """docs.k3s.io/datastore/ha-embedded; the condition is on the Node of every etcd server."""
    for node in server.objects("nodes -l node-role.kubernetes.io/etcd"):
        conditions = {item["type"]: item["status"] for item in node["status"]["conditions"]}
        assert conditions.get("EtcdIsVoter") == "True", node["metadata"]["name"]
        assert "etcd.k3s.cattle.io/node-name" in node["metadata"]["annotations"]
