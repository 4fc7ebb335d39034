"""From parameters to result: what the module refuses, what it returns, what it writes."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.tiketi.platform.plugins.filter.service import (
    service_secret_names,
    service_secrets,
    service_store,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service import report
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import (
    InvalidServicesError,
    KubeconfigError,
    RolloutError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.run import checked, hide_only_secrets, run

from .conftest import DIGEST, PASSWORD, TOKEN, definition
from .fake import BAD_NAME, FakeCluster, image

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "ca.pem").write_text(PEM, encoding="utf-8")
    ca = str(tmp_path / "ca.pem")
    return {
        "kubeconfig": str(tmp_path / "kubeconfig"),
        "context": None,
        "namespace": "shop",
        "project": "shop",
        "services": [definition(database=True, redis=True, replicas=1)],
        "images": {"shop": DIGEST},
        "ingress": {"class_name": "traefik", "host": None, "tls_secret": None, "annotations": {}},
        "callers": None,
        "database": {"host": "db", "port": 5432, "name": "shop", "secret": "app", "ca_file": ca},
        "redis": {"host": "redis", "port": 6379, "secret": "redis", "tls": True, "ca_file": None},
        "store_cidrs": ["10.0.0.0/16"],
        "secrets": {"app": {"username": "shop", "password": PASSWORD}, "redis": {"token": TOKEN}},
        "secret_prefix": "",
        "metrics": True,
        "render_dir": str(tmp_path / "rendered"),
        "timeout": 5,
        "prune": True,
        "undo": True,
        "progress_file": str(tmp_path / "progress"),
    }


def problems(params: dict[str, Any]) -> str:
    with pytest.raises(InvalidServicesError) as caught:
        checked(params)
    return str(caught.value)


def test_all_that_is_wrong_is_told_at_once(params: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    params["redis"]["ca_file"] = str(tmp_path / "nowhere")
    params["services"].append(definition(name="pay", image="shopp", paths=["/cart"]))
    text = problems(params)
    assert text.startswith("4 faults in the services, nothing was touched:")
    for part in ("holds no certificate", "nowhere cannot be read", "Did you mean shop?", "also a path of service cart"):
        assert part in text


def test_no_service_at_all_is_not_the_wish_to_delete_all(params: dict[str, Any]) -> None:
    assert "no service is given" in problems({**params, "services": []})


def test_a_run_reports_and_renders(params: dict[str, Any], tmp_path: Path) -> None:
    cluster = FakeCluster(instant=True)
    result = run(params, check=False, connect=lambda _params: cluster)
    assert result["changed"] is True
    assert result["rendered"] == ["_shared.yml", "cart.yml"]
    assert result["services"] == [{"name": "cart", "image": DIGEST, "replicas": 1, "paths": ["/cart"]}]
    assert "diff" not in result
    text = (tmp_path / "rendered" / "cart.yml").read_text(encoding="utf-8")
    assert "kind: Deployment" in text
    assert "kind: Secret" not in text
    assert PASSWORD not in text
    assert run(params, check=False, connect=lambda _params: cluster)["changed"] is False


def test_check_mode_writes_no_file(params: dict[str, Any], tmp_path: Path) -> None:
    result = run(params, check=True, diff=True, connect=lambda _params: FakeCluster())
    assert result["changed"] is True
    assert result["diff"]
    assert not (tmp_path / "rendered").exists()


def test_check_mode_of_an_empty_stage(params: dict[str, Any]) -> None:
    """Neither cluster nor secrets nor CA are there, hosts are not known and images have tags: everything is new."""
    params["secrets"], params["images"] = {}, {"shop": "registry.example/shop:build-1"}
    params["database"] |= {"host": "", "ca_file": "/nowhere"}
    params["ingress"]["class_name"] = ""
    result = run(params, check=True, diff=True)
    assert len(result["objects"]["created"]) > 8
    assert "no digest" in problems(params), "which is refused when it is meant"


def test_files_of_others_in_the_folder_stay(params: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "rendered"
    folder.mkdir()
    (folder / "kustomization.yml").write_text("resources: []\n", encoding="utf-8")
    (folder / "gone.yml").write_text(f"{report.MARK}\n", encoding="utf-8")
    cluster = FakeCluster(instant=True)
    assert "gone.yml" in run(params, check=False, connect=lambda _params: cluster)["rendered"]
    assert sorted(path.name for path in folder.iterdir()) == ["_shared.yml", "cart.yml", "kustomization.yml"]
    assert stat.S_IMODE((folder / "cart.yml").stat().st_mode) == 0o644


def test_a_lost_service_fails_the_run_with_what_was_done(params: dict[str, Any], tmp_path: Path) -> None:
    params["images"] = {"shop": image(BAD_NAME)}
    with pytest.raises(RolloutError) as caught:
        run(params, check=False, connect=lambda _params: FakeCluster(instant=True))
    assert caught.value.result["lost"][0]["service"] == "cart"
    assert "Deployment/cart" in caught.value.result["objects"]["created"]
    assert "cart: 1/1 new, 0 available - the image name cannot be read" in (tmp_path / "progress").read_text(
        encoding="utf-8"
    )


def test_a_public_user_name_does_not_blank_the_report(params: dict[str, Any]) -> None:
    assert hide_only_secrets({"shop", PASSWORD, TOKEN}, params) == {PASSWORD, TOKEN}


def test_a_private_user_name_stays_hidden(params: dict[str, Any]) -> None:
    params["secrets"]["app"]["username"] = "very-private"
    assert "very-private" in hide_only_secrets({"very-private", PASSWORD}, params)


def test_the_filters_of_the_role() -> None:
    services = [{"database": True, "secrets": [{"name": "signing"}]}, {"redis": True}, {}]
    assert service_secret_names(services, "p/s/", database="p/s/app", redis="p/s/redis") == [
        "p/s/app",
        "p/s/redis",
        "p/s/signing",
    ]
    assert service_secret_names([{}], "p/", database="p/app", redis="p/redis") == []
    facts = {"host": "h", "reader_host": "r", "port": 1, "name": "n", "secret": "master", "ca_file": "c"}
    assert service_store(facts, "database", "app") == {
        "host": "h",
        "port": 1,
        "name": "n",
        "secret": "app",
        "ca_file": "c",
    }
    assert service_store({}, "redis") == {}


def test_the_content_of_secrets_goes_with_their_names() -> None:
    assert service_secrets(["a", "b"], ['{"key": "x"}', '{"token": 1}']) == {"a": {"key": "x"}, "b": {"token": "1"}}
    assert service_secrets(["a", "b"], ['{"key": "x"}']) == {}, "which of them is missing cannot be told"
    with pytest.raises(AnsibleFilterError, match="The secret a is not a JSON object") as caught:
        service_secrets(["a"], ["hunter2"])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "refused", "faulty"),
    [
        ([{}, {"kubernetes.io/hostname": "b"}], False, True),
        ([{"topology.kubernetes.io/zone": "a"}, {}], False, False),
        ([], False, False),
        ([{}], True, False),
    ],
    ids=["no-zone", "zone", "no-nodes", "not-allowed"],
)
def test_a_spread_that_no_node_can_give(
    params: dict[str, Any], labels: list[dict[str, str]], refused: bool, faulty: bool
) -> None:
    cluster = FakeCluster(instant=True)
    for i, own in enumerate(labels):
        cluster.objects["Node", f"n{i}"] = {"kind": "Node", "metadata": {"name": f"n{i}", "labels": own}}
    cluster.hidden = {"Node"} if refused else set()
    params["services"] = [definition(spread={"zone": "require"}, replicas=1)]
    if not faulty:
        assert run(params, check=False, connect=lambda _params: cluster)["changed"]
        return
    with pytest.raises(InvalidServicesError, match=r"spread\.zone: no node has the label topology.kubernetes.io/zone"):
        run(params, check=False, connect=lambda _params: cluster)
    assert cluster.writes == []


def test_no_cluster_is_told_before_all_else(params: dict[str, Any]) -> None:
    params |= {"kubeconfig": "", "services": []}
    with pytest.raises(KubeconfigError, match="no cluster is known"):
        run(params, check=False)
