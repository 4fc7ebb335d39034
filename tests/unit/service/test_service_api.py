"""Requests to the API server, over real TLS: verified, retried where that may help, and clear where it may not."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._service import kubeconfig
from ansible_collections.tiketi.platform.plugins.module_utils._service.api import Cluster
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import ApiError, KubeconfigError

from .api_server import NAME, ApiServer, Asked, certificate, serve

CART = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}
Connect = Callable[..., Cluster]


def config(**changes: Any) -> dict[str, Any]:
    cluster = {"server": "https://10.0.0.1:6443", "tls-server-name": NAME, **changes.get("cluster", {})}
    return {
        "current-context": "stage",
        "contexts": [{"name": "stage", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": changes.get("user", {"token": "abc"})}],
    }


def write(folder: Path, data: dict[str, Any]) -> str:
    (folder / "kubeconfig").write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(folder / "kubeconfig")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    state, process = serve(tmp_path)
    yield state
    process.shutdown()
    process.server_close()


@pytest.fixture
def connect(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connect:
    monkeypatch.setattr(kubeconfig, "_BACKOFF", 0.001)

    def to(ca: bytes = server.ca, user: dict[str, Any] | None = None, **cluster: Any) -> Cluster:
        data = base64.b64encode(ca).decode()
        cluster = {"server": f"https://127.0.0.1:{server.port}", "certificate-authority-data": data, **cluster}
        return Cluster(kubeconfig.load(write(tmp_path, config(cluster=cluster, user=user or {"token": "abc"}))))

    return to


def test_an_object_is_applied_by_the_server(server: ApiServer, connect: Connect) -> None:
    server.answers = [(200, CART), (201, CART)]
    cluster = connect()
    assert cluster.apply(CART, dry_run=True) == CART
    assert cluster.apply(CART) == CART
    query = {"fieldManager": "tiketi.platform", "force": "True", "fieldValidation": "Strict"}
    path, kind = "/apis/apps/v1/namespaces/shop/deployments/cart", "application/apply-patch+yaml"
    assert server.asked == [
        Asked("PATCH", path, {**query, "dryRun": "All"}, "Bearer abc", kind, CART),
        Asked("PATCH", path, query, "Bearer abc", kind, CART),
    ]


def test_what_there_is_is_read(server: ApiServer, connect: Connect) -> None:
    event = {"involvedObject": {"name": "cart-1"}, "lastTimestamp": "2"}
    server.answers = [
        (404, {"message": "not found"}),
        (200, {"apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]}),
        (200, {"apiVersion": "v1", "items": [event, {"involvedObject": {"name": "other"}}]}),
        (200, b'{"level": "error"}\n'),
        (400, {"message": "no previous container"}),
    ]
    cluster = connect()
    assert cluster.get("Namespace", "", "shop") is None
    assert cluster.list("Pod", "shop", labels="app") == [{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}}]
    assert [found["involvedObject"]["name"] for found in cluster.events("shop", ["cart-1"])] == ["cart-1"]
    assert cluster.logs("shop", "cart-1", previous=False, lines=8) == '{"level": "error"}\n', (
        "as the container wrote it"
    )
    assert cluster.logs("shop", "cart-1", previous=True, lines=8) == ""
    assert [(asked.path, asked.query) for asked in server.asked] == [
        ("/api/v1/namespaces/shop", {}),
        ("/api/v1/namespaces/shop/pods", {"labelSelector": "app"}),
        ("/api/v1/namespaces/shop/events", {"fieldSelector": "type=Warning"}),
        ("/api/v1/namespaces/shop/pods/cart-1/log", {"container": "app", "tailLines": "8", "previous": "false"}),
        ("/api/v1/namespaces/shop/pods/cart-1/log", {"container": "app", "tailLines": "8", "previous": "true"}),
    ]


def test_what_is_gone_already_is_deleted(server: ApiServer, connect: Connect) -> None:
    server.answers = [(200, {}), (404, {"message": "not found"}), (403, {"message": "no"})]
    cluster = connect()
    cluster.delete("Job", "shop", "cart-migrate")
    cluster.delete("Job", "shop", "cart-migrate")
    with pytest.raises(ApiError, match=r"delete Job cart-migrate: no \(HTTP 403\)"):
        cluster.delete("Job", "shop", "cart-migrate")
    [asked] = {(asked.method, asked.path, tuple(asked.query.items())) for asked in server.asked}
    assert asked == (
        "DELETE",
        "/apis/batch/v1/namespaces/shop/jobs/cart-migrate",
        (("propagationPolicy", "Background"),),
    )


@pytest.mark.parametrize("status", [429, 503])
def test_a_passing_trouble_is_waited_out(server: ApiServer, connect: Connect, status: int) -> None:
    server.answers = [(status, {"message": "starting"}), (status, {}), (200, CART)]
    assert connect().apply(CART) == CART


def test_a_lasting_trouble_is_told_in_the_words_of_the_server(server: ApiServer, connect: Connect) -> None:
    server.answers = [(503, {"message": "etcd has no leader"})] * 9
    with pytest.raises(ApiError, match=r"read Namespace shop: etcd has no leader \(HTTP 503\)"):
        connect().get("Namespace", "", "shop")
    assert len(server.asked) == 5


@pytest.mark.parametrize("status", [403, 409, 422])
def test_a_refusal_is_not_repeated(server: ApiServer, connect: Connect, status: int) -> None:
    server.answers = [(status, {"message": "no"})]
    with pytest.raises(ApiError, match=rf"apply Deployment cart: no \(HTTP {status}\)"):
        connect().apply(CART)


def test_credentials_that_have_expired_are_told_with_the_mend(server: ApiServer, connect: Connect) -> None:
    server.answers = [(401, {"message": "Unauthorized"})]
    with pytest.raises(ApiError, match=r"Unauthorized: .* may have expired. Mend: fetch it anew \(HTTP 401\)"):
        connect().get("Namespace", "", "shop")


def test_an_answer_that_is_not_from_an_api_server_is_shown(server: ApiServer, connect: Connect) -> None:
    server.answers = [(400, b"<html>a proxy</html>")]
    with pytest.raises(ApiError, match="<html>a proxy</html>"):
        connect().get("Namespace", "", "shop")


def test_an_absent_server_is_told_by_its_address(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(ApiError, match=rf"https://127\.0\.0\.1:{port} cannot be reached: .*Connection refused"):
        connect(server=f"https://127.0.0.1:{port}").get("Namespace", "", "shop")


def test_a_server_of_another_authority_is_not_talked_to(server: ApiServer, connect: Connect, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ApiError, match="is not who the kubeconfig expects: self-signed certificate"):
        connect(ca=certificate(other)[1]).get("Namespace", "", "shop")
    assert server.asked == []


def test_a_server_of_another_name_is_not_talked_to(server: ApiServer, connect: Connect) -> None:
    with pytest.raises(ApiError, match="is not who the kubeconfig expects: Hostname mismatch"):
        connect(**{"tls-server-name": "other.internal"}).get("Namespace", "", "shop")
    assert server.asked == []


def plugin(script: str) -> dict[str, Any]:
    env = [{"name": "STAGE", "value": "dev"}]
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": "sh", "args": ["-c", script], "env": env}}


def test_a_credential_plugin_is_asked(server: ApiServer, connect: Connect) -> None:
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "dev-1"}}
    server.answers = [(200, CART)]
    connect(user=plugin(f"test $STAGE = dev && echo '{json.dumps(answer)}'")).apply(CART)
    assert server.asked[0].token == "Bearer dev-1"  # noqa: S105


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cluster": {"insecure-skip-tls-verify": True}}, "asks not to verify the server"),
        ({"cluster": {"server": "http://10.0.0.1"}}, "is not an https address"),
        ({"cluster": {"certificate-authority-data": "junk"}}, "cannot be used"),
        ({"user": plugin("echo the login has expired >&2; exit 1")}, "the login has expired"),
        ({"user": {"exec": {"apiVersion": "v1", "command": "/nowhere"}}}, "No such file"),
        ({"user": {"tokenFile": "nowhere"}}, "cannot be used"),
        ({"user": {}}, "neither token nor certificate"),
    ],
)
def test_what_a_kubeconfig_may_not_say(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(KubeconfigError, match="kubeconfig") as caught:
        kubeconfig.load(write(tmp_path, config(**changes)))
    assert words in str(caught.value)


def test_a_kubeconfig_that_is_not_there_and_a_context_that_is_not_in_it(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="nowhere cannot be used"):
        kubeconfig.load(str(tmp_path / "nowhere"))
    with pytest.raises(KubeconfigError, match="prod"):
        kubeconfig.load(write(tmp_path, config()), "prod")
