"""From what is and what shall be to the steps, without a host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import plan
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.desired import build
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.model import Current, Desired, Paths, Service

from .conftest import AGENT_TOKEN, CA, TOKEN, way

RUNNING = Service(loaded=True, active="active", enabled=True, invocation="1")


def converged(desired: Desired, **over: Any) -> Current:
    current = Current(
        version=desired.version,
        binary_sha256=desired.binary.sha256,
        files={file.path: file.content for file in desired.files},
        modes={file.path: file.mode for file in desired.files},
        extras={extra.path: extra.sha256 for extra in desired.extras},
        service=RUNNING,
        sysctls=dict(desired.sysctls),
        applied=desired.digest(),
        memory_mb=4096,
        disk_mb=10000,
    )
    return replace(current, **over)


def steps(desired: Desired, current: Current) -> list[str]:
    return [f"{step.kind} {step.target}" for step in plan.plan(desired, current)]


def content(desired: Desired, path: str) -> Any:
    text = next(file.content for file in desired.files if file.path == path)
    return yaml.safe_load(text)


def test_a_converged_node_has_no_step(params: dict[str, Any]) -> None:
    desired = build(params, way("init"), "amd64")
    assert steps(desired, converged(desired)) == []
    assert plan.faults(desired, converged(desired), Paths.config) == []


def test_units_that_systemd_has_not_read_are_read_before_the_restart(params: dict[str, Any]) -> None:
    """As a run leaves it that is killed after it wrote a unit: the file is right already, what runs is not."""
    desired = build(params, way("init"), "amd64")
    outdated = replace(RUNNING, outdated=True)
    assert steps(desired, converged(desired, service=outdated)) == ["reload systemd"]
    assert steps(desired, converged(desired, service=outdated, applied="older")) == ["reload systemd", "restart k3s"]


def test_an_empty_host_gets_everything_in_order(params: dict[str, Any]) -> None:
    kinds = [step.split()[0] for step in steps(build(params, way("init"), "amd64"), Current())]
    assert kinds == ["fetch", "install", *["write"] * 5, "enable", "reload", "start"]


def test_a_staged_binary_is_not_fetched_again(params: dict[str, Any]) -> None:
    desired = build(params, way("init"), "amd64")
    current = Current(staged_sha256=desired.binary.sha256)
    assert plan.stage(desired, current) == []
    assert steps(desired, current)[0] == f"install {Paths.binary}"


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"config": {"debug": True}}, f"write {Paths.config}"),
        ({"registries": {"mirrors": {"*": {}}}}, f"write {Paths.registries}"),
        ({"sha256": "d" * 64}, f"install {Paths.binary}"),
        ({"pod_security": "baseline"}, f"write {Paths.pod_security}"),
    ],
)
def test_a_change_restarts_once(params: dict[str, Any], change: dict[str, Any], step: str) -> None:
    current = converged(build(params, way("init"), "amd64"))
    found = steps(build({**params, **change}, way("init"), "amd64"), current)
    assert step in found
    assert found[-1] == "restart k3s"


@pytest.mark.parametrize(
    ("change", "up", "restarted"),
    [
        ({}, True, False),
        ({"node_taints": ["a=b:NoSchedule"]}, True, False),
        ({"config": {"debug": True}}, True, True),
        ({"sha256": "d" * 64}, True, True),
        ({"sha256": "d" * 64}, False, False),
    ],
)
def test_it_is_told_beforehand_who_will_restart(
    params: dict[str, Any], change: dict[str, Any], up: bool, restarted: bool
) -> None:
    agent = {**params, "role": "agent", "secrets": {"agent_token": AGENT_TOKEN}}
    joined = build(agent, way("join"), "amd64")
    current = converged(joined, service=replace(RUNNING, active="active" if up else "inactive"))
    # As the look of before the join sees it: without the tokens and without a server to ask.
    nowhere = way("keep", url="", all_known=False)
    staged = build({**agent, **change, "secrets": {}}, nowhere, "amd64", current.files[Paths.config])
    assert plan.restarts(staged, current) is restarted


def test_taints_and_modes_do_not_restart(params: dict[str, Any]) -> None:
    desired = build(params, way("init"), "amd64")
    tainted = build({**params, "node_taints": ["a=b:NoSchedule"]}, way("init"), "amd64")
    assert steps(tainted, converged(desired)) == [f"write {Paths.registration}"]
    loose = converged(desired)
    loose = replace(loose, modes={**loose.modes, Paths.config: 0o644})
    assert steps(desired, loose) == [f"mode {Paths.config}"]


def test_a_run_cut_short_before_the_restart_is_seen(params: dict[str, Any]) -> None:
    desired = build(params, way("init"), "amd64")
    assert steps(desired, converged(desired, applied="of an earlier run")) == ["restart k3s"]


def test_a_stopped_node_is_started(params: dict[str, Any]) -> None:
    desired = build(params, way("keep"), "amd64")
    stopped = converged(desired, service=replace(RUNNING, active="failed"), data=True)
    assert steps(desired, stopped) == ["start k3s"]


def test_a_process_that_still_tries_is_restarted_only_for_new_settings(params: dict[str, Any]) -> None:
    desired = build(params, way("keep"), "amd64")
    trying = converged(desired, service=replace(RUNNING, active="activating"))
    assert steps(desired, trying) == []
    assert steps(desired, replace(trying, applied="with another token")) == ["restart k3s"]


def test_a_file_no_longer_wanted_goes_only_when_it_is_ours(params: dict[str, Any]) -> None:
    before = build({**params, "registries": {"mirrors": {}}}, way("init"), "amd64")
    desired = build(params, way("init"), "amd64")
    assert steps(desired, converged(before)) == [f"remove {Paths.registries}", "restart k3s"]
    foreign = converged(desired)
    foreign = replace(foreign, files={**foreign.files, Paths.registries: "mirrors: {}\n"})
    assert steps(desired, foreign) == []


def test_a_foreign_file_is_refused_with_the_lines_to_add(params: dict[str, Any]) -> None:
    desired = build(params, way("init"), "amd64")
    current = converged(desired)
    current = replace(current, files={**current.files, Paths.config: "token: theirs\n"})
    (fault,) = plan.faults(desired, current, Paths.config)
    assert fault.startswith(f"{Paths.config} was not written by this role")
    assert 'cluster-cidr: "10.42.0.0/16"' in fault


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cluster_cidr": "10.44.0.0/16"}, "cluster-cidr is 10.42.0.0/16"),
        ({"service_cidr": "10.45.0.0/16"}, "service-cidr is 10.43.0.0/16"),
        ({"secrets_encryption": False}, "secrets-encryption is true"),
        ({"version": "v1.33.1+k3s1"}, "cannot go back"),
    ],
)
def test_what_is_fixed_when_the_cluster_is_formed(params: dict[str, Any], change: dict[str, Any], words: str) -> None:
    current = converged(build(params, way("init"), "amd64"), data=True)
    old = current.files[Paths.config]
    desired = build({**params, **change}, way("keep"), "amd64", old, TOKEN)
    (fault,) = plan.faults(desired, current, Paths.config)
    assert words in fault


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"memory_mb": 512}, "512 MB of memory"),
        ({"disk_mb": 100}, "100 MB free"),
        ({"memory_cgroup": False}, "memory cgroup"),
        ({"lacks": (Paths.provider_binary,)}, "k3s_common_credential_provider has no urls"),
    ],
)
def test_an_unfit_host_is_refused(params: dict[str, Any], over: dict[str, Any], words: str) -> None:
    fresh = replace(Current(memory_mb=4096, disk_mb=10000), **over)
    (fault,) = plan.faults(build(params, way("init"), "amd64"), fresh, Paths.config)
    assert words in fault


def test_another_version_needs_room_beside_this_one(params: dict[str, Any]) -> None:
    old = build({**params, "version": "v1.34.1+k3s1", "sha256": "e" * 64}, way("init"), "amd64")
    desired, full = build(params, way("init"), "amd64"), converged(old, disk_mb=900)
    (fault,) = plan.faults(desired, full, Paths.config)
    assert "900 MB free under /var/lib/rancher; another K3s beside this one needs 1024 MB" in fault
    assert plan.faults(old, full, Paths.config) == [], "what stays as it is needs none"
    assert plan.faults(desired, converged(old, disk_mb=1100), Paths.config) == []


def test_the_first_server(params: dict[str, Any]) -> None:
    desired = build({**params, "tls_san": ["api.example.com"]}, way("init"), "amd64")
    config = content(desired, Paths.config)
    assert config == {
        "cluster-init": True,
        "node-name": "s1",
        "token-file": Paths.token,
        "agent-token-file": Paths.agent_token,
        "cluster-cidr": "10.42.0.0/16",
        "service-cidr": "10.43.0.0/16",
        "secrets-encryption": True,
        "write-kubeconfig-mode": "0600",
        "tls-san": ["10.0.0.10", "api.example.com"],
        "kube-apiserver-arg": [f"admission-control-config-file={Paths.pod_security}"],
    }
    assert content(desired, Paths.token) == TOKEN
    admission = content(desired, Paths.pod_security)["plugins"][0]["configuration"]
    assert admission["defaults"]["enforce"] == "restricted"
    assert admission["exemptions"]["namespaces"] == ["kube-system"]
    assert desired.binary.urls == ("https://example.com/v1.34.2%2Bk3s1/k3s",)
    assert build(params, way("init"), "arm64").binary.urls == ("https://example.com/v1.34.2%2Bk3s1/k3s-arm64",)


def test_joiners_pin_the_ca(params: dict[str, Any]) -> None:
    second = build(params, way("join"), "amd64")
    assert content(second, Paths.config)["server"] == "https://10.0.0.10:6443"
    assert content(second, Paths.token) == f"K10{CA}::server:{TOKEN}"
    agent = build({**params, "role": "agent", "secrets": {"agent_token": AGENT_TOKEN}}, way("join"), "amd64")
    assert content(agent, Paths.token) == f"K10{CA}::node:{AGENT_TOKEN}"
    assert set(content(agent, Paths.config)) == {"server", "node-name", "token-file"}
    assert TOKEN not in "".join(file.content for file in agent.files)


def test_a_joined_node_keeps_whom_it_joined(params: dict[str, Any]) -> None:
    server = build(params, way("keep"), "amd64", 'server: "https://10.0.0.12:6443"\n', f"K10{CA}::server:{TOKEN}\n")
    assert content(server, Paths.config)["server"] == "https://10.0.0.12:6443"
    assert content(server, Paths.token) == f"K10{CA}::server:{TOKEN}"
    agent_params = {**params, "role": "agent"}
    known = way("join", known=["https://10.0.0.10:6443", "https://10.0.0.11:6443"])
    agent = build(agent_params, known, "amd64", 'server: "https://10.0.0.11:6443"\n')
    assert content(agent, Paths.config)["server"] == "https://10.0.0.11:6443"
    gone = build(agent_params, known, "amd64", 'server: "https://10.0.0.99:6443"\n')
    assert content(gone, Paths.config)["server"] == "https://10.0.0.10:6443"
    # It may be the server that did not answer in this run.
    kept = build(agent_params, {**known, "all_known": False}, "amd64", 'server: "https://10.0.0.99:6443"\n')
    assert content(kept, Paths.config)["server"] == "https://10.0.0.99:6443"
    new = build(agent_params, {**known, "all_known": False}, "amd64")
    assert content(new, Paths.config)["server"] == "https://10.0.0.10:6443"


def test_another_token_than_the_data_has_is_refused() -> None:
    current = Current(data=True, server_token=f"K10{CA}::server:other-password")
    fault = plan.token_fault(current, TOKEN)
    assert fault is not None
    assert "k3s token rotate" in fault
    assert TOKEN not in fault
    assert plan.token_fault(replace(current, server_token=f"K10{CA}::server:{TOKEN}"), TOKEN) is None


def test_the_diff_shows_no_secret(params: dict[str, Any]) -> None:
    desired = build(
        {**params, "registries": {"configs": {"r": {"auth": {"password": "canary"}}}}}, way("join"), "amd64"
    )
    shown = str(plan.diff(plan.plan(desired, Current())))
    assert "cluster-cidr" in shown
    for secret in (TOKEN, AGENT_TOKEN, "canary"):
        assert secret not in shown
    assert all(file.mode == 0o600 for file in desired.files if "/etc/rancher" in file.path)


def test_no_secret_in_the_unit(params: dict[str, Any]) -> None:
    unit = next(file for file in build(params, way("init"), "amd64").files if file.path.endswith(".service"))
    assert TOKEN not in unit.content
    for line in ("Type=notify", "KillMode=process", "Delegate=yes", "ExecStart=/usr/local/bin/k3s server"):
        assert line in unit.content


def test_ecr_images_and_kernel(params: dict[str, Any]) -> None:
    desired = build(
        {
            **params,
            "protect_kernel_defaults": True,
            "credential_provider": {"urls": ["https://example.com/ecr-{arch}"], "sha256": "e" * 64},
            "images": [{"url": "https://example.com/images.tar?signature=1", "sha256": "f" * 64}],
        },
        way("init"),
        "amd64",
    )
    provider = content(desired, f"{Paths.provider}/config.yaml")["providers"][0]
    assert provider["matchImages"][0] == "*.dkr.ecr.*.amazonaws.com"
    assert [extra.path for extra in desired.extras] == [
        f"{Paths.provider}/bin/ecr-credential-provider",
        f"{Paths.images}/images.tar",
    ]
    assert desired.needs == ()
    order = steps(desired, Current())
    assert order.index(f"extra {Paths.provider_binary}") < order.index(f"install {Paths.binary}")
    assert "sysctl vm.overcommit_memory" in order
    assert content(desired, Paths.config)["image-credential-provider-bin-dir"] == f"{Paths.provider}/bin"


def test_extra_arguments_of_the_api_server_are_kept(params: dict[str, Any]) -> None:
    config = {"kube-apiserver-arg": ["audit-log-maxage=30"], "kubelet-arg": ["max-pods=50"]}
    found = content(build({**params, "config": config}, way("init"), "amd64"), Paths.config)
    assert found["kube-apiserver-arg"][1:] == ["audit-log-maxage=30"]
    assert found["kubelet-arg"] == ["max-pods=50"]
