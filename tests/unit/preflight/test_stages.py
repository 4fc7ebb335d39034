"""Preflight over the roles and inventories of this collection: what a stage runs is checked, whoever runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.check import Stage, UnknownValueError, check
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault, unique

from tests.unit.inventory.stages import STAGES, catalogue, members, rendered

Groups = Mapping[str, Sequence[str]]
# A cluster whose hosts are named in the group of servers only: role k3s_common runs inside k3s_server alone.
SERVERS: Groups = {"platform": ["account"], "k3s_servers": ["server-1"]}
WRONG: Mapping[str, Any] = {"int": "x", "float": "x", "bool": "x", "list": 7, "dict": 7}
ALL = [*STAGES, Path("servers_only")]
pytestmark = pytest.mark.parametrize("stage", ALL, ids=lambda stage: str(stage.name))


def groups_of(stage: Path) -> Groups:
    return {name: members(stage, name) for name in rendered(stage)} if stage in STAGES else SERVERS


def variables_of(stage: Path) -> Mapping[str, Mapping[str, Any]]:
    if stage in STAGES:
        return dict(rendered(stage)["_meta"]["hostvars"])
    platform = {
        "platform_project": "a",
        "platform_stage": "b",
        "platform_region": "eu-west-1",
        "platform_state_dir": "/s",
    }
    return {"account": platform, "server-1": {**platform, "ansible_host": "10.0.0.1"}}


def faults(
    stage: Path,
    told: Mapping[str, Any],
    at: Mapping[str, Mapping[str, Any]] | None = None,
    playbook: str = "site.yml",
) -> list[Fault]:
    """What preflight says of a stage whose hosts are told these values too, and some of them others."""
    variables = {host: {**found, **told, **(at or {}).get(host, {})} for host, found in variables_of(stage).items()}

    def rendered_value(value: Any) -> Any:
        if "{{" in str(value):
            raise UnknownValueError("needs the whole inventory", later=True)
        return value

    return list(
        check(
            Stage(
                groups=groups_of(stage),
                names={host: list(found) for host, found in variables.items()},
                value=lambda host, name: rendered_value(variables[host][name]),
                default=rendered_value,
                holds=lambda _condition: True,
            ),
            catalogue(playbook),
        )
    )


def named_in(text: str) -> set[str]:
    return set(re.findall(r"(?:name|role): tiketi\.platform\.(\w+)$", text, re.MULTILINE)) & set(catalogue().roles)


def played(stage: Path) -> Iterator[str]:
    """Yield the roles of a stage as a reader of the playbooks finds them, by their text."""
    site = Path("playbooks/site.yml").read_text()
    for book in re.findall(r"import_playbook: (\w+\.yml)", site):
        for play in re.split(r"^- name:", Path("playbooks", book).read_text(), flags=re.MULTILINE)[1:]:
            hosts = re.search(r"^  hosts: .*?(\w+)(?:\[0\]|'\] .*)?$", play, re.MULTILINE)
            assert hosts, play
            if groups_of(stage).get(hosts[1]):
                yield from named_in(play)


def test_a_role_inside_another_role_is_active_too(stage: Path) -> None:
    wanted = set(played(stage))
    for _depth in range(3):
        wanted |= {
            inner
            for role in wanted
            for file in Path("roles", role).glob("*/*.yml")
            for inner in named_in(file.read_text())
        }
    assert "preflight" in wanted
    assert catalogue().active(groups_of(stage)) == wanted


def test_every_variable_of_every_role_that_a_stage_uses_is_checked(stage: Path) -> None:
    for name in sorted(catalogue().active(groups_of(stage))):
        options = catalogue().roles[name].options
        # Of any type is what settings of the role judge, once the types of the others are right.
        loose = {option: ["x"] for option, spec in options.items() if spec.get("type") == "raw"}
        typed = {
            option: WRONG.get(spec.get("type", "str"), ["x"]) for option, spec in options.items() if option not in loose
        }
        said = {
            fault.object.partition(".")[0].partition(":")[0]
            for wrong in (typed, loose)
            for fault in faults(stage, wrong)
        }
        assert sorted(set(options) - said) == [], name


def test_every_range_is_checked_at_every_host_also_where_only_one_is_told_it(stage: Path) -> None:
    roles = [catalogue().roles[name] for name in sorted(catalogue().active(groups_of(stage)))]
    options = {name: spec for role in roles for name, spec in role.options.items()}
    wrong: dict[str, Any] = {name: "10.42.0.0" for name in options if name.endswith("_cidr")}
    wrong |= {name: ["10.42.0.0"] for name in options if name.endswith("_cidrs")}
    assert ("k3s_common_cluster_cidr" in wrong) is bool(groups_of(stage).get("k3s_servers"))
    for host in variables_of(stage):
        said = {
            fault.object.partition("[")[0]
            for fault in faults(stage, {}, at={host: wrong})
            if "is not a network" in fault.what
        }
        assert said == set(wrong), host


def test_a_fault_at_one_host_is_not_hidden_by_a_sound_value_at_the_others(stage: Path) -> None:
    *_others, last = variables_of(stage)
    sound, wrong = {"network_cidr": "10.0.0.0/16"}, {"network_cidr": "10.0.0.0"}
    assert not [fault for fault in faults(stage, sound) if fault.object == "network_cidr"]
    found = unique(faults(stage, sound, at={last: wrong}))
    assert [fault.what for fault in found if fault.object == "network_cidr"] == ['"10.0.0.0" is not a network']
