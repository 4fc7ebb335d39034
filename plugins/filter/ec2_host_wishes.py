# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

"""What each inventory host wants of its instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: ec2_host_wishes
short_description: Collect what each inventory host wants of its EC2 instance
version_added: 1.0.0
description:
  - Returns one entry for each host. A host's own variable C(ec2_host_<option>) wins over the value for all hosts.
positional: hostvars, usual
options:
  _input:
    description: Inventory names.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  usual:
    description: Options with the value that holds where a host sets none.
    type: dict
    required: true
"""

EXAMPLES = r"""
wishes: "{{ groups['ec2_hosts'] | tiketi.platform.ec2_host_wishes(hostvars, {'instance_type': 't3.large'}) }}"
"""

RETURN = r"""
_value:
  description: One dictionary for each host, with C(name) and the options.
  type: list
  elements: dict
"""


def ec2_host_wishes(
    names: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], usual: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [
        {"name": name, **{option: hostvars[name].get(f"ec2_host_{option}", value) for option, value in usual.items()}}
        for name in names
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ec2_host_wishes": ec2_host_wishes}
