"""What the roles rely on when a setting is wrong, or is read at one moment only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import yaml

from tests.integration.k3s_contract.conftest import Host, eventually

pytestmark = pytest.mark.sandbox
DROP_IN = "/etc/rancher/k3s/config.yaml.d/zz-contract.yaml"
REGISTRIES = "/etc/rancher/k3s/registries.yaml"
SCRATCH = "/var/tmp/k3s-contract"  # noqa: S108  made and removed by root below
WORDS_SECONDS = 60
# docs.k3s.io/cli/server, "Critical Configuration Values".
AGREED = ("cluster-", "service-cidr", "disable", "egress-", "embedded-registry", "flannel-", "secrets-encryption")

Setting = Callable[[str], "AbstractContextManager[Callable[[str], bool]]"]


@contextmanager
def setting(host: Host, unit: str, content: str) -> Iterator[Callable[[str], bool]]:
    """The unit restarted under a further setting, and as it was afterwards; says whether its journal has some words."""
    since = host.run("date '+%F %T'").strip()
    log = f"journalctl -u {unit} --since '{since}' --no-pager"
    host.run(f"mkdir -p {DROP_IN.rpartition('/')[0]}; printf '%s\\n' '{content}' > {DROP_IN}")
    try:
        host.run(f"systemctl restart --no-block {unit}")
        yield lambda words: eventually(lambda: words in host.run(log), WORDS_SECONDS)
    finally:
        host.run(f"rm -f {DROP_IN}; systemctl restart {unit}", 180)


@pytest.fixture
def on_agent(server: Host, agent: Host, agent_unit: str, agent_name: str) -> Iterator[Setting]:
    yield lambda content: setting(agent, agent_unit, content)
    server.kubectl(f"wait --for=condition=Ready node/{agent_name} --timeout=60s")


def test_another_authority_than_the_pinned_one_is_refused(agent: Host, on_agent: Setting) -> None:
    """docs.k3s.io/cli/token, "TLS Bootstrapping": the hash is compared before credentials are presented."""
    agent.run(f"mkdir -p {SCRATCH}; (umask 077; echo 'K10{'0' * 64}::node:x' > {SCRATCH}/token)")
    try:
        with on_agent(f"token-file: {SCRATCH}/token") as says:
            assert says("token CA hash does not match the Cluster CA certificate hash")
    finally:
        agent.run(f"rm -rf {SCRATCH}")


@pytest.mark.full
def test_a_setting_of_servers_ends_an_agent(on_agent: Setting) -> None:
    """docs.k3s.io/cli/agent lists what an agent knows; the rest is an undefined flag."""
    with on_agent("cluster-cidr: 10.42.0.0/16") as says:
        assert says("flag provided but not defined: -cluster-cidr")


@pytest.mark.full
def test_a_server_skips_what_it_does_not_know_and_whom_to_join_where_data_is(server: Host) -> None:
    """docs.k3s.io/installation/configuration, and docs.k3s.io/datastore/ha-embedded: server and cluster-init do nothing."""
    before = {node["metadata"]["uid"] for node in server.objects("nodes")}
    with setting(server, "k3s", "server: https://192.0.2.1:6443\nno-such-setting: true") as says:
        assert says("no-such-setting")
        assert eventually(lambda: server.try_run("k3s kubectl get --raw /readyz").stdout == "ok", 120)
        assert {node["metadata"]["uid"] for node in server.objects("nodes")} == before


@pytest.mark.full
def test_taints_are_set_at_registration_only(server: Host, on_agent: Setting, agent_name: str) -> None:
    """docs.k3s.io/cli/agent: node-taint is for registration; later changes are kubectl's."""
    with on_agent("node-taint+: [contract=late:NoSchedule]"):
        server.kubectl(f"wait --for=condition=Ready node/{agent_name} --timeout=60s")
        assert "contract" not in server.kubectl(f"get node {agent_name} -o jsonpath={{.spec.taints}}")


@pytest.mark.full
def test_registries_are_read_at_start(agent: Host, on_agent: Setting) -> None:
    """docs.k3s.io/installation/private-registry: K3s reads the file at its start and makes containerd's from it."""
    if agent.try_run(f"test -e {REGISTRIES}").returncode == 0:
        pytest.skip("this agent has registries of its own")
    made = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d/contract.invalid/hosts.toml"
    agent.run(
        f"""printf 'mirrors:\\n  contract.invalid:\\n    endpoint: ["https://mirror.invalid"]\\n' > {REGISTRIES}"""
    )
    try:
        assert agent.try_run(f"test -e {made}").returncode != 0
        with on_agent("debug: false"):
            assert eventually(lambda: "mirror.invalid" in agent.try_run(f"cat {made}").stdout, 60)
            agent.run(f"rm {REGISTRIES}")
            assert agent.try_run(f"test -e {made}").returncode == 0
    finally:
        agent.run(f"rm -f {REGISTRIES}")
    # The restart that ended the setting has read that there is no file any more.
    assert eventually(lambda: "mirror.invalid" not in agent.try_run(f"cat {made}").stdout, 60)


@pytest.mark.full
def test_the_kubelet_gets_the_credential_provider(agent: Host, agent_unit: str) -> None:
    """docs.k3s.io/cli/agent: image-credential-provider-config and -bin-dir, with their default places."""
    place = "/var/lib/rancher/credentialprovider"
    if agent.try_run(f"test -e {place}/config.yaml -a -d {place}/bin").returncode:
        pytest.skip("this agent has no credential provider")
    line = agent.run(f"journalctl -u {agent_unit} --no-pager | grep 'Running kubelet ' | tail -n 1")
    assert f"--image-credential-provider-config={place}/config.yaml" in line
    assert f"--image-credential-provider-bin-dir={place}/bin" in line


@pytest.fixture
def second_server(server: Host, agent: Host) -> Iterator[Callable[[str], str]]:
    """A server started by hand beside the agent, which must not get as far as etcd; gives what it says."""
    if not server.objects("nodes -l node-role.kubernetes.io/etcd"):
        pytest.skip("this server has no etcd that others may join")
    if server.try_run("test -s /etc/rancher/k3s/config.yaml").returncode:
        pytest.skip("the settings of this server are not in config.yaml")
    address = server.objects("nodes -l node-role.kubernetes.io/control-plane")[0]["status"]["addresses"][0]["address"]
    agent.run(f"mkdir -p -m 700 {SCRATCH}")
    own = yaml.safe_load(server.run("cat /etc/rancher/k3s/config.yaml"))
    config = {key: value for key, value in own.items() if key.startswith(AGREED) and key != "cluster-init"}
    config |= {"server": f"https://{address}:6443", "data-dir": f"{SCRATCH}/data", "token-file": f"{SCRATCH}/token"}
    # Secrets go by the standard input.
    agent.run(f"umask 077; cat > {SCRATCH}/token", stdin=server.run("cat /var/lib/rancher/k3s/server/token"))
    if given := own.get("agent-token-file"):
        agent.run(f"umask 077; cat > {SCRATCH}/agent-token", stdin=server.run(f"cat {given}"))
        config["agent-token-file"] = f"{SCRATCH}/agent-token"
    agent.run(f"cat > {SCRATCH}/config.yaml", stdin=json.dumps(config))

    def run(options: str) -> str:
        command = (
            f"timeout 60 k3s server --config {SCRATCH}/config.yaml --write-kubeconfig {SCRATCH}/k3s.yaml {options}"
        )
        done = agent.try_run(f"{command} 2>&1", 90)
        assert done.returncode not in (0, 124), done.stdout[-2000:]
        return done.stdout

    yield run
    agent.run(f"rm -rf {SCRATCH}")


@pytest.mark.full
def test_servers_must_agree_on_critical_settings(second_server: Callable[[str], str]) -> None:
    """docs.k3s.io/cli/server, "Critical Configuration Values": a server that differs does not join."""
    said = second_server("--disable-agent --cluster-domain contract.invalid")
    assert "critical configuration mismatched: cluster-domain" in said
    assert "critical configuration value mismatch between servers" in said


@pytest.mark.full
def test_a_second_member_of_one_name_is_refused(server: Host, second_server: Callable[[str], str]) -> None:
    """docs.k3s.io/datastore/ha-embedded: every server has a name of its own."""
    name = server.objects("nodes -l node-role.kubernetes.io/etcd")[0]["metadata"]["name"]
    assert "duplicate node name found" in second_server(f"--disable-agent --node-name {name}")
