# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

"""Checks every input of a stage on the controller, where the variables of all hosts are at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.tiketi.platform.plugins.module_utils._preflight import catalogue
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.addresses import read_sources
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.aws import absent_secrets, check_account
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.check import (
    Stage,
    UnknownValueError,
    check,
    hints,
)
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.files import read_files
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault, Later, report, unique

ROOT = Path(__file__).resolve().parents[2]
# What a run learns on its way: facts, what a role keeps for itself, addresses of hosts, and what stands at other hosts.
LATER = re.compile(r"'[a-z_]*_facts'|'__\w+'|'hostvars'|'ansible_host'|'aws_\w+'")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _validation, args = self.validate_argument_spec(
            {
                "region": {"type": "str"},
                "account": {"type": "bool", "default": True},
                "playbook": {"type": "str", "default": "site.yml"},
            }
        )
        if not (ROOT / "playbooks" / args["playbook"]).is_file():
            known = ", ".join(sorted(path.name for path in (ROOT / "playbooks").glob("*.yml")))
            return result | {"failed": True, "msg": f"playbook {args['playbook']} is not there. Mend: one of {known}"}
        roles = catalogue.load(ROOT, args["playbook"])
        region = args["region"] or ""
        stage = self._stage(variables, roles)
        if args["account"] and region:
            stage = replace(stage, absent=lambda names: absent_secrets(region, names))
        faults = unique(check(stage, roles))
        if warnings := list(hints(stage, roles)):
            result["warnings"] = warnings
        caller = ""
        if args["account"] and region and not any(fault.object == "platform_region" for fault in faults):
            caller, refused = check_account(region)
            faults += refused
        # What kept the inventory from asking AWS stops the run even where it has passed meanwhile: no address is known.
        faults += [Fault(*one) for one in variables.get("inventory_refused") or []]
        result.update(changed=False, caller=caller)
        faults = unique(faults)
        if faults:
            result.update(failed=True, msg=report(faults))
        else:
            result["msg"] = (
                f"Inputs are sound. AWS is called as {caller} in {region}." if caller else "Inputs are sound."
            )
            # Whose account a run is about to change is said without -v too.
            result["_ansible_verbose_always"] = bool(caller)
        return result

    def _stage(self, task_vars: Mapping[str, Any], roles: catalogue.Catalogue) -> Stage:
        hostvars, groups = task_vars["hostvars"], task_vars["groups"]
        # A default may read another one, of its own role or of the platform.
        defaults = {name: trusted(raw) for role in roles.roles.values() for name, raw in role.defaults.items()}
        templar = Templar(self._loader, {**defaults, **task_vars})
        folder = str(task_vars.get("inventory_dir") or "")

        def value(host: str, name: str) -> Any:
            try:
                return hostvars[host][name]
            except (AnsibleError, KeyError) as error:
                raise unknown(error) from error

        def parts(host: str, name: str) -> Any:
            variables = hostvars.raw_get(host)
            return known_parts(variables[name], Templar(self._loader, variables).template)

        def default(raw: Any) -> Any:
            try:
                return templar.template(trusted(raw))
            except AnsibleError as error:
                raise unknown(error) from error

        def holds(condition: str) -> bool:
            try:
                return bool(self._templar.evaluate_conditional(trusted(condition)))
            except AnsibleError:
                return True

        return Stage(
            groups={name: list(members) for name, members in groups.items()},
            names={host: list(hostvars[host]) for host in groups["all"]},
            value=value,
            default=default,
            holds=holds,
            parts=parts,
            sources=read_sources(folder),
            files=read_files(folder),
            tags=[str(tag) for tag in task_vars.get("ansible_run_tags") or ()],
        )


def known_parts(raw: Any, render: Callable[[Any], Any]) -> Any:
    """Return a value with everything that is known already; one key may wait for a fact, and the others are checked now."""
    if isinstance(raw, Mapping):
        return {key: known_parts(value, render) for key, value in raw.items()}
    if isinstance(raw, Sequence) and not isinstance(raw, str | bytes):
        return [known_parts(value, render) for value in raw]
    try:
        return render(raw)
    except AnsibleError as error:
        if not (found := unknown(error)).later:
            raise found from error
        return Later()


def unknown(error: Exception) -> UnknownValueError:
    text = str(error).partition("\n")[0]
    return UnknownValueError(text, later=bool(LATER.search(text)))


def trusted(raw: Any) -> Any:
    """The defaults were read from the collection's own files, so their templates may be rendered."""
    from ansible.template import trust_as_template  # noqa: PLC0415 - ansible-core 2.19 and later

    if isinstance(raw, Mapping):
        return {key: trusted(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [trusted(value) for value in raw]
    return trust_as_template(raw) if isinstance(raw, str) else raw
