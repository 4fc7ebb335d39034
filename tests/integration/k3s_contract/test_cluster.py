"""What the roles rely on from a cluster with an agent."""

from __future__ import annotations

import pytest

from tests.integration.k3s_contract.conftest import Host, eventually

pytestmark = pytest.mark.sandbox
MANIFEST = "/var/lib/rancher/k3s/server/manifests/contract.yaml"


def test_all_nodes_are_ready(server: Host) -> None:
    """docs.k3s.io/quick-start: the node is there after the start of the service."""
    for node in server.objects("nodes"):
        conditions = {item["type"]: item["status"] for item in node["status"]["conditions"]}
        assert conditions["Ready"] == "True", node["metadata"]["name"]
        assert node["status"]["nodeInfo"]["kubeletVersion"] in server.run("k3s --version")


def test_every_node_has_its_password_kept(server: Host) -> None:
    """docs.k3s.io/architecture, "How Agent Node Registration Works": <node>.node-password.k3s in kube-system."""
    kept = {item["metadata"]["name"] for item in server.objects("secrets -n kube-system")}
    assert {f"{node['metadata']['name']}.node-password.k3s" for node in server.objects("nodes")} <= kept


def test_a_node_names_resolvers_that_all_know_the_network(server: Host, agent: Host) -> None:
    """docs.k3s.io/cli/agent, --resolv-conf: CoreDNS forwards to what is named there, and asks any of them, not the first."""
    for host in (server, agent):
        named = host.run("grep -c '^nameserver' /etc/resolv.conf").strip()
        assert named == "1", (
            "a second resolver that knows no name of the VPC makes pods lose their database now and then"
        )


@pytest.mark.full
def test_another_password_is_rejected(server: Host, agent: Host, agent_unit: str, agent_name: str) -> None:
    """docs.k3s.io/architecture: a node of a known name with another password does not join."""
    agent.run(
        "cp -p /etc/rancher/node/password /etc/rancher/node/password.kept; echo other > /etc/rancher/node/password"
    )
    try:
        since = agent.run("date '+%F %T'").strip()
        agent.run(f"systemctl restart --no-block {agent_unit}")
        log = f"journalctl -u {agent_unit} --since '{since}' --no-pager"
        assert eventually(lambda: "Node password rejected" in agent.run(log), 60)
    finally:
        agent.run("mv /etc/rancher/node/password.kept /etc/rancher/node/password")
        agent.run(f"systemctl restart {agent_unit}", 120)
    server.kubectl(f"wait --for=condition=Ready node/{agent_name} --timeout=60s")


@pytest.mark.full
def test_labels_are_set_at_registration_only(server: Host, agent: Host, agent_unit: str, agent_name: str) -> None:
    """docs.k3s.io/cli/agent: node-label is for registration; later changes are kubectl's."""
    drop_in = "/etc/rancher/k3s/config.yaml.d/zz-contract.yaml"
    agent.run(f"mkdir -p /etc/rancher/k3s/config.yaml.d; echo 'node-label+: [contract=late]' > {drop_in}")
    try:
        agent.run(f"systemctl restart {agent_unit}", 120)
        server.kubectl(f"wait --for=condition=Ready node/{agent_name} --timeout=60s")
        labels = server.kubectl(f"get node {agent_name} --show-labels")
        assert "contract=late" not in labels
    finally:
        agent.run(f"rm {drop_in}; systemctl restart {agent_unit}", 120)


@pytest.mark.full
def test_pods_outlive_a_restart_of_the_agent(server: Host, agent: Host, agent_unit: str, agent_name: str) -> None:
    """docs.k3s.io/upgrades/killall: "Stopping the service does not stop containers"."""
    query = f"pods -A --field-selector spec.nodeName={agent_name},status.phase=Running"
    before = {pod["metadata"]["uid"]: _restarts(pod) for pod in server.objects(query)}
    if not before:
        pytest.skip("no pod runs on the agent")
    agent.run(f"systemctl restart {agent_unit}", 120)
    server.kubectl(f"wait --for=condition=Ready node/{agent_name} --timeout=60s")
    after = {pod["metadata"]["uid"]: _restarts(pod) for pod in server.objects(query)}
    assert before == {uid: after.get(uid) for uid in before}


def _restarts(pod: dict[str, list[dict[str, int]]]) -> int:
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", []))  # type: ignore[call-overload]


def test_manifests_directory_is_applied_at_start_and_on_change(server: Host) -> None:
    """docs.k3s.io/installation/packaged-components, "Auto-Deploying Manifests"."""

    def value() -> str:
        return server.try_run("k3s kubectl get configmap contract -n default -o jsonpath={.data.v}").stdout

    template = (
        "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {{name: contract, namespace: default}}\\ndata: {{v: {0}}}\\n"
    )
    try:
        for wanted in ("one", "two"):
            server.run(f"printf '{template.format(wanted)}' > {MANIFEST}")
            assert eventually(lambda wanted=wanted: value() == wanted, 60)  # type: ignore[misc]
    finally:
        server.run(f"rm -f {MANIFEST}; k3s kubectl delete configmap contract -n default --ignore-not-found")


def test_packaged_parts_are_there_unless_disabled(server: Host) -> None:
    """docs.k3s.io/networking/networking-services, docs.k3s.io/storage: DNS, ingress class, storage class, metrics."""
    config = server.run("cat /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*.yaml 2>&1; true")
    assert server.kubectl("get service kube-dns -n kube-system -o jsonpath={.spec.clusterIP}") == "10.43.0.10"
    for part, question in {
        "traefik": "get ingressclass traefik",
        "local-storage": "get storageclass local-path",
        "metrics-server": "get apiservice v1beta1.metrics.k8s.io",
    }.items():
        if part not in config:
            server.kubectl(question)


def test_metrics_are_served(server: Host) -> None:
    """docs.k3s.io/installation/packaged-components: metrics-server."""
    if server.try_run("k3s kubectl get deployment metrics-server -n kube-system").returncode:
        pytest.skip("metrics-server is disabled")
    assert eventually(lambda: server.try_run("k3s kubectl top nodes --no-headers").returncode == 0, 90)


@pytest.mark.full
def test_load_balancer_gets_the_addresses_of_nodes(server: Host) -> None:
    """docs.k3s.io/networking/networking-services, "Service Load Balancer": the nodes' addresses, ports 80 and 443."""
    if server.try_run("k3s kubectl get service traefik -n kube-system").returncode:
        pytest.skip("traefik is disabled")
    address = server.kubectl("get service traefik -n kube-system -o jsonpath={.status.loadBalancer.ingress[0].ip}")
    status = server.run(f"curl -s -m 10 -o /dev/null -w '%{{http_code}}' http://{address}/contract-nothing-here")
    assert status == "404"
