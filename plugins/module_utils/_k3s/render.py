"""The files of a node as text. The hosts need no YAML library for this."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .model import NOTICE, Paths

ECR_IMAGES = ("*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com.cn")


def scalar(value: Any) -> str:
    """A YAML scalar; strings are quoted as JSON does, which every YAML reader takes literally."""
    return json.dumps(value, ensure_ascii=False)


def _lines(value: Any, indent: str) -> list[str]:
    found: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            plain = str(key) if str(key).replace("-", "").replace("_", "").isalnum() else scalar(str(key))
            if isinstance(item, (Mapping, list, tuple)) and item:
                found += [f"{indent}{plain}:", *_lines(item, indent + "  ")]
            else:
                found.append(f"{indent}{plain}: {scalar(item)}")
    else:
        for item in value:
            if isinstance(item, (Mapping, list, tuple)) and item:
                nested = _lines(item, indent + "  ")
                found += [f"{indent}- {nested[0].lstrip()}", *nested[1:]]
            else:
                found.append(f"{indent}- {scalar(item)}")
    return found


def yaml(value: Mapping[str, Any]) -> str:
    return "\n".join([NOTICE.rstrip(), *_lines(value, ""), ""])


def unit(role: str) -> str:
    """KillMode=process keeps the pods running while K3s itself restarts."""
    return f"""{NOTICE}[Unit]
Description=Lightweight Kubernetes ({role})
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
ExecStartPre=-/sbin/modprobe -q br_netfilter
ExecStartPre=-/sbin/modprobe -q overlay
ExecStart={Paths.binary} {role}
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=3s

[Install]
WantedBy=multi-user.target
"""


def pod_security(level: str, exempt: Sequence[str]) -> str:
    defaults: dict[str, str] = {}
    for mode in ("enforce", "audit", "warn"):
        defaults.update({mode: level, f"{mode}-version": "latest"})
    plugin = {
        "name": "PodSecurity",
        "configuration": {
            "apiVersion": "pod-security.admission.config.k8s.io/v1",
            "kind": "PodSecurityConfiguration",
            "defaults": defaults,
            "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": list(exempt)},
        },
    }
    return yaml(
        {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": [plugin]},
    )


def credential_provider(images: Sequence[str]) -> str:
    """Images of ECR are pulled with the instance role; no password lies on the host."""
    provider = {
        "name": "ecr-credential-provider",
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "matchImages": list(images),
        "defaultCacheDuration": "12h",
    }
    return yaml({"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": [provider]})


def sysctl(values: Mapping[str, str]) -> str:
    return NOTICE + "".join(f"{name} = {value}\n" for name, value in values.items())
