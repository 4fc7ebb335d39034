"""The pod of a service: restricted pod security, secrets as files, probes, an unhurried shutdown."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Probe, Service, Store, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import (
    PASSWORD_FILE,
    TOKEN_FILE,
    TOPOLOGY,
    USERNAME_FILE,
    content_hash,
    secret_file,
    secret_hash,
    selector,
)

SECRETS_DIR = "/run/platform/secrets"
TRUST_DIR = "/run/platform/trust"
_SPREAD = {"require": "DoNotSchedule", "prefer": "ScheduleAnyway"}


@dataclass(frozen=True)
class Content:
    """What a pod mounts. The names carry a hash of the content, so that new content is a new revision, and an undone
    revision finds its own content again."""

    secret: dict[str, str]
    trust: dict[str, str]
    secret_name: str
    trust_name: str


def _secret(target: Target, name: str, key: str) -> str:
    return target.secrets.get(name, {}).get(key, "") if target.guess else target.secrets[name][key]


def content_of(service: Service, target: Target) -> Content:
    """Collect the secret files and CA bundles of a service."""
    secret: dict[str, str] = {}
    trust: dict[str, str] = {}
    if service.database and target.database:
        login = target.database.secret
        secret[USERNAME_FILE] = _secret(target, login, "username")
        secret[PASSWORD_FILE] = _secret(target, login, "password")
        trust["database-ca.pem"] = target.database.ca
    if service.redis and target.redis:
        secret[TOKEN_FILE] = _secret(target, target.redis.secret, "token")
        if target.redis.ca:
            trust["redis-ca.pem"] = target.redis.ca
    for item in service.secrets:
        secret[secret_file(item.env)] = _secret(target, target.secret_prefix + item.name, item.key)
    return Content(
        secret={key: base64.b64encode(value.encode()).decode() for key, value in secret.items()},
        trust=trust,
        secret_name=f"{service.name}-{secret_hash(f'{target.namespace}/{service.name}', secret)}" if secret else "",
        trust_name=f"{service.name}-trust-{content_hash(trust)}" if trust else "",
    )


def _database_env(store: Store, secret_name: str) -> list[dict[str, Any]]:
    return [
        {"name": "DATABASE_HOST", "value": store.host},
        {"name": "DATABASE_PORT", "value": str(store.port)},
        {"name": "DATABASE_NAME", "value": store.name},
        {"name": "DATABASE_USER", "valueFrom": {"secretKeyRef": {"name": secret_name, "key": USERNAME_FILE}}},
        {"name": "DATABASE_PASSWORD_FILE", "value": f"{SECRETS_DIR}/{PASSWORD_FILE}"},
        {"name": "DATABASE_SSLMODE", "value": "verify-full"},
        {"name": "DATABASE_CA_FILE", "value": f"{TRUST_DIR}/database-ca.pem"},
    ]


def _redis_env(store: Store) -> list[dict[str, Any]]:
    ca = [{"name": "REDIS_CA_FILE", "value": f"{TRUST_DIR}/redis-ca.pem"}] if store.ca else []
    return [
        {"name": "REDIS_HOST", "value": store.host},
        {"name": "REDIS_PORT", "value": str(store.port)},
        {"name": "REDIS_TLS", "value": "true" if store.tls else "false"},
        {"name": "REDIS_TOKEN_FILE", "value": f"{SECRETS_DIR}/{TOKEN_FILE}"},
        *ca,
    ]


def _env(service: Service, target: Target, content: Content) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = [
        {"name": "SERVICE", "value": service.name},
        {"name": "PORT", "value": str(service.port)},
    ]
    env += [{"name": name, "value": value} for name, value in sorted(service.env.items())]
    if service.database and target.database:
        env += _database_env(target.database, content.secret_name)
    if service.redis and target.redis:
        env += _redis_env(target.redis)
    return env + [{"name": s.env, "value": f"{SECRETS_DIR}/{secret_file(s.env)}"} for s in service.secrets]


def _probe(probe: Probe, port: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": probe.path, "port": port},
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    }


def _volumes(content: Content) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - inside the container
    if content.secret_name:
        # 0440 and fsGroup: the service's user reads it, nobody else in the container.
        volumes.append({"name": "secrets", "secret": {"secretName": content.secret_name, "defaultMode": 0o440}})
        mounts.append({"name": "secrets", "mountPath": SECRETS_DIR, "readOnly": True})
    if content.trust_name:
        volumes.append({"name": "trust", "configMap": {"name": content.trust_name, "defaultMode": 0o444}})
        mounts.append({"name": "trust", "mountPath": TRUST_DIR, "readOnly": True})
    return volumes, mounts


def _spread(service: Service) -> list[dict[str, Any]]:
    return [
        {
            "maxSkew": 1,
            "topologyKey": TOPOLOGY[over],
            "whenUnsatisfiable": _SPREAD[wish],
            "labelSelector": {"matchLabels": selector(service.name)},
            # Counted per revision: the old pods of a rollout do not push the new ones aside.
            "matchLabelKeys": ["pod-template-hash"],
        }
        for over, wish in (("zone", service.spread.zone), ("node", service.spread.node))
        if wish in _SPREAD
    ]


def pod_spec(service: Service, target: Target, content: Content) -> dict[str, Any]:
    """Render what the pods of a rollout and of a migration have in common: one container `app` without probes."""
    volumes, mounts = _volumes(content)
    resources = {
        "requests": {"cpu": service.resources.requests.cpu, "memory": service.resources.requests.memory},
        "limits": {"cpu": service.resources.limits.cpu, "memory": service.resources.limits.memory},
    }
    container = {
        "name": "app",
        "image": target.images.get(service.image, service.image),
        "imagePullPolicy": "IfNotPresent",
        "env": _env(service, target, content),
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    return {
        "serviceAccountName": service.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": service.user,
            "runAsGroup": service.user,
            "fsGroup": service.user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }


def serving_pod(service: Service, target: Target, content: Content) -> dict[str, Any]:
    """Render the pod of the rollout: pod_spec with ports, probes, spread and shutdown."""
    spec = pod_spec(service, target, content)
    container = spec["containers"][0]
    if service.command:
        container["command"] = list(service.command)
    if service.args:
        container["args"] = list(service.args)
    container["ports"] = [{"name": "http", "containerPort": service.port, "protocol": "TCP"}]
    startup = service.probes.startup or Probe(path=service.probes.live.path, period=1, failures=60)
    container["startupProbe"] = _probe(startup, service.port)
    container["livenessProbe"] = _probe(service.probes.live, service.port)
    container["readinessProbe"] = _probe(service.probes.ready, service.port)
    if service.shutdown.drain:
        # The load balancers need a moment to forget the pod; it goes on answering meanwhile.
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": service.shutdown.drain}}}
    spec["terminationGracePeriodSeconds"] = service.shutdown.grace
    if spread := _spread(service):
        spec["topologySpreadConstraints"] = spread
    return spec
