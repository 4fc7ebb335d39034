"""The connection to the API server: verified, retried where that may help, and clear where it may not."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._service import api, kubeconfig
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import ApiError, KubeconfigError

Answer = tuple[int, Any] | Exception


def config(**changes: Any) -> dict[str, Any]:
    cluster = {"server": "https://10.0.0.1:6443", "tls-server-name": "k3s.internal", **changes.get("cluster", {})}
    return {
        "current-context": "stage",
        "contexts": [{"name": "stage", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": changes.get("user", {"token": "abc"})}],
    }


def write(folder: Path, data: dict[str, Any]) -> str:
    (folder / "kubeconfig").write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(folder / "kubeconfig")


def test_an_endpoint_is_verified_by_the_name_that_the_kubeconfig_gives(tmp_path: Path) -> None:
    endpoint = kubeconfig.load(write(tmp_path, config()))
    assert (endpoint.address, endpoint.server_name, endpoint.token) == ("https://10.0.0.1:6443", "k3s.internal", "abc")
    assert endpoint.tls.verify_mode is ssl.CERT_REQUIRED
    assert endpoint.tls.check_hostname


def test_a_credential_plugin_is_asked(tmp_path: Path) -> None:
    answer = json.dumps({"status": {"token": "from-plugin"}})
    plugin = {
        "exec": {
            "command": "sh",
            "args": ["-c", f"test $STAGE = dev && echo '{answer}'"],
            "env": [{"name": "STAGE", "value": "dev"}],
        }
    }
    assert kubeconfig.load(write(tmp_path, config(user=plugin))).token == "from-plugin"  # noqa: S105


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cluster": {"insecure-skip-tls-verify": True}}, "asks not to verify the server"),
        ({"cluster": {"server": "http://10.0.0.1"}}, "is not an https address"),
        ({"cluster": {"certificate-authority-data": base64.b64encode(b"junk").decode()}}, "cannot be used"),
        ({"user": {"exec": {"command": "sh", "args": ["-c", "echo expired >&2; exit 1"]}}}, "gave no token: expired"),
        ({"user": {"exec": {"command": "/nowhere"}}}, "gave no token"),
        ({"user": {"tokenFile": "nowhere"}}, "cannot be used"),
    ],
)
def test_what_a_kubeconfig_may_not_say(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(KubeconfigError, match="kubeconfig") as caught:
        kubeconfig.load(write(tmp_path, config(**changes)))
    assert words in str(caught.value)


def test_an_unknown_context_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="has no context 'prod'; it has stage"):
        kubeconfig.load(write(tmp_path, config()), "prod")


class Scripted(api.Cluster):
    """A cluster that answers from a list."""

    def __init__(self, endpoint: kubeconfig.Endpoint, answers: list[Answer]) -> None:
        super().__init__(endpoint)
        self.answers, self.asked = answers, list[tuple[str, str]]()

    def _once(self, method: str, path: str, body: str | None, content_type: str) -> tuple[int, bytes]:
        self.asked.append((method, path))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer[0], json.dumps(answer[1]).encode()


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> kubeconfig.Endpoint:
    monkeypatch.setattr(api.time, "sleep", lambda _seconds: None)
    return kubeconfig.load(write(tmp_path, config()))


@pytest.mark.parametrize(
    "trouble",
    [ConnectionRefusedError("refused"), http.client.RemoteDisconnected(), (503, {"message": "starting"}), (429, {})],
)
def test_a_passing_trouble_is_waited_out(endpoint: kubeconfig.Endpoint, trouble: Answer) -> None:
    cluster = Scripted(endpoint, [trouble, trouble, (200, {"metadata": {}})])
    assert cluster.get("Namespace", "", "shop") == {"metadata": {}}


def test_a_lasting_trouble_names_the_address(endpoint: kubeconfig.Endpoint) -> None:
    cluster = Scripted(endpoint, [ConnectionRefusedError("refused")] * 9)
    with pytest.raises(ApiError, match=r"https://10\.0\.0\.1:6443 cannot be reached: refused"):
        cluster.get("Namespace", "", "shop")
    assert len(cluster.asked) == 5


@pytest.mark.parametrize("status", [401, 403, 409, 422])
def test_a_refusal_is_not_repeated(endpoint: kubeconfig.Endpoint, status: int) -> None:
    cluster = Scripted(endpoint, [(status, {"message": "no"})])
    with pytest.raises(ApiError, match=rf"apply Deployment cart: no \(HTTP {status}\)"):
        cluster.apply({"kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}})


def test_an_untrusted_server_is_told_at_once(endpoint: kubeconfig.Endpoint) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    cluster = Scripted(endpoint, [error])
    with pytest.raises(ApiError, match="is not who the kubeconfig expects: self-signed certificate"):
        cluster.get("Namespace", "", "shop")


def test_what_is_gone_is_gone(endpoint: kubeconfig.Endpoint) -> None:
    cluster = Scripted(endpoint, [(404, {"message": "not found"})] * 2)
    assert cluster.get("Job", "shop", "x") is None
    cluster.delete("Job", "shop", "x")


def test_apply_is_server_side_and_strict(endpoint: kubeconfig.Endpoint) -> None:
    cluster = Scripted(endpoint, [(200, {})])
    cluster.apply({"kind": "Ingress", "metadata": {"name": "cart", "namespace": "shop"}}, dry_run=True)
    [(method, path)] = cluster.asked
    assert method == "PATCH"
    assert path.startswith("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/cart?")
    for part in ("fieldManager=tiketi.platform", "force=true", "fieldValidation=Strict", "dryRun=All"):
        assert part in path


def test_the_items_of_a_list_get_their_kind(endpoint: kubeconfig.Endpoint) -> None:
    cluster = Scripted(endpoint, [(200, {"apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]})])
    [item] = cluster.list("Pod", "shop", labels="app")
    assert (item["kind"], item["apiVersion"]) == ("Pod", "v1")
    assert cluster.asked == [("GET", "/api/v1/namespaces/shop/pods?labelSelector=app")]
