"""Labels, annotations and names that tell our objects from those of others, and one content from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MANAGER = "tiketi.platform"
MANAGED_BY = {"app.kubernetes.io/managed-by": MANAGER, "tiketi.platform/by": "service-deploy"}
PROJECT_LABEL = "app.kubernetes.io/part-of"
NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
ENFORCE = "pod-security.kubernetes.io/enforce"
# What pods are spread over, and the label of a node that says where it stands.
TOPOLOGY = {"zone": "topology.kubernetes.io/zone", "node": "kubernetes.io/hostname"}
# Files among the secrets of a pod; those that a service names itself stand beside them.
USERNAME_FILE = "database-username"
PASSWORD_FILE = "database-password"  # noqa: S105 - the name of a file
TOKEN_FILE = "redis-token"  # noqa: S105 - the name of a file

Object = dict[str, Any]


def secret_file(env: str) -> str:
    """Name the file of a secret after the variable that holds its path: SIGNING_KEY_FILE is signing-key."""
    return env.lower().removesuffix("_file").replace("_", "-")


def selector(service: str) -> dict[str, str]:
    """Select the pods that serve, and not those of the service's migrations."""
    return {NAME_LABEL: service, COMPONENT_LABEL: "server"}


def content_hash(*parts: Any) -> str:
    """Ten hexadecimal digits that change when the content does."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


def secret_hash(scope: str, data: Mapping[str, str]) -> str:
    """Like content_hash, but slow and salted: the name of a Secret is public, a short password must not be guessable from it."""
    text = json.dumps(data, sort_keys=True).encode()
    return hashlib.scrypt(text, salt=scope.encode(), n=2**13, r=8, p=1, dklen=5).hex()


def applied_by_us(obj: Mapping[str, Any]) -> bool:
    """Say whether we have applied it. A copy that somebody made of an object of ours has our labels, but not our hand in it."""
    managed = obj["metadata"].get("managedFields")
    return managed is None or any(entry.get("manager") == MANAGER for entry in managed)


def is_ours(obj: Mapping[str, Any], project: str) -> bool:
    labels = obj.get("metadata", {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in {**MANAGED_BY, PROJECT_LABEL: project}.items())
