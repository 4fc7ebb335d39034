"""Bad settings are named all at once, before any host is asked; versions move one way only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.tiketi.platform.plugins.filter.k3s import k3s_signed
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import checks, fetch, presign, tokens, versions
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError

GOOD: dict[str, Any] = {
    "servers": ["s1"],
    "agents": ["a1"],
    "version": "v1.34.2+k3s1",
    "sha256": "a" * 64,
    "urls": ["file:///opt/k3s", "s3://bucket/{version}/k3s{suffix}"],
    "cluster_cidr": "10.42.0.0/16",
    "service_cidr": "10.43.0.0/16",
    "vpc_cidr": "10.89.0.0/16",
    "config": {"snapshotter": "native"},
    "server_config": {"etcd-snapshot-retention": 9, "no-such-key": 1},
    "agent_config": {"kubelet-arg+": ["max-pods=50"]},
    "credential_provider": {},
}


def test_faults_are_said_in_their_order_below_the_headline() -> None:
    task = yaml.safe_load(Path("roles/k3s_common/tasks/preflight.yml").read_text())[0]
    faults = [f"fault {number}" for number in range(20)]
    templar = Templar(loader=DataLoader(), variables={"__k3s_common_faults": faults})
    lines = templar.template(trust_as_template(task["ansible.builtin.assert"]["fail_msg"])).splitlines()
    assert lines[0].endswith("nothing was touched:")
    assert lines[1:] == [f"  - {fault}" for fault in faults]


def test_good_settings_have_no_fault() -> None:
    assert checks.faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"servers": []}, ["group k3s_servers is empty"]),
        ({"servers": ["s1", "s2"]}, ["k3s_servers has 2 hosts (s1, s2)", "odd number"]),
        ({"agents": ["s1"]}, ["s1: in k3s_servers and in k3s_agents"]),
        ({"version": "1.34.2"}, ["k3s_common_version", "v1.34.2+k3s1"]),
        ({"version": "latest"}, ["k3s_common_version"]),
        ({"sha256": ""}, ["k3s_common_sha256", "v1.34.2%2Bk3s1/sha256sum"]),
        ({"sha256": {}}, ["k3s_common_sha256 is empty"]),
        ({"sha256": {"arm64": "A" * 64}}, ["k3s_common_sha256 for arm64"]),
        ({"urls": []}, ["k3s_common_urls is empty"]),
        ({"urls": ["s3://bucket"]}, ["k3s_common_urls has 's3://bucket'", "s3://bucket/key"]),
        ({"urls": ["ftp://example.com/k3s?signature=canary"]}, ["'ftp://example.com/k3s'"]),
        ({"images": [{"url": "ftp://x/y", "sha256": "a" * 64}]}, ["k3s_common_images[0].url has 'ftp://x/y'"]),
        ({"cluster_cidr": "10.42.0.0/24"}, ["room for 1 nodes of a /24 each, and there are 2", "/23 or larger"]),
        ({"cluster_cidr": "10.42.0.0/28"}, ["room for 0 nodes"]),
        ({"service_cidr": "10.43.0.0/29"}, ["k3s_common_service_cidr 10.43.0.0/29 is a /29", "from /12 to /28"]),
        ({"service_cidr": "10.0.0.0/8", "cluster_cidr": "172.16.0.0/16", "vpc_cidr": ""}, ["is a /8"]),
        ({"service_cidr": "fd00:43::/112"}, ["is of IPv4 and fd00:43::/112 of IPv6"]),
        ({"cluster_cidr": "not-a-network"}, ["k3s_common_cluster_cidr is not a network"]),
        ({"service_cidr": "10.43.0.1/16"}, ["k3s_common_service_cidr is not a network", "host bits"]),
        ({"cluster_cidr": "10.40.0.0/14"}, ["k3s_common_cluster_cidr 10.40.0.0/14 overlaps k3s_common_service_cidr"]),
        ({"vpc_cidr": "10.0.0.0/8"}, ["overlaps k3s_common_vpc_cidr 10.0.0.0/8"]),
        ({"credential_provider": {"url": "x"}}, ["k3s_common_credential_provider has url", "urls and sha256"]),
        (
            {"credential_provider": {"urls": ["https://example.com/x"], "sha256": {"amd64": "b" * 64, "arm64": ""}}},
            ["k3s_common_credential_provider.sha256", "64 small hex digits"],
        ),
        ({"credential_provider": {"urls": ["https://example.com/x"]}}, ["k3s_common_credential_provider.sha256"]),
        ({"credential_provider": {"urls": ["ftp://x"], "sha256": "b" * 64}}, ["k3s_common_credential_provider.urls"]),
        ({"config": {"token": "x"}}, ["k3s_common_config has token", "secret"]),
        (
            {"config": {"etcd-expose-metrics": True}},
            ["k3s_common_config has etcd", "move it to k3s_common_server_config"],
        ),
        (
            {"agent_config": {"disable-network-policy": True}},
            ["k3s_common_agent_config has", "not defined", "remove it"],
        ),
        ({"server_config": {"tls-san": ["x"]}}, ["k3s_common_server_config has tls-san", "own options"]),
        ({"config": {"data-dir": "/data"}}, ["k3s_common_config has data-dir", "mount a volume"]),
        ({"server_config": {"https-listen-port": 7443}}, ["https-listen-port", "6443"]),
        ({"config": {"bind-address": "10.0.0.1"}}, ["bind-address", "security group"]),
        ({"config": {"config": "/etc/k3s.yaml"}}, ["has config,", "config.yaml"]),
        ({"server_config": {"write-kubeconfig": "/x"}}, ["write-kubeconfig", "k3s_server_kubeconfig"]),
        ({"config": {"private-registry": "/x"}}, ["private-registry", "k3s_common_registries"]),
        ({"agent_config": {"node-label+": ["a=b"]}}, ["node-label", "k3s_agent_node_labels"]),
        ({"config": {"tls-san+": ["x"]}}, ["k3s_common_config has tls-san+", "own options"]),
    ],
)
def test_each_fault_names_the_variable_and_the_mend(change: dict[str, Any], words: list[str]) -> None:
    found = "\n".join(checks.faults({**GOOD, **change}))
    for word in words:
        assert word in found


def test_addresses_in_s3_are_signed_for_every_architecture_that_they_name() -> None:
    urls = ["https://example.com/k3s{suffix}", "s3://bucket/{version}/k3s{suffix}", "s3://bucket/any"]
    found = presign.signed(urls, "v1.34.2+k3s1", lambda bucket, key: f"https://{bucket}/{key}?signature=canary")
    assert fetch.addresses(found, "v1.34.2+k3s1", "amd64") == (
        "https://example.com/k3s",
        "https://bucket/v1.34.2+k3s1/k3s?signature=canary",
        "https://bucket/any?signature=canary",
    )
    assert "https://bucket/v1.34.2+k3s1/k3s-arm64?signature=canary" in fetch.addresses(found, "v1.34.2+k3s1", "arm64")
    assert fetch.queries(*found, "https://example.com/x") == {"signature=canary"}


def test_a_signature_is_made_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert k3s_signed(["https://example.com/k3s"], "v1.34.2+k3s1", "") == ["https://example.com/k3s"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    (found,) = k3s_signed(["s3://bucket/k3s"], "v1.34.2+k3s1", "ap-northeast-2")
    assert found.startswith("https://bucket.s3.ap-northeast-2.amazonaws.com/k3s?X-Amz-Algorithm=AWS4-HMAC-SHA256")


def test_all_faults_come_at_once() -> None:
    found = checks.faults({**GOOD, "servers": [], "version": "x", "cluster_cidr": "x", "urls": []})
    assert len(found) == 4


@pytest.mark.parametrize(
    ("installed", "wanted", "fault"),
    [
        ("", "v1.34.2+k3s1", None),
        ("v1.34.2+k3s1", "v1.34.2+k3s1", None),
        ("v1.34.2+k3s1", "v1.34.2+k3s2", None),
        ("v1.34.9+k3s1", "v1.34.10+k3s1", None),
        ("v1.33.7+k3s1", "v1.34.2+k3s1", None),
        ("v1.34.2+k3s2", "v1.34.2+k3s1", "cannot go back"),
        ("v1.34.10+k3s1", "v1.34.9+k3s1", "cannot go back"),
        ("v1.34.2+k3s1", "v1.33.7+k3s1", "cannot go back"),
        ("v1.32.1+k3s1", "v1.34.2+k3s1", "go to a v1.33 release first"),
    ],
)
def test_versions_go_up_by_one_minor_at_most(installed: str, wanted: str, fault: str | None) -> None:
    found = versions.guard(installed, wanted)
    assert (found is None) if fault is None else (found is not None and fault in found)


def test_the_version_is_read_from_what_k3s_prints() -> None:
    assert versions.printed("k3s version v1.34.2+k3s1 (6ab750f9)\ngo version go1.24") == "v1.34.2+k3s1"
    assert versions.printed("bash: not found") == ""


def test_token_forms() -> None:
    assert tokens.ca_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    secure = tokens.secure("a" * 64, "node", "pass")
    assert secure == f"K10{'a' * 64}::node:pass"
    assert (tokens.password(secure), tokens.pinned_ca(secure)) == ("pass", "a" * 64)
    assert (tokens.password("pass\n"), tokens.pinned_ca("pass")) == ("pass", "")


@pytest.mark.parametrize(
    ("role", "token", "agent", "word"),
    [
        ("server", "", "b" * 20, "k3s_common_token is empty"),
        ("agent", "", "", "k3s_common_agent_token is empty"),
        ("server", "a" * 20, "a" * 20, "equals"),
        ("agent", "", "short", "at least 16"),
        ("agent", "", "with space in the token", "at least 16"),
        ("agent", "", tokens.secure("a" * 64, "node", "b" * 20), "short form"),
    ],
)
def test_token_faults(role: str, token: str, agent: str, word: str) -> None:
    found = " ".join(tokens.faults(role, token, agent))
    assert word in found
    assert not any(secret in found for secret in (token, agent) if len(secret) > 10)


def test_an_agent_needs_no_server_token() -> None:
    assert tokens.faults("agent", "", "b" * 20) == []


def test_scrubbing_takes_the_secret_and_any_secure_token() -> None:
    text = tokens.scrub(f"using {tokens.secure('f' * 64, 'node', 'other')} and canary", ["canary", ""])
    assert text == "using ******** and ********"


def test_a_version_in_another_form_is_refused() -> None:
    with pytest.raises(K3sError, match="write it in full"):
        versions.parse("v1.34")
