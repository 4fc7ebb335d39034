from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

Emulator = Callable[..., Any]
FAMILY = "aurora-postgresql15"


def names(rds: Any, family: str = FAMILY) -> list[str]:
    return [parameter["name"] for parameter in rds._default_parameters_for_family(family)]


@pytest.mark.parametrize("name", ["rds.force_ssl", "rds.logical_replication"])
def test_a_parameter_of_aurora_is_known_only_with_the_gap_closed(emulator: Emulator, name: str) -> None:
    rds = emulator("rds")
    assert name not in names(rds), "MiniStack knows it now: delete it from cluster_parameters.py"
    importlib.import_module("sandbox.ministack_compat.cluster_parameters").apply()
    assert names(rds).count(name) == 1
    assert name not in names(rds, "aurora-mysql8.0")


def test_containers_are_labelled_and_published_on_loopback(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_LABEL", "tiketi-sandbox=mine")
    collection = importlib.import_module("docker.models.containers").ContainerCollection
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(collection, "create", lambda _self, _image, _command=None, **options: asked.append(options))
    importlib.import_module("sandbox.ministack_compat.engine_defaults").apply()
    ports = {"5432/tcp": 15432, "80/tcp": None, "81/tcp": ("10.0.0.1", 81), "82/tcp": [1, 2]}
    errors = importlib.import_module("docker.errors")
    volumes = SimpleNamespace(get=Mock(side_effect=errors.NotFound("none")), create=Mock())
    owner = SimpleNamespace(client=SimpleNamespace(volumes=volumes))
    mounts = {"data": {"bind": "/data"}, "/srv": {"bind": "/srv"}}
    collection.create(owner, "image", ports=ports, labels={"ministack": "rds"}, volumes=mounts)
    volumes.create.assert_called_once_with("data", labels={"tiketi-sandbox": "mine"})
    assert asked[0]["labels"] == {"ministack": "rds", "tiketi-sandbox": "mine"}
    assert asked[0]["ports"] == {
        "5432/tcp": ("127.0.0.1", 15432),
        "80/tcp": ("127.0.0.1", None),
        "81/tcp": ("10.0.0.1", 81),
        "82/tcp": [("127.0.0.1", 1), ("127.0.0.1", 2)],
    }


def test_plain_ministack_publishes_on_every_address(emulator: Emulator) -> None:
    source = importlib.util.find_spec("ministack.services.rds")
    assert source
    assert source.origin
    assert 'ports={f"{container_port}/tcp": host_port}' in Path(source.origin).read_text()


def test_a_cluster_remembers_its_log_exports_only_with_the_gap_closed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rds = emulator("rds")
    cluster: dict[str, Any] = defaultdict(str, DBClusterIdentifier="c")
    field = "EnabledCloudwatchLogsExports"
    assert field not in rds._cluster_xml(cluster), "MiniStack knows it now: delete cluster_log_exports.py"
    monkeypatch.setitem(rds._ACTION_MAP, "CreateDBCluster", lambda _params: (200, {}, b""))
    monkeypatch.setitem(rds._ACTION_MAP, "ModifyDBCluster", lambda _params: (200, {}, b""))
    monkeypatch.setattr(rds, "_resolve_cluster_in_request_region", lambda _name: cluster)
    importlib.import_module("sandbox.ministack_compat.cluster_log_exports").apply()
    rds._ACTION_MAP["CreateDBCluster"]({"EnableCloudwatchLogsExports.member.1": ["postgresql"]})
    assert f"<{field}><member>postgresql</member></{field}>" in rds._cluster_xml(cluster)
    change = {"CloudwatchLogsExportConfiguration.DisableLogTypes.member.1": ["postgresql"]}
    rds._ACTION_MAP["ModifyDBCluster"](change)
    assert f"<{field}></{field}>" in rds._cluster_xml(cluster)


def test_a_replication_group_has_a_name_only_with_the_gap_closed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = emulator("elasticache")
    end = {"Address": "10.0.0.9", "Port": 6379}
    node = {"NodeGroupId": "0001", "Status": "available", "PrimaryEndpoint": end, "ReaderEndpoint": end}
    group = defaultdict(str, ReplicationGroupId="shop", NodeGroups=[node])
    gap = importlib.import_module("sandbox.ministack_compat.cache_endpoint_names")
    asked: list[dict[str, Any]] = []
    run = SimpleNamespace(run=lambda **options: asked.append(options))
    monkeypatch.setattr(cache, "_get_docker", lambda: SimpleNamespace(containers=run))
    assert "10.0.0.9" in cache._rg_xml(group), "MiniStack gives names now: delete cache_endpoint_names.py"
    gap.apply()
    name = "master.shop-0001.sandbox.cache.amazonaws.com"
    assert cache._rg_xml(group).count(f"<Address>{name}</Address>") == 2
    cache._get_docker().containers.run(name="ministack-elasticache-rg-000000000000-eu-west-1-shop-0001", network="n")
    assert asked[0]["networking_config"] == {"n": {"Aliases": [name]}}
