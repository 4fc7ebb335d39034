"""The few requests to the Kubernetes API that deploying services takes, by the `kubernetes` package. The only place that talks
to the cluster.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import ApiError
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import MANAGER, Object

# Kinds that every cluster has, in versions that are stable: to discover them would take a request for each group.
_KINDS = {
    "Namespace": ("", "v1", "namespaces"),
    "Node": ("", "v1", "nodes"),
    "ServiceAccount": ("", "v1", "serviceaccounts"),
    "Secret": ("", "v1", "secrets"),
    "ConfigMap": ("", "v1", "configmaps"),
    "Service": ("", "v1", "services"),
    "Pod": ("", "v1", "pods"),
    "Event": ("", "v1", "events"),
    "Deployment": ("apps", "v1", "deployments"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "Job": ("batch", "v1", "jobs"),
    "EndpointSlice": ("discovery.k8s.io", "v1", "endpointslices"),
    "Ingress": ("networking.k8s.io", "v1", "ingresses"),
    "NetworkPolicy": ("networking.k8s.io", "v1", "networkpolicies"),
    "HorizontalPodAutoscaler": ("autoscaling", "v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("policy", "v1", "poddisruptionbudgets"),
}
_TIMEOUT = 30
_UNAUTHORIZED = (
    "the cluster does not know the credentials of the kubeconfig, which may have expired. Mend: fetch it anew"
)


def _refusal(error: Any, what: str) -> ApiError:
    """Turn what the package raises for an answer into words."""
    try:
        message = str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        message = str(error.body or error.reason)[:300]
    if error.status == 401:
        message = f"{message}: {_UNAUTHORIZED}"
    return ApiError(int(error.status or 0), message, what)


def _no_answer(error: Exception, address: str, what: str) -> ApiError:
    """Say why a request got no answer: urllib3 wraps the cause twice."""
    wrapped = getattr(error, "reason", error)
    inner = wrapped.args[-1] if wrapped.args and isinstance(wrapped.args[-1], Exception) else wrapped.__cause__
    if isinstance(inner, ssl.SSLCertVerificationError):
        words = f"the server at {address} is not who the kubeconfig expects: {inner.verify_message}"
    else:
        words = f"{address} cannot be reached: {inner or wrapped}"
    return ApiError(0, words, what)


class Cluster:
    """The cluster of an `ApiClient` that `kubeconfig.load` made."""

    def __init__(self, client: Any) -> None:
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415
        from kubernetes.dynamic import DynamicClient, Resource  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        self._refused, self._unanswered = ApiException, HTTPError
        self._address = client.configuration.host
        self._client = DynamicClient(client, discoverer=lambda _client, _cache: None)
        self._resources = {
            kind: Resource(
                prefix="apis" if group else "api",
                group=group,
                api_version=version,
                kind=kind,
                name=plural,
                namespaced=kind not in ("Namespace", "Node"),
                client=self._client,
            )
            for kind, (group, version, plural) in _KINDS.items()
        }

    def _ask(self, what: str, request: Callable[..., Any], *args: Any, **query: Any) -> bytes:
        try:
            answer = request(*args, **query, serialize=False, _request_timeout=_TIMEOUT)
            return bytes(answer.data)
        except self._refused as error:
            raise _refusal(error, what) from error
        except self._unanswered as error:
            raise _no_answer(error, self._address, what) from error

    def _json(self, what: str, request: Callable[..., Any], **query: Any) -> Object:
        answer = json.loads(self._ask(what, request, **query))
        assert isinstance(answer, dict)
        return answer

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        try:
            return self._json(f"read {kind} {name}", self._resources[kind].get, name=name, namespace=namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str, **query: str) -> Sequence[Object]:
        """List objects; `labels` and `fields` select."""
        selectors = {"labels": "label_selector", "fields": "field_selector"}
        chosen = {selectors[key]: value for key, value in query.items()}
        answer = self._json(f"list {kind}", self._resources[kind].get, namespace=namespace, **chosen)
        # The items of a list carry neither kind nor version.
        return [{"kind": kind, "apiVersion": answer["apiVersion"], **item} for item in answer.get("items") or []]

    def apply(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
        """Server-side apply: what we name is ours, what others have set beside it stays."""
        metadata = obj["metadata"]
        return self._json(
            f"apply {obj['kind']} {metadata['name']}",
            self._resources[obj["kind"]].server_side_apply,
            body=dict(obj),
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager=MANAGER,
            force_conflicts=True,
            # The package knows no word for this one.
            query_params=[("fieldValidation", "Strict")],
            **({"dry_run": "All"} if dry_run else {}),
        )

    def delete(self, kind: str, namespace: str, name: str) -> None:
        delete = self._resources[kind].delete
        try:
            self._ask(f"delete {kind} {name}", delete, name=name, namespace=namespace, propagation_policy="Background")
        except ApiError as error:
            if error.status != 404:
                raise

    def logs(self, namespace: str, pod: str, previous: bool, lines: int) -> str:
        """Return the last lines of a pod's container `app`, "" where there are none."""
        path = f"{self._resources['Pod'].path(name=pod, namespace=namespace)}/log"
        query = [("container", "app"), ("tailLines", lines), ("previous", str(previous).lower())]
        try:
            return self._ask("read logs", self._client.request, "get", path, query_params=query).decode(
                errors="replace"
            )
        except ApiError:
            return ""

    def events(self, namespace: str, names: Sequence[str]) -> Sequence[Object]:
        """Return the warnings about the named objects, oldest first."""
        wanted = set(names)
        found = [
            e for e in self.list("Event", namespace, fields="type=Warning") if e["involvedObject"].get("name") in wanted
        ]
        return sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
