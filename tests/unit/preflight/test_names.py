"""Misspelt variables over the options of all roles: what is refused, what is warned of, and what is the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import load
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.names import misspelt, unread

CATALOGUE = load(Path())
KNOWN, ROLES = CATALOGUE.options(), CATALOGUE.roles


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("service_overides", "service_overrides"),
        ("services_overrides", "service_overrides"),
        ("service_override", "service_overrides"),
        ("k3s_version", "k3s_common_version"),
        ("k3s_node_labels", "k3s_agent_node_labels or k3s_server_node_labels"),
        ("redis_replica_count", "elasticache_redis_replica_count"),
        ("aurora_instance_count", "aurora_postgres_instance_count"),
        ("ec2_image_id", "ec2_host_image_id"),
        ("service_namespace", "service_deploy_namespace"),
        ("network_cdir", "network_cidr"),
    ],
)
def test_what_is_refused_with_the_option_that_was_meant(name: str, meant: str) -> None:
    [fault] = misspelt([name], KNOWN, ROLES)
    assert (fault.object, fault.mend) == (name, f"did you mean {meant}?")
    assert not list(unread([name], KNOWN, ROLES))


@pytest.mark.parametrize("name", ["k3s_colour", "service_owner", "redis_dashboard"])
def test_what_begins_as_a_role_does_is_warned_of(name: str) -> None:
    assert not list(misspelt([name], KNOWN, ROLES))
    assert list(unread([name], KNOWN, ROLES)) == [name]


@pytest.mark.parametrize(
    "name", ["service_overrides", "my_version", "host_user", "version", "k3s_common_version", "database_facts"]
)
def test_what_is_known_or_the_users_own(name: str) -> None:
    assert not list(misspelt([name], KNOWN, ROLES))
    assert not list(unread([name], KNOWN, ROLES))
