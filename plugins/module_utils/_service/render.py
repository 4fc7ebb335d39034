"""Services and target to Kubernetes objects: the same input gives the same objects in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service import render_network
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import (
    COMPONENT_LABEL,
    MANAGED_BY,
    NAME_LABEL,
    PROJECT_LABEL,
    Object,
    content_hash,
    selector,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.render_pod import (
    Content,
    content_of,
    pod_spec,
    serving_pod,
)

_VERSIONS = {
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "Secret": "v1",
    "ConfigMap": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}
_PSA = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "enforce", "warn")}


def _labels(target: Target, name: str = "") -> dict[str, str]:
    labels = {**MANAGED_BY, PROJECT_LABEL: target.project}
    return {**labels, NAME_LABEL: name} if name else labels


def _object(kind: str, target: Target, name: str, service: str = "", **body: Any) -> Object:
    metadata = {"name": name, "namespace": target.namespace, "labels": _labels(target, service)}
    return {"apiVersion": _VERSIONS[kind], "kind": kind, "metadata": metadata, **body}


def _namespace(target: Target) -> Object:
    labels = {**_labels(target), **_PSA}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace, "labels": labels}}


def _shared(target: Target) -> list[Object]:
    return [
        _namespace(target),
        _object("NetworkPolicy", target, "default-deny", spec=render_network.closed()),
        _object("NetworkPolicy", target, "allow-dns", spec=render_network.name_resolution()),
    ]


def _content_objects(service: Service, target: Target, content: Content) -> list[Object]:
    objects: list[Object] = []
    if content.secret_name:
        body: dict[str, Any] = {"type": "Opaque", "immutable": True, "data": content.secret}
        objects.append(_object("Secret", target, content.secret_name, service.name, **body))
    if content.trust_name:
        objects.append(
            _object("ConfigMap", target, content.trust_name, service.name, immutable=True, data=content.trust)
        )
    return objects


def _deployment(service: Service, target: Target, content: Content) -> Object:
    spec = {
        "replicas": service.replicas,
        "revisionHistoryLimit": 3,
        "progressDeadlineSeconds": service.progress_deadline,
        "selector": {"matchLabels": selector(service.name)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {**_labels(target, service.name), **selector(service.name)}},
            "spec": serving_pod(service, target, content),
        },
    }
    return _object("Deployment", target, service.name, service.name, spec=spec)


def _migration(service: Service, target: Target, content: Content) -> Object:
    assert service.migrations is not None
    pod = pod_spec(service, target, content)
    container = pod["containers"][0]
    container["command"] = list(service.migrations.command)
    if service.migrations.args:
        container["args"] = list(service.migrations.args)
    # The pods of a job must not be taken for the service by its selectors, but need its way out to the stores.
    labels = {**_labels(target, service.name), COMPONENT_LABEL: "migration"}
    # A secret that was rotated changes neither the schema nor the name: the job does not run again for it. Other stores are
    # another matter: what ran on the ones of before was never run on them.
    stores = [
        (store.host, store.port, store.name)
        for wanted, store in ((service.database, target.database), (service.redis, target.redis))
        if wanted and store
    ]
    identity = content_hash(
        container["image"], container["command"], service.migrations.args, dict(service.env), stores
    )
    spec = {
        "backoffLimit": 2,
        "activeDeadlineSeconds": service.migrations.timeout,
        "template": {"metadata": {"labels": labels}, "spec": {**pod, "restartPolicy": "Never"}},
    }
    return _object("Job", target, f"{service.name}-migrate-{identity}", service.name, spec=spec)


def _service(service: Service, target: Target) -> Object:
    # By name: while a rollout changes the port, each pod is reached at its own.
    ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "selector": selector(service.name), "ports": ports}
    return _object("Service", target, service.name, service.name, spec=spec)


def _ingress(service: Service, target: Target) -> Object:
    backend = {"service": {"name": service.name, "port": {"name": "http"}}}
    rule: dict[str, Any] = {
        "http": {"paths": [{"path": p, "pathType": "Prefix", "backend": backend} for p in service.paths]}
    }
    spec: dict[str, Any] = {"ingressClassName": target.ingress_class, "rules": [rule]}
    if target.ingress_host:
        rule["host"] = target.ingress_host
        if target.ingress_tls_secret:
            spec["tls"] = [{"hosts": [target.ingress_host], "secretName": target.ingress_tls_secret}]
    ingress = _object("Ingress", target, service.name, service.name, spec=spec)
    if target.ingress_annotations:
        ingress["metadata"]["annotations"] = dict(target.ingress_annotations)
    return ingress


def _hpa(service: Service, target: Target) -> Object:
    assert service.hpa is not None
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": service.hpa.cpu}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.name},
        "minReplicas": service.hpa.min,
        "maxReplicas": service.hpa.max,
        "metrics": [{"type": "Resource", "resource": cpu}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": service.hpa.scale_down_window}},
    }
    return _object("HorizontalPodAutoscaler", target, service.name, service.name, spec=spec)


def _pdb(service: Service, target: Target) -> Object:
    # maxUnavailable, never minAvailable: with one replica a drain would otherwise wait for ever.
    spec = {
        "maxUnavailable": service.pdb.max_unavailable,
        "selector": {"matchLabels": selector(service.name)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return _object("PodDisruptionBudget", target, service.name, service.name, spec=spec)


def _of_service(service: Service, target: Target, services: Sequence[Service]) -> list[Object]:
    content = content_of(service, target)
    policy = render_network.of_service(service, target, services)
    objects = [
        _object("ServiceAccount", target, service.name, service.name, automountServiceAccountToken=False),
        *_content_objects(service, target, content),
        _object("NetworkPolicy", target, service.name, service.name, spec=policy),
    ]
    if service.migrations:
        objects.append(_migration(service, target, content))
    objects += [_deployment(service, target, content), _service(service, target)]
    if service.paths:
        objects.append(_ingress(service, target))
    if service.hpa:
        objects.append(_hpa(service, target))
    return [*objects, _pdb(service, target)]


def render(services: Sequence[Service], target: Target) -> list[Object]:
    """Return every object of the services, in the order in which a person would read them."""
    ordered = sorted(services, key=lambda service: service.name)
    return [*_shared(target), *(obj for service in ordered for obj in _of_service(service, target, ordered))]


def service_of(obj: Mapping[str, Any]) -> str:
    """Return the service that an object belongs to, "" for what all share."""
    return str((obj["metadata"].get("labels") or {}).get(NAME_LABEL, ""))
