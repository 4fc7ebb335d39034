# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""amazon.aws.aws_ec2, whose refusal by AWS is left to the preflight: it says how to mend it, beside every other fault."""

from __future__ import annotations

DOCUMENTATION = r"""
name: aws_ec2
short_description: amazon.aws.aws_ec2, with a refusal by AWS told as an input that is wrong
version_added: 1.0.0
description:
  - Reads the same files as P(amazon.aws.aws_ec2#inventory), with all of its options, by that plugin; the files name that plugin, and stay good for it.
  - Where AWS cannot be called at all (no credentials, expired or refused ones, a region that is none or does not answer), a playbook that begins with the
    preflight of this collection comes as far as that. It names this fault with its mend, and all others with it, before anything is touched.
  - Every other command, and a run that is narrowed (C(--limit), C(--tags), C(--skip-tags), C(--start-at-task)), ends with that fault at once,
    since an inventory without addresses must not be taken for an empty stage.
    So it does when the inventory is read anew within a run. What is no refusal of all calls stays an error as P(amazon.aws.aws_ec2#inventory) says it.
requirements:
  - enabled in configuration, before others that read YAML (C(enable_plugins = tiketi.platform.aws_ec2, ...))
  - amazon.aws
options: {}
author:
  - The tiketi.platform developers
"""

EXAMPLES = r"""
# ansible.cfg
# [inventory]
# enable_plugins = tiketi.platform.aws_ec2, ansible.builtin.yaml
#
# inventories/production/aws_ec2.yml
plugin: amazon.aws.aws_ec2
regions: [eu-central-1]
filters:
  tag:Project: shop
hostnames: [tag:InventoryHost]
"""

import contextlib
from dataclasses import astuple
from pathlib import Path
from typing import Any

import yaml
from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.plugins.loader import inventory_loader
from ansible.utils.display import Display
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.aws import check_account
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault, report

REAL = "amazon.aws.aws_ec2"
# What the preflight reads of a refusal; see plugins/action/preflight.py.
REFUSED = "inventory_refused"
OWN = "tiketi.platform."
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"


class InventoryModule(BaseInventoryPlugin):
    NAME = "tiketi.platform.aws_ec2"
    _read = False  # once in this process, with or without an answer

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("aws_ec2.yml", "aws_ec2.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        real = inventory_loader.get(REAL)
        if real is None:
            raise AnsibleError(f"{REAL} is not installed. Mend: ansible-galaxy collection install amazon.aws")
        first, InventoryModule._read = not InventoryModule._read, True
        try:
            real.parse(inventory, loader, path, cache=cache)
        except AnsibleError as error:
            faults = _refusals(real, path)
            if not faults:
                raise
            if not (first and _guarded()):
                raise AnsibleError(report(faults)) from error
            inventory.set_variable("all", REFUSED, [list(astuple(fault)) for fault in faults])
            Display().warning(f"The addresses of hosts are not known: {faults[0].object} {faults[0].what}.")
            return
        with contextlib.suppress(AttributeError):  # it has no cache where none was asked for
            real.update_cache_if_changed()


def _refusals(real: Any, path: str) -> list[Fault]:
    """Why AWS would refuse every other call as well; nothing where it would not, or where the file was not understood."""
    try:
        regions = real.get_option("regions")
    except (AnsibleError, KeyError):
        return []
    found: list[Fault] = []
    for region in regions or []:
        found += [
            fault if fault.object != "platform_region" else Fault(f"{path}: regions", fault.what, fault.mend)
            for fault in check_account(str(region))[1]
        ]
    return list(dict.fromkeys(found))


def _guarded() -> bool:
    """Whether this is a run of a playbook that begins with the preflight, which stops it."""
    given = context.CLIARGS.get("args") or ()
    if "listtags" not in context.CLIARGS or isinstance(given, str) or not given:
        return False  # not ansible-playbook
    if _narrowed():
        return False  # the preflight may be left out
    return _begins_with_preflight(str(given[0]), Path())


def _narrowed() -> bool:
    """Whether a part of the playbook is asked for: hosts, tags, or the tasks after one."""
    asked = context.CLIARGS
    tags = {str(tag) for tag in asked.get("tags") or ()}
    return bool(asked.get("subset") or asked.get("start_at_task") or asked.get("skip_tags") or tags - {"all"})


def _begins_with_preflight(name: str, folder: Path) -> bool:
    own = name.startswith(OWN) and "/" not in name
    path = PLAYBOOKS / f"{name.removeprefix(OWN)}.yml" if own else folder / name
    if path.resolve() == (PLAYBOOKS / "preflight.yml").resolve():
        return True
    try:
        first = (yaml.safe_load(path.read_text(encoding="utf-8")) or [None])[0]
    except (OSError, ValueError, yaml.YAMLError):
        return False
    known = first if isinstance(first, dict) else {}
    onward = known.get("ansible.builtin.import_playbook") or known.get("import_playbook")
    return bool(onward) and _begins_with_preflight(str(onward), path.parent)
