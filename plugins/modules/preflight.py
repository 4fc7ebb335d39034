#!/usr/bin/python
# Copyright: (c) 2026, The tiketi.platform developers
# SPDX-License-Identifier: Apache-2.0

# This is the documentation of an action plugin: everything happens on the controller, in plugins/action/preflight.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check every input of a stage before anything is touched
version_added: 1.0.0
description:
  - Compares the variables of all hosts with the argument specifications of all roles, checks groups, address ranges and key files,
    and asks AWS who is calling. Every fault is named in one message, with the way to mend it.
  - Types are strict, since the conversions of Ansible turn the text V(false) into a truth value and an unquoted V(0644) into 420.
  - Bounds numbers and forms that an argument specification cannot bound, such as counts, ports, times and the windows of maintenance, and
    holds the settings of K3s and the shapes of secrets against their own rules.
  - Never changes anything.
author:
  - The tiketi.platform developers
options:
  region:
    description: AWS region to call.
    type: str
  account:
    description: Ask AWS; without it only the inputs are checked.
    type: bool
    default: true
  playbook:
    description:
      - File in C(playbooks/) whose plays are to run. What the roles of other playbooks need, such as a container engine to build images
        with, is not asked for; a misspelt name or a wrong value of any role is named all the same.
    type: str
    default: site.yml
extends_documentation_fragment:
  - tiketi.platform.attributes.reads
"""

EXAMPLES = r"""
- name: Check the inputs
  tiketi.platform.preflight:
    region: ap-northeast-2
"""

RETURN = r"""
caller:
  description: ARN of the caller.
  returned: when AWS was asked
  type: str
"""
