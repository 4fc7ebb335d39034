"""Decisions of the k3s roles that are made on the controller: see plugins/module_utils/_k3s."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import checks, cluster, presign
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.host import credentials_hash

Looks = dict[str, "Mapping[str, Any] | None"]


def k3s_faults(settings: Mapping[str, Any]) -> list[str]:
    """All that is wrong with the settings of one cluster."""
    return checks.faults(settings)


def k3s_looks(hostvars: Mapping[str, Any], hosts: Sequence[str], variable: str) -> Looks:
    """What each host was found to be: the `node` of the answer it registered, or none."""
    found: Looks = {}
    for host in hosts:
        answer = hostvars[host].get(variable) or {}
        found[host] = answer.get("node")
    return found


def k3s_draining(
    hostvars: Mapping[str, Any], hosts: Sequence[str], variable: str, version: str, when: str
) -> list[str]:
    """Hosts whose K3s will be restarted and whose pods are moved before it: for another version, or for any restart."""
    looks = {host: look for host, look in k3s_looks(hostvars, hosts, variable).items() if look and look["restart"]}
    return [
        host for host, look in looks.items() if when == "always" or (when == "upgrade" and look["version"] != version)
    ]


def k3s_drainer(looks: Looks, me: str) -> str:
    """The server to ask for it: one that lives, and rather another than the one that is restarted."""
    living = [host for host, look in looks.items() if look and look["alive"]]
    return next((host for host in living if host != me), me)


def k3s_signed(urls: Sequence[str], version: str, region: str) -> list[str]:
    """The addresses with every s3:// one signed for this run, with the credentials of the controller."""
    if not any(str(url).startswith(presign.SCHEME) for url in urls):
        return list(urls)
    try:
        import boto3  # noqa: PLC0415  only where an address is in S3
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError as error:
        raise AnsibleFilterError(f"an s3:// address is signed with boto3, which is not there: {error}") from error
    try:
        client = boto3.client("s3", region_name=region or None, config=Config(signature_version="s3v4"))
        if ".amazonaws.com" in client.meta.endpoint_url:
            # By the name of the region; the global one may lead on to it, where the signature does not hold.
            style = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
            client = boto3.client("s3", region_name=region or None, config=style)

        def sign(bucket: str, key: str) -> str:
            return str(
                client.generate_presigned_url(
                    "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=presign.SECONDS
                )
            )

        return presign.signed([str(url) for url in urls], version, sign)
    except (BotoCoreError, ClientError) as error:
        raise AnsibleFilterError(f"an s3:// address could not be signed: {error}") from error


def k3s_faulty(hostvars: Mapping[str, Any], hosts: Sequence[str], variable: str) -> list[str]:
    """The hosts that answered with a fault."""
    answers = {host: hostvars[host].get(variable) or {} for host in hosts}
    return [host for host, answer in answers.items() if answer.get("failed") and not answer.get("unreachable")]


def k3s_unseen(hostvars: Mapping[str, Any], hosts: Sequence[str], variable: str, limited: bool) -> list[str]:
    """The hosts that did not answer. In a run with --limit, a host that was not asked is none of them."""
    answers = {host: hostvars[host].get(variable) or {} for host in hosts}
    return [
        host
        for host, answer in answers.items()
        if answer.get("unreachable") or not (limited or answer.get("node") or answer.get("failed"))
    ]


def k3s_order(looks: Looks) -> list[str]:
    """The servers in the order they take their turn; raises when they do not belong together."""
    faults = cluster.faults(looks)
    if faults:
        raise AnsibleFilterError("; ".join(faults))
    return cluster.order(looks)


def k3s_join(looks: Looks, host: str, role: str) -> dict[str, Any]:
    """How this host comes into the cluster."""
    try:
        return cluster.join(looks, host, role)
    except K3sError as error:
        raise AnsibleFilterError(str(error)) from error


def k3s_members(looks: Looks) -> list[dict[str, Any]]:
    """The nodes that this run brought up, as the proof of the cluster wants them."""
    keys = ("name", "role", "version", "labels", "taints")
    return [{key: look[key] for key in keys} for look in looks.values() if look]


def k3s_kubeconfig(text: str, server: str, name: str) -> str:
    """The kubeconfig of a server with its address and with `name` for cluster, user and context."""
    config = yaml.safe_load(text)
    context = next(one for one in config["contexts"] if one["name"] == config["current-context"])["context"]
    credentials = next(one for one in config["users"] if one["name"] == context["user"])["user"]
    authority = next(one for one in config["clusters"] if one["name"] == context["cluster"])["cluster"]
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {**authority, "server": server}}],
        "users": [{"name": name, "user": credentials}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    # Through JSON, since the YAML writer does not know Ansible's own kinds of text.
    return str(yaml.safe_dump(json.loads(json.dumps(written)), sort_keys=False))


def k3s_kubeconfig_stale(path: str, server: str, name: str, credentials_sha256: str) -> bool:
    """Whether the kubeconfig at `path` on the controller is not (0600) the one of this server and name."""
    try:
        if Path(path).stat().st_mode & 0o777 != 0o600:
            return True
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        (cluster,) = config["clusters"]
        (user,) = config["users"]
        there = (
            config["current-context"],
            cluster["name"],
            cluster["cluster"]["server"],
            credentials_hash(
                cluster["cluster"]["certificate-authority-data"],
                user["user"]["client-certificate-data"],
                user["user"]["client-key-data"],
            ),
        )
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError):
        return True
    return there != (name, name, server, credentials_sha256)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "k3s_faults": k3s_faults,
            "k3s_looks": k3s_looks,
            "k3s_draining": k3s_draining,
            "k3s_drainer": k3s_drainer,
            "k3s_signed": k3s_signed,
            "k3s_faulty": k3s_faulty,
            "k3s_unseen": k3s_unseen,
            "k3s_order": k3s_order,
            "k3s_join": k3s_join,
            "k3s_members": k3s_members,
            "k3s_kubeconfig": k3s_kubeconfig,
            "k3s_kubeconfig_stale": k3s_kubeconfig_stale,
        }
