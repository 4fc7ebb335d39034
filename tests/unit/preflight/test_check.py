"""Preflight: every fault at once, with the variable and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import Catalogue, load
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.check import Stage, UnknownValueError, check
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.controller import check_engine
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault, report, unique
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.relations import check_groups, check_ranges
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.types import check as check_type

SPECS = """
argument_specs:
  main:
    options:
      web_cidr: {type: str, default: 10.1.0.0/16}
      web_mode: {type: str, default: "0644"}
      web_open: {type: bool, default: false}
      web_image: {type: str, required: true, description: The image.}
      web_region: {type: str}
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    for path, text in {
        "roles/web/meta/argument_specs.yml": SPECS,
        "roles/web/defaults/main.yml": "web_cidr: 10.1.0.0/16\nweb_mode: '0644'\nweb_open: false\n",
        "playbooks/site.yml": "- import_playbook: web.yml\n- ansible.builtin.import_playbook: late.yml\n",
        "playbooks/web.yml": "- hosts: webs[0]\n  roles: [{role: tiketi.platform.web}]\n",
        "playbooks/late.yml": "- hosts: lates\n  roles: [{role: web, vars: {web_image: x}, when: never}]\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return load(tmp_path)


SOUND: Mapping[str, Any] = {
    "platform_project": "tiketi",
    "platform_stage": "k3s",
    "platform_region": "ap-northeast-2",
    "platform_state_dir": "/tmp/state",  # noqa: S108 - only a value
    "web_image": "nginx:1.29",
}


def faults(catalogue: Catalogue, variables: Mapping[str, Any], **groups: list[str]) -> list[Fault]:
    def value(_host: str, name: str) -> Any:
        if isinstance(variables[name], Exception):
            raise variables[name]
        return variables[name]

    members = {"platform": ["account"], "webs": ["account"], **groups}
    stage = Stage(members, {"account": list(variables)}, value, lambda raw: raw, lambda condition: condition != "never")
    return unique(check(stage, catalogue))


def test_sound_inputs_have_no_fault(catalogue: Catalogue) -> None:
    assert faults(catalogue, SOUND) == []


@pytest.mark.parametrize(
    ("wrong", "object_", "mend"),
    [
        ({"web_open": "false"}, "web_open", "without quotes"),
        ({"web_mode": 420}, "web_mode", 'web_mode: "0644"'),
        ({"web_mode": None}, "web_mode", "default"),
        ({"web_image": ""}, "web_image", "give it a value"),
        ({"web_image": "CHANGEME"}, "web_image", "real value"),
        ({"web_cdir": "10.1.0.0/16"}, "web_cdir", "web_cidr"),
        ({"wbe_cidr": "10.1.0.0/16"}, "wbe_cidr", "web_cidr"),
        ({"platform_projet": "x"}, "platform_projet", "platform_project"),
        ({"platform_project": "Tiketi GmbH"}, "platform_project", "lower-case"),
        ({"platform_project": "shop-"}, "platform_project", "single hyphens"),
        ({"platform_project": "a--b"}, "platform_project", "single hyphens"),
        ({"platform_project": "a" * 17}, "platform_project", "up to 16"),
        ({"platform_region": "seoul"}, "platform_region", "ap-northeast-2"),
        ({"web_cidr": "10.1.0.5/16"}, "web_cidr", "10.1.0.0/16"),
        ({"web_cidr": "ten"}, "web_cidr", "address/bits"),
        ({"web_region": UnknownValueError("'web_regoin' is undefined", later=False)}, "web_region", "correct its name"),
    ],
)
def test_each_fault_is_named_with_its_mend(
    catalogue: Catalogue, wrong: Mapping[str, Any], object_: str, mend: str
) -> None:
    found = faults(catalogue, {**SOUND, **wrong})
    assert [fault.object for fault in found] == [object_]
    assert mend in found[0].mend


@pytest.mark.parametrize("name", ["a", "my-shop-2", "a" * 16])
def test_a_name_may_hold_hyphens(catalogue: Catalogue, name: str) -> None:
    assert faults(catalogue, {**SOUND, "platform_project": name}) == []


def test_all_faults_come_in_one_report(catalogue: Catalogue) -> None:
    found = faults(catalogue, {"web_open": "no", "web_cidr": "x", "platform_stage": "k3s"})
    text = report(found)
    names = ("platform_project", "platform_region", "platform_state_dir", "web_open", "web_image", "web_cidr")
    assert all(name in text for name in names)
    assert text.startswith(f"{len(found)} inputs are wrong; nothing was touched.")


def test_a_value_that_a_later_play_makes_is_no_fault(catalogue: Catalogue) -> None:
    assert (
        faults(catalogue, {**SOUND, "web_region": UnknownValueError("'network_facts' is undefined", later=True)}) == []
    )


def test_names_of_others_are_left_alone(catalogue: Catalogue) -> None:
    others = {
        "ansible_user": "admin",
        "aws_tags": {},
        "__web_x": 1,
        "my_own": 1,
        "web_facts": {},
        "service_overrides": {},
    }
    assert faults(catalogue, {**SOUND, **others}) == []


def test_a_required_option_may_come_from_the_play_and_is_not_asked_of_a_role_that_does_not_run(
    catalogue: Catalogue,
) -> None:
    variables = {name: value for name, value in SOUND.items() if name != "web_image"}
    assert faults(catalogue, variables, webs=[], lates=["account"])[0].object == "group webs"
    assert len(faults(catalogue, variables, webs=[], lates=["account"])) == 1


INNER = """
argument_specs:
  main: {options: {inner_cidr: {type: str, default: 10.2.0.0/16}, inner_size: {type: int, required: true, description: The size.}}}
"""
# How the role web runs the role inner, and what preflight then says where nothing else is set.
INSIDE: Mapping[str, tuple[str, str, list[str]]] = {
    "included": ("tasks/late/some.yml", "[{block: [{include_role: {name: inner}}]}]", ["inner_size"]),
    "a dependency": ("meta/main.yml", "dependencies: [{role: tiketi.platform.inner}]", ["inner_size"]),
    "given what it needs": (
        "tasks/main.yml",
        "[{ansible.builtin.import_role: {name: tiketi.platform.inner}, vars: {inner_size: 1}}]",
        [],
    ),
    "not in this stage": ("tasks/main.yml", "[{when: [never], block: [{include_role: {name: inner}}]}]", []),
}


@pytest.mark.parametrize(("file", "text", "missing"), INSIDE.values(), ids=INSIDE)
def test_a_role_inside_another_is_checked_as_one_of_a_play(
    tmp_path: Path, catalogue: Catalogue, file: str, text: str, missing: list[str]
) -> None:
    assert catalogue.roles  # the files are there
    for path, content in {
        "roles/inner/meta/argument_specs.yml": INNER,
        "roles/inner/defaults/main.yml": "inner_cidr: 10.2.0.0/16\n",
        f"roles/web/{file}": text,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    found = load(tmp_path)
    assert [fault.object for fault in faults(found, SOUND)] == missing
    assert [fault.object for fault in faults(found, {**SOUND, "inner_size": 1, "inner_cidr": "10.2.0.0"})] == [
        "inner_cidr"
    ]


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ({}, "group platform"),
        ({"platform": []}, "group platform"),
        ({"k3s_servers": ["a", "b"]}, "2 hosts"),
        ({"k3s_servers": [], "k3s_agents": []}, "group k3s_agents"),
        ({"k3s_agents": ["x"], "ec2_hosts": ["x"]}, "none to join"),
        ({"legacy_hosts": ["x"]}, "group data_runners"),
        ({"k3s_servers": ["a"], "ec2_hosts": []}, "no address"),
        ({"k3s_servers": ["a"], "k3s_agents": ["a"], "ec2_hosts": ["a"]}, "both"),
    ],
)
def test_groups(groups: Mapping[str, list[str]], text: str) -> None:
    stage = {"platform": ["account"], **groups} if groups else {}
    found = list(check_groups(stage, {"k3s_agents", "k3s_servers"}, addressed=[]))
    assert any(text in f"{fault.object}: {fault.what}" for fault in found)


def test_a_host_with_an_address_of_its_own_need_not_be_made() -> None:
    assert not list(check_groups({"platform": ["a"], "k3s_servers": ["s"]}, set(), addressed=["s"]))


@pytest.mark.parametrize(
    ("values", "objects"),
    [
        ({"network_cidr": "10.0.0.0/8", "k3s_common_cluster_cidr": "10.42.0.0/16"}, 1),
        ({"network_cidr": "10.0.0.0/16", "k3s_common_cluster_cidr": "10.42.0.0/16"}, 0),
        ({"network_cidr": "10.0.0.0/16", "k3s_common_vpc_cidr": "10.0.0.0/16"}, 0),
        ({"network_cidr": "10.0.0.0/16", "k3s_common_vpc_cidr": "10.0.0.0/8"}, 1),
        ({"network_admin_cidrs": ["10.0.0.0/16", "nonsense"]}, 1),
        ({"network_admin_cidrs": ["10.0.0.0/16"], "network_cidr": "10.0.0.0/16"}, 0),
        ({"network_admin_cidrs": ["0.0.0.0/0", "::/0"]}, 2),
        ({"network_web_cidrs": ["0.0.0.0/0"]}, 0),
    ],
)
def test_ranges(values: Mapping[str, Any], objects: int) -> None:
    assert len(list(check_ranges(values))) == objects


@pytest.mark.parametrize(
    ("value", "spec", "count"),
    [
        ([{"name": "a"}], {"type": "list", "elements": "dict", "options": {"name": {"required": True}}}, 0),
        ([{"nmae": "a"}], {"type": "list", "elements": "dict", "options": {"name": {"required": True}}}, 2),
        (["a", 1], {"type": "list", "elements": "str"}, 1),
        ("a", {"type": "list", "elements": "str"}, 1),
        (True, {"type": "int"}, 1),
        (1.3, {"type": "str"}, 1),
        ({"any": 1}, {"type": "raw"}, 0),
        ("b", {"type": "str", "choices": ["a"]}, 1),
    ],
)
def test_types_are_strict(value: Any, spec: Mapping[str, Any], count: int) -> None:
    assert len(list(check_type("x", value, spec))) == count


@pytest.mark.parametrize(
    ("wanted", "there", "count"),
    [("auto", {"docker"}, 0), ("auto", set(), 1), ("podman", {"docker"}, 1), ("podman", {"podman"}, 0)],
)
def test_an_engine_is_needed_where_images_are_built(wanted: str, there: set[str], count: int) -> None:
    assert len(list(check_engine(wanted, lambda name: name if name in there else None))) == count
