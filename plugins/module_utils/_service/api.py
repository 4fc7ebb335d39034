"""The few requests to the Kubernetes API that deploying services takes. The only place that talks to the cluster."""

from __future__ import annotations

import http.client
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import ApiError
from ansible_collections.tiketi.platform.plugins.module_utils._service.kubeconfig import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import MANAGER, Object

_ROOTS = {
    "Namespace": ("/api/v1", "namespaces"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Secret": ("/api/v1", "secrets"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Service": ("/api/v1", "services"),
    "Pod": ("/api/v1", "pods"),
    "Event": ("/api/v1", "events"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
}
_TIMEOUT = 30
_ATTEMPTS = 5
_TRANSIENT = {408, 429, 500, 502, 503, 504}


class _Connection(http.client.HTTPSConnection):
    """Verifies the server by the name that the kubeconfig gives, whatever address it is reached by."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.host, endpoint.port, context=endpoint.tls, timeout=_TIMEOUT)
        self._endpoint = endpoint

    def connect(self) -> None:
        raw = socket.create_connection((self.host, self.port), _TIMEOUT)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._endpoint.tls.wrap_socket(raw, server_hostname=self._endpoint.server_name)


def _path(kind: str, namespace: str, name: str = "") -> str:
    root, plural = _ROOTS[kind]
    middle = f"/namespaces/{quote(namespace)}" if namespace and kind != "Namespace" else ""
    return f"{root}{middle}/{plural}" + (f"/{quote(name)}" if name else "")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:300]


class Cluster:
    """One connection a thread; every request can be repeated without harm, so that transient failures are."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._local = threading.local()

    def _connection(self) -> _Connection:
        if getattr(self._local, "connection", None) is None:
            self._local.connection = _Connection(self._endpoint)
        connection: _Connection = self._local.connection
        return connection

    def _once(self, method: str, path: str, body: str | None, content_type: str) -> tuple[int, bytes]:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        if self._endpoint.token:
            headers["Authorization"] = f"Bearer {self._endpoint.token}"
        connection = self._connection()
        try:
            connection.request(method, self._endpoint.path + path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except BaseException:
            connection.close()
            self._local.connection = None
            raise

    def _request(
        self, what: str, method: str, path: str, body: str | None = None, kind: str = "application/json"
    ) -> bytes:
        failure = ApiError(0, "", what)
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(min(8.0, 0.25 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            try:
                status, answer = self._once(method, path, body, kind)
            except ssl.SSLCertVerificationError as error:
                message = (
                    f"the server at {self._endpoint.address} is not who the kubeconfig expects: {error.verify_message}"
                )
                raise ApiError(0, message, what) from error
            except (OSError, http.client.HTTPException) as error:
                failure = ApiError(
                    0, f"{self._endpoint.address} cannot be reached: {error or type(error).__name__}", what
                )
                continue
            if status < 300:
                return answer
            failure = ApiError(status, _message(answer), what)
            if status not in _TRANSIENT:
                break
        raise failure

    def _json(
        self, what: str, method: str, path: str, body: str | None = None, kind: str = "application/json"
    ) -> Object:
        answer = json.loads(self._request(what, method, path, body, kind))
        assert isinstance(answer, dict)
        return answer

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        try:
            return self._json(f"read {kind} {name}", "GET", _path(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str, **query: str) -> Sequence[Object]:
        """List objects; `labels` and `fields` select."""
        names = {"labels": "labelSelector", "fields": "fieldSelector"}
        tail = urlencode({names[key]: value for key, value in query.items()})
        answer = self._json(f"list {kind}", "GET", _path(kind, namespace) + (f"?{tail}" if tail else ""))
        # The items of a list carry neither kind nor version.
        return [{"kind": kind, "apiVersion": answer["apiVersion"], **item} for item in answer.get("items") or []]

    def apply(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
        """Server-side apply: what we name is ours, what others have set beside it stays."""
        metadata = obj["metadata"]
        query = {
            "fieldManager": MANAGER,
            "force": "true",
            "fieldValidation": "Strict",
            **({"dryRun": "All"} if dry_run else {}),
        }
        path = _path(obj["kind"], metadata.get("namespace", ""), metadata["name"])
        what = f"apply {obj['kind']} {metadata['name']}"
        return self._json(what, "PATCH", f"{path}?{urlencode(query)}", json.dumps(obj), "application/apply-patch+yaml")

    def delete(self, kind: str, namespace: str, name: str) -> None:
        body = json.dumps({"propagationPolicy": "Background"})
        try:
            self._request(f"delete {kind} {name}", "DELETE", _path(kind, namespace, name), body)
        except ApiError as error:
            if error.status != 404:
                raise

    def logs(self, namespace: str, pod: str, previous: bool, lines: int) -> str:
        """Return the last lines of a pod's container `app`, "" where there are none."""
        query = urlencode({"container": "app", "tailLines": lines, "previous": str(previous).lower()})
        try:
            return self._request("read logs", "GET", f"{_path('Pod', namespace, pod)}/log?{query}").decode(
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
