"""Preflight: numbers, forms and settings that an argument specification cannot bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.limits import outside
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import limits as postgres
from ansible_collections.tiketi.platform.plugins.module_utils._preflight import bounds, settings
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import load
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import limits as redis

ROOT = Path(__file__).resolve().parents[3]
INT = {"type": "int"}
POOLER = {"type": "dict", "options": {"pause_timeout": {"type": "float"}, "port": {"type": "int"}}}
ENDPOINTS = {"type": "list", "elements": "dict", "options": {"status": INT, "path": {"type": "str"}}}


@pytest.mark.parametrize(
    ("name", "value", "spec", "shown", "mend"),
    [
        ("aurora_postgres_port", 70000, INT, "is the number 70000", "from 1 to 65535"),
        ("edge_node_count", 0, INT, "is the number 0", "1 or more"),
        ("elasticache_redis_replica_count", 6, INT, "is the number 6", "from 0 to 5"),
        ("k3s_common_wait_timeout", 0, INT, "is the number 0", "from 1 to 86400"),
        ("edge_cpu_percent", 101, INT, "is the number 101", "from 0 to 100"),
        ("postgres_migration_freeze_budget", 0, {"type": "float"}, "is the number 0", "0.5 or more"),
        ("postgres_migration_freeze_budget", float("nan"), {"type": "float"}, "is the number nan", "0.5 or more"),
        (
            "postgres_migration_follow_timeout",
            float("inf"),
            {"type": "float"},
            "is the number inf",
            "1 or more, and finite",
        ),
        ("postgres_migration_part_bytes", 1, INT, "is the number 1", "1048576 or more"),
        ("postgres_migration_slot_wal_limit", 1, INT, "is the number 1", "67108864 or more"),
        ("postgres_migration_pooler", {"pause_timeout": 0}, POOLER, "is the number 0", "0.1 or more"),
        ("postgres_migration_publisher", {"port": 0}, POOLER, "is the number 0", "from 1 to 65535"),
        ("redis_migration_freeze_limit", 0, {"type": "float"}, "is the number 0", "0.5 or more"),
        ("aurora_postgres_backup_window", "3:00-4:00", {}, 'is the text "3:00-4:00"', "such as 03:00-04:00"),
        ("aurora_postgres_maintenance_window", "sunday:04:30-sun:05:30", {}, "is the text", "such as sun:04:30"),
        ("aurora_postgres_database", "my-shop", {}, 'is the text "my-shop"', "my_shop"),
        ("aurora_postgres_engine_version", "15.x", {}, "is the text", "such as 15.4"),
        ("postgres_restore_maintenance_work_mem", "256", {}, "is the text", "such as 256MB"),
        ("k3s_agent_node_taints", ["a=b:NoRun"], {"type": "list", "elements": "str"}, "is the text", "key=value"),
        ("endpoint_check_endpoints", [{"status": 42, "path": "/"}], ENDPOINTS, "is the number 42", "100 to 599"),
    ],
)
def test_what_is_out_of_bounds(name: str, value: Any, spec: Mapping[str, Any], shown: str, mend: str) -> None:
    [fault] = bounds.check(name, value, spec)
    assert fault.object.startswith(name)
    assert shown in fault.what
    assert mend in fault.mend


@pytest.mark.parametrize(
    ("name", "value", "spec"),
    [
        ("aurora_postgres_port", 65535, INT),
        ("aurora_postgres_port", "70000", INT),  # the check of types says it
        ("any_count", True, INT),
        ("aurora_postgres_kms_key_id", "", {}),
        ("some_backup_window", "", {}),
        ("edge_rate_limit", 0, INT),
    ],
)
def test_what_is_within_bounds_or_the_fault_of_others(name: str, value: Any, spec: Mapping[str, Any]) -> None:
    assert list(bounds.check(name, value, spec)) == []


def test_a_place_in_a_list_is_named() -> None:
    [fault] = bounds.check("endpoint_check_endpoints", [{"status": 200}, {"status": 1}], ENDPOINTS)
    assert fault.object == "endpoint_check_endpoints[1].status"


def test_the_defaults_of_all_roles_are_within_bounds() -> None:
    catalogue = load(ROOT)
    found = [
        fault
        for role in catalogue.roles.values()
        for name, spec in role.options.items()
        for value in (spec.get("default"), role.defaults.get(name))
        if value is not None and "{{" not in str(value)
        for fault in bounds.check(name, value, spec)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("role", "least", "most"),
    [("postgres_migration", postgres.LEAST, postgres.MOST), ("redis_migration", redis.LEAST, {})],
)
def test_preflight_and_the_modules_of_a_move_draw_one_line(
    role: str, least: Mapping[str, float], most: Mapping[str, float]
) -> None:
    options = load(ROOT).roles[role].options
    for name, low in least.items():
        spec = options[f"{role}_{name}"]
        step = 1 if spec["type"] == "int" else 0.125
        for value in (low - step, low, most.get(name, 10**15), most.get(name, math.inf) + 1, math.nan):
            refused = bool(outside({name: value}, {name: low}, {k: v for k, v in most.items() if k == name}))
            assert bool(list(bounds.check(f"{role}_{name}", value, spec))) is refused, (name, value)
            assert refused is (value not in (low, most.get(name, 10**15))), (name, value)


def test_every_exact_rule_is_about_an_option_that_exists() -> None:
    """A rule for an option that was renamed would bound nothing."""
    options = load(ROOT).options()
    exact = {name.partition(".")[0] for name in (*bounds.RANGES, *bounds.FORMS) if not name.startswith("_")}
    assert exact - set(options) == set()


@pytest.mark.parametrize(
    ("values", "object_"),
    [
        ({"nodes_min_size": 3, "nodes_max_size": 2}, "nodes_max_size"),
        ({"nodes_min": 3, "nodes_max": 2}, "nodes_max"),
        ({"nodes_min_size": 2, "nodes_max_size": 2, "minutes": 5}, ""),
        ({"a_maintenance_window": "sun:03:30-sun:04:30", "a_backup_window": "03:00-04:00"}, "a_maintenance_window"),
        ({"a_maintenance_window": "sun:23:30-mon:00:30", "a_snapshot_window": "00:00-01:00"}, "a_maintenance_window"),
        ({"a_maintenance_window": "sun:04:00-sun:05:00", "a_backup_window": "03:00-04:00"}, ""),
        ({"a_maintenance_window": "whenever", "a_backup_window": "03:00-04:00"}, ""),
    ],
)
def test_pairs(values: Mapping[str, Any], object_: str) -> None:
    assert "".join(fault.object for fault in bounds.check_pairs(values)) == object_


K3S = {
    "k3s_common_version": "v1.34.2+k3s1",
    "k3s_common_sha256": "a" * 64,
    "k3s_common_urls": ["https://example.org/k3s"],
    "k3s_common_config": {},
    "k3s_common_server_config": {},
    "k3s_common_agent_config": {},
    "k3s_common_credential_provider": {},
}


@pytest.mark.parametrize(
    ("wrong", "object_", "words"),
    [
        ({}, "", ""),
        ({"k3s_common_version": "1.34"}, "k3s_common_version", "like v1.34.2+k3s1"),
        ({"k3s_common_version": 1.34}, "", ""),  # the check of types says it
        ({"k3s_common_sha256": {"amd64": "abc"}}, "k3s_common_sha256", "64 small hex digits"),
        ({"k3s_common_urls": ["s3:/bucket/k3s"]}, "k3s_common_urls", "s3://bucket/key"),
        ({"k3s_common_config": {"token": "x"}}, "k3s_common_config", "remove it there"),
        (
            {"k3s_common_credential_provider": {"urls": ["https://example.org/x"]}},
            "k3s_common_credential_provider.sha256",
            "beside the binary",
        ),
    ],
)
def test_settings_of_k3s_are_told_before_a_host_is_made(wrong: Mapping[str, Any], object_: str, words: str) -> None:
    found = list(settings.check_k3s({**K3S, **wrong}))
    assert [fault.object for fault in found] == ([object_] if object_ else [])
    assert all(words in f"{fault.what}; {fault.mend}" for fault in found)


def test_a_token_that_elasticache_would_refuse_is_told_before_it_is_made() -> None:
    shapes = {"redis-auth": {"token": {"length": 8, "alphabet": "redis"}}, "k3s": "x"}
    found = {fault.object: fault.what for fault in settings.check_secrets({"secrets_shapes": shapes})}
    assert found == {
        "secrets_shapes.redis-auth.token": "length must be a number from 16 to 128",
        "secrets_shapes.k3s": "needs a name and at least one key",
    }


@pytest.mark.parametrize(("cidr", "count"), [("10.0.0.0/16", 0), ("10.0.0.0/24", 1), ("10.0.0.0/8", 1), ("x", 0)])
def test_a_vpc_of_a_size_that_does_not_do(cidr: str, count: int) -> None:
    assert len(list(settings.check_vpc({"network_cidr": cidr}))) == count
