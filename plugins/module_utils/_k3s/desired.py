"""The settings of one node as the files, the unit and the binary it shall have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import render, tokens
from .errors import K3sError
from .fetch import address, addresses
from .model import Artifact, Desired, File, Paths
from .plan import setting

SERVICES = {"server": "k3s", "agent": "k3s-agent"}
# What `protect-kernel-defaults` expects of the kernel; the kubelet exits when it is otherwise.
KERNEL = {"vm.panic_on_oom": "0", "vm.overcommit_memory": "1", "kernel.panic": "10", "kernel.panic_on_oops": "1"}
APISERVER_ARG = "kube-apiserver-arg"
# Stands for the CA hash in check mode, where the server to join does not exist yet.
UNKNOWN_CA = "0" * 64


def pin(sha256: Any, arch: str, name: str = "k3s_common_sha256") -> str:
    found = sha256.get(arch, "") if isinstance(sha256, Mapping) else sha256
    if not found:
        raise K3sError(f"{name} has no entry for {arch}, the architecture of this host")
    return str(found)


def _binary(params: Mapping[str, Any], arch: str) -> Artifact:
    urls = addresses(params["urls"], params["version"], arch)
    return Artifact(Paths.binary, pin(params["sha256"], arch), urls)


def _extras(params: Mapping[str, Any], arch: str) -> tuple[Artifact, ...]:
    provider = params["credential_provider"] or {}
    found = []
    if provider.get("urls"):
        urls = addresses(provider["urls"], params["version"], arch)
        digest = pin(provider.get("sha256", ""), arch, "k3s_common_credential_provider.sha256")
        found.append(Artifact(Paths.provider_binary, digest, urls))
    for image in params["images"]:
        url = address(image["url"], params["version"], arch)
        path = f"{Paths.images}/{url.split('?', 1)[0].rsplit('/', 1)[-1]}"
        found.append(Artifact(path, image["sha256"], (url,), 0o644))
    return tuple(found)


def _needs(params: Mapping[str, Any]) -> tuple[str, ...]:
    provider = params["credential_provider"] or {}
    return (Paths.provider_binary,) if provider and not provider.get("urls") else ()


def _place(params: Mapping[str, Any], join: Mapping[str, Any], old: str) -> dict[str, Any]:
    """The line that says whom to join; kept once made, since a change would restart K3s to no end."""
    before = setting(old, "server")
    if params["role"] == "agent":
        # A server that could not be asked may be the one before: only where all are known it is known to be gone.
        return {"server": before if before and (before in join["known"] or not join["all_known"]) else join["url"]}
    if join["mode"] == "keep":
        return {"server": before} if before else {"cluster-init": True}
    return {"cluster-init": True} if join["mode"] == "init" else {"server": join["url"]}


def config(params: Mapping[str, Any], join: Mapping[str, Any], old: str) -> dict[str, Any]:
    extra = dict(params["config"])
    found: dict[str, Any] = {**_place(params, join, old), "node-name": params["name"], "token-file": Paths.token}
    if params["role"] == "server":
        found |= {
            "agent-token-file": Paths.agent_token,
            "cluster-cidr": params["cluster_cidr"],
            "service-cidr": params["service_cidr"],
            "secrets-encryption": params["secrets_encryption"],
            "write-kubeconfig-mode": "0600",
            "tls-san": list(dict.fromkeys([params["address"], *params["tls_san"]])),
        }
        if params["disable"]:
            found["disable"] = list(params["disable"])
        if params["pod_security"] != "privileged":
            arguments = extra.pop(APISERVER_ARG, [])
            arguments = [arguments] if isinstance(arguments, str) else list(arguments)
            found[APISERVER_ARG] = [f"admission-control-config-file={Paths.pod_security}", *arguments]
    if params["protect_kernel_defaults"]:
        found["protect-kernel-defaults"] = True
    if params["credential_provider"]:
        found["image-credential-provider-config"] = f"{Paths.provider}/config.yaml"
        found["image-credential-provider-bin-dir"] = f"{Paths.provider}/bin"
    return found | extra


def _token(params: Mapping[str, Any], join: Mapping[str, Any], old: str) -> list[File]:
    """The first server takes the short form only; whoever joins pins the CA of the server it asks."""
    secrets = params["secrets"]
    files = []
    if params["role"] == "agent":
        content = tokens.secure(join["ca_hash"] or UNKNOWN_CA, "node", secrets["agent_token"])
    else:
        files.append(File(Paths.agent_token, secrets["agent_token"] + "\n", marked=False, secret=True))
        content = secrets["token"]
        if join["mode"] == "keep" and tokens.password(old) == content:
            content = old.strip()
        elif join["mode"] == "join":
            content = tokens.secure(join["ca_hash"] or UNKNOWN_CA, "server", content)
    return [*files, File(Paths.token, content + "\n", marked=False, secret=True)]


def _files(params: Mapping[str, Any], join: Mapping[str, Any], old: str, old_token: str) -> list[File]:
    files = [
        File(Paths.config, render.yaml(config(params, join, old))),
        File(Paths.unit(SERVICES[params["role"]]), render.unit(params["role"]), mode=0o644),
    ]
    if params["secrets"]:
        files += _token(params, join, old_token)
    if params["node_taints"]:
        # Read by K3s at registration only, so a later change is made through the API and needs no restart.
        content = render.yaml({"node-taint": list(params["node_taints"])})
        files.append(File(Paths.registration, content, restart=False))
    if params["registries"]:
        files.append(File(Paths.registries, render.yaml(params["registries"]), secret=True))
    if params["role"] == "server" and params["pod_security"] != "privileged":
        content = render.pod_security(params["pod_security"], params["pod_security_exempt"])
        files.append(File(Paths.pod_security, content))
    if params["credential_provider"]:
        images = params["credential_provider"].get("match_images") or list(render.ECR_IMAGES)
        files.append(File(f"{Paths.provider}/config.yaml", render.credential_provider(images)))
    if params["protect_kernel_defaults"]:
        files.append(File(Paths.sysctl, render.sysctl(KERNEL), mode=0o644, restart=False))
    return files


def build(params: Mapping[str, Any], join: Mapping[str, Any], arch: str, old: str = "", old_token: str = "") -> Desired:
    """The desired node; `old` and `old_token` are the config and token file that this role wrote before."""
    files = _files(params, join, old, old_token)
    ours = {file.path for file in files}
    optional = (Paths.registries, Paths.registration, Paths.pod_security, Paths.sysctl)
    return Desired(
        role=params["role"],
        service=SERVICES[params["role"]],
        version=params["version"],
        binary=_binary(params, arch),
        files=tuple(files),
        absent=tuple(path for path in optional if path not in ours),
        extras=_extras(params, arch),
        needs=_needs(params),
        sysctls=KERNEL if params["protect_kernel_defaults"] else {},
    )
