"""Groups without a play, services without a cluster, and hosts that nothing makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import load
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.membership import (
    check_cluster,
    check_found,
    check_names,
)

KNOWN = load(Path()).groups
VALUES = {"platform_project": "tiketi"}


def test_the_playbooks_name_their_groups() -> None:
    assert {"platform", "k3s_servers", "k3s_agents", "services", "legacy_hosts", "migration_sources"} <= KNOWN


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        ({"k3s_server": ["a"]}, {"group k3s_server": "did you mean k3s_servers?"}),
        ({"k3s_server": ["a"], "k3s_servers": []}, {"group k3s_server": "did you mean k3s_servers?"}),
        ({"data_store": ["a"]}, {"group data_store": "did you mean data_stores?"}),
        # A part of a group, and groups of the user's own.
        ({"k3s_servers_a": ["a"], "k3s_servers": ["a"]}, {}),
        ({"warehouse": ["a"], "legacy_candidates": ["a"], "runner_candidates": ["b"]}, {}),
    ],
)
def test_misspelt_groups(groups: Mapping[str, list[str]], named: Mapping[str, str]) -> None:
    assert {fault.object: fault.mend for fault in check_names(groups, KNOWN)} == named


@pytest.mark.parametrize(
    ("groups", "count"),
    [
        ({"services": ["account"]}, 1),
        ({"services": ["account"], "k3s_servers": []}, 1),
        ({"services": ["account"], "k3s_servers": ["a"]}, 0),
        ({"k3s_servers": ["a"]}, 0),
    ],
)
def test_services_need_a_cluster(groups: Mapping[str, list[str]], count: int) -> None:
    assert len(list(check_cluster(groups))) == count


@pytest.mark.parametrize(
    ("groups", "variables", "found"),
    [
        ({"legacy_hosts": ["old"], "data_runners": ["old"]}, {"old": []}, ["host old"]),
        ({"migration_sources": ["app"]}, {"app": []}, ["host app"]),
        ({"compose_hosts": ["app"]}, {"app": []}, ["host app"]),
        # It is there, is made by this run, or is the controller.
        ({"legacy_hosts": ["old"]}, {"old": ["ansible_host"]}, []),
        ({"data_runners": ["app"], "ec2_hosts": ["app"]}, {"app": []}, []),
        ({"data_runners": ["here"]}, {"here": ["ansible_connection"]}, []),
        # A candidate that nothing uses.
        ({"runner_candidates": ["app"]}, {"app": []}, []),
    ],
)
def test_hosts_that_nothing_makes(
    groups: Mapping[str, list[str]], variables: Mapping[str, list[str]], found: list[str]
) -> None:
    faults = list(check_found(groups, variables, VALUES))
    assert [fault.object for fault in faults] == found
    for fault in faults:
        for text in ("Project=tiketi", "InventoryHost=", "Stage", "SshHostKey", "docs/stages.md"):
            assert text in fault.mend
